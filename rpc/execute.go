package rpc

import (
	"expool/pool"
	"expool/pool/sched"
	"expool/rpc/wire"
)

// execute schedules a job or a list of jobs. With wait it answers when the job has finished.
func (s *Server) execute(c *Call) {
	params, p := decoded(s, c, wire.DecodeExecute)
	if p == nil {
		return
	}
	if problem := s.backlog.allows(&params); problem != nil {
		c.Fail(problem)
		return
	}
	jobs := make([]*pool.Job, len(params.Jobs))
	for i := range params.Jobs {
		jobs[i] = jobOf(&params.Jobs[i])
	}
	s.backlog.add(len(jobs))
	p.SubmitJobs(jobs, params.List, s.backlog.unless(len(jobs), executed(c, jobs, params.List)))
}

// executed answers the call with ids or, with wait, the job's record.
func executed(c *Call, jobs []*pool.Job, list bool) func(any, error) {
	switch {
	case list:
		return answer(c, func(a sched.Accepted) wire.Appender { return jobIDs(a, len(jobs)) })
	case jobs[0].Wait:
		c.Waits()
		return answer(c, func(r *sched.Record) wire.Appender { w := recordOf(r); return &w })
	}
	return answer(c, func(a sched.Accepted) wire.Appender {
		return wire.JobID{Job: int64(a.First), State: wire.State(a.State.String())}
	})
}

func jobIDs(a sched.Accepted, n int) wire.Appender {
	ids := make(wire.JobIDs, n)
	for i := range ids {
		ids[i] = int64(a.First) + int64(i)
	}
	return ids
}

func jobOf(j *wire.Job) *pool.Job {
	return &pool.Job{Name: j.Name, Args: j.Args, Dir: j.Workdir, Env: j.Env, Stdin: j.Stdin, Stdout: outputOf(j.Stdout), Stderr: outputOf(j.Stderr),
		Params: j.Params, Timeout: j.Timeout, Restart: j.Restart, StartDelay: j.StartDelay, Confirm: j.Confirm, Task: sched.TaskID(j.Task),
		Wait: j.Wait, OmitAffinity: j.NoAffinity, MemLimit: j.MemLimit,
		MemKind: pool.MemKind(j.MemKind), Category: j.Category, Size: j.Size, Slowdown: j.Slowdown}
}

var outputKinds = map[wire.OutputKind]pool.OutputKind{wire.OutputDefault: pool.Default, wire.OutputInherit: pool.Inherit,
	wire.OutputDiscard: pool.Discard, wire.OutputPipe: pool.Capture, wire.OutputMerge: pool.Merge, wire.OutputFile: pool.ToFile}

func outputOf(o wire.Output) pool.Output { return pool.Output{Kind: outputKinds[o.Kind], Path: o.File} }

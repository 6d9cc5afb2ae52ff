package pool

import (
	"encoding/json"
	"time"

	"expool/pool/mem"
	"expool/pool/proc"
	"expool/pool/sched"
)

// Ids and records are those of the scheduler.
type (
	JobID      = sched.JobID
	TaskID     = sched.TaskID
	Record     = sched.Record
	TaskRecord = sched.TaskRecord
	Change     = sched.Change
	Summary    = sched.Summary
	Error      = sched.Error
)

// Job is one command to execute, with its constraints. The zero value of a field is its default. A job must not be changed
// once it was given to a pool.
type Job struct {
	Name   string   // required; need not be unique
	Args   []string // the command and its arguments; nil makes a stub, which runs nothing and succeeds at once
	Dir    string   // working folder, relative to this process's, which is the default
	Env    []string // "NAME=value", added to this process's environment
	Stdin  string   // a path; "" is /dev/null
	Stdout Output
	Stderr Output
	Params json.RawMessage // echoed in every change and record

	Timeout    time.Duration // of each attempt, from its start; 0: none
	StartDelay time.Duration // how long after its start no other queued job starts
	Task       TaskID        // 0: none
	MemLimit   int64         // bytes; 0: none but the pool's

	MemKind      MemKind // whose memory counts; MemProcess (the wire's default is MemHeaviest)
	Restart      bool    // start again on timeout, instead of failing
	Confirm      bool    // each attempt starts only after Pool.Confirm
	Wait         bool    // starts at once, beside the workers; Execute returns when it has finished
	OmitAffinity bool    // runs outside of the affinity groups

	// Category, Size and Slowdown relate jobs for chained termination: one that breaks its timeout ends those of its category
	// whose Size x Slowdown is at least its own. Jobs with Size 0 take no part.
	Category string
	Size     float64
	Slowdown float64 // 1 is usual (the wire's default); 0 counts as given
}

// MemKind says whose memory counts as that of a job.
type MemKind = mem.Kind

// The kinds of memory.
const (
	MemProcess  = mem.Process  // the main process
	MemHeaviest = mem.Heaviest // the heaviest process of the tree
	MemTree     = mem.Tree     // the whole tree; where the kernel can limit that, it does
)

// OutputKind says where a stream of a job goes.
type OutputKind uint8

// The places where a stream can go.
const (
	Default OutputKind = iota // as the job's task says, else as Inherit
	Inherit                   // this process's own stream: Config.Stdout or Config.Stderr
	Discard
	Capture // kept, bounded, for the record
	Merge   // stderr only: where stdout goes
	ToFile  // appended to Output.Path
)

// Output is where a stream of a job goes.
type Output struct {
	Kind OutputKind
	Path string // of ToFile, relative to this process's folder
}

// Task is a named group of jobs and other tasks.
type Task struct {
	Name           string
	Parent         TaskID        // 0: none
	Timeout        time.Duration // from the start of its first job; 0: none
	Params         json.RawMessage
	Stdout, Stderr Output // the defaults of its jobs
}

// spec is the scheduler's view of the job.
func (j *Job) spec() (*sched.Spec, *Error) {
	switch {
	case j.Name == "":
		return nil, &Error{Field: "name", Problem: "a job needs a name"}
	case j.Args != nil && (len(j.Args) == 0 || j.Args[0] == ""):
		return nil, &Error{Field: "args", Problem: "the command is missing; leave args out for a stub"}
	case j.MemLimit < 0 || j.MemKind > MemTree:
		return nil, &Error{Field: "memlim", Problem: "a memory limit can't be negative, and its kind is 0, 1 or 2"}
	case j.Timeout < 0:
		return nil, &Error{Field: "timeout", Problem: "it can't be negative"}
	case j.StartDelay < 0:
		return nil, &Error{Field: "startdelay", Problem: "it can't be negative"}
	case !(j.Size >= 0): // NaN included
		return nil, &Error{Field: "size", Problem: "it has to be a number, and can't be negative"}
	case !(j.Slowdown >= 0):
		return nil, &Error{Field: "slowdown", Problem: "it has to be a number, and can't be negative"}
	}
	return &sched.Spec{Name: j.Name, Task: j.Task, Timeout: j.Timeout, Restart: j.Restart, StartDelay: j.StartDelay,
		Confirm: j.Confirm, Stub: j.Args == nil, Sync: j.Wait, OmitAffinity: j.OmitAffinity, MemLimit: j.MemLimit, MemKind: uint8(j.MemKind), Category: j.Category, Size: j.Size, Slowdown: j.Slowdown,
		Payload: j}, nil
}

// JobOf gives the job that a spec of the scheduler was made for.
func JobOf(s *sched.Spec) *Job { return s.Payload.(*Job) }

// TaskOf gives the task that a spec of the scheduler was made for.
func TaskOf(s *sched.TaskSpec) *Task { return s.Payload.(*Task) }

var outputKinds = map[OutputKind]proc.OutputKind{Default: proc.Inherit, Inherit: proc.Inherit, Discard: proc.Null, Capture: proc.Pipe,
	Merge: proc.Merge, ToFile: proc.File}

// output is where a stream really goes: as the job says, else as the nearest of its tasks that says something.
func output(o Output, tasks []*Task, ofTask func(*Task) Output) proc.Output {
	for _, t := range tasks {
		if o.Kind != Default {
			break
		}
		o = ofTask(t)
	}
	return proc.Output{Kind: outputKinds[o.Kind], Path: o.Path}
}

// command is what the runner is to start; tasks are those of the job, the innermost first.
func (j *Job) command(a sched.Start, bind MemBind, tasks []*Task) *proc.Command {
	c := &proc.Command{Args: j.Args, Dir: j.Dir, Env: j.Env, Stdin: j.Stdin,
		Stdout: output(j.Stdout, tasks, func(t *Task) Output { return t.Stdout }),
		Stderr: output(j.Stderr, tasks, func(t *Task) Output { return t.Stderr })}
	if a.Group != nil {
		c.CPUs, c.Nodes, c.MemBind = a.Group.CPUs, a.Group.Nodes, bind
	}
	if j.MemKind == MemTree { // a memory cgroup counts whole trees, and costs some time
		c.MemGroup, c.MemLimit = true, a.Limit
	}
	return c
}

func exitOf(e proc.Exit) sched.Exit {
	x := sched.Exit{PID: e.PID, Code: e.Code, Wall: e.Wall, Duration: e.Duration, User: e.User, Sys: e.Sys,
		Peak: e.MaxRSS, PeakFrom: "rusage", Read: e.ReadBytes, Write: e.WriteBytes, Leaked: e.Leaked,
		Unbound: e.Unbound, Limited: e.MemLimited, OOM: (e.OOMKilled || e.MaybeOOM) && !e.MemLimited,
		Stdout: captureOf(e.Stdout), Stderr: captureOf(e.Stderr), Warnings: e.Warnings}
	if e.GroupPeak > 0 {
		x.Peak, x.PeakFrom = e.GroupPeak, e.GroupPeakSource
	}
	return x
}

func captureOf(c *proc.Capture) *sched.Capture {
	if c == nil {
		return nil
	}
	return &sched.Capture{Data: c.Data, Head: c.Head, Truncated: c.Truncated}
}

// RunGuardian must be called first in main, and in TestMain: in a guardian, which is a copy of this program that is the
// parent of a job, it never returns.
func RunGuardian() { proc.RunGuardian() }

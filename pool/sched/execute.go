package sched

import "fmt"

func (c *Core) execute(e Execute) {
	tasks, err := c.checkJobs(e)
	if err != nil {
		c.reply(e.Call, nil, err)
		return
	}
	if len(e.Jobs) > 0 {
		c.epoch.begin(c.now.Mono)
	}
	if len(e.Jobs) == 1 && e.Jobs[0].Sync {
		c.addJob(e.Jobs[0], tasks[0]).wait = e.Call
		return
	}
	accepted := Accepted{First: c.lastJob + 1, State: Queued}
	if c.queued() == 0 && len(e.Jobs) > 0 && c.blocker(&job{spec: e.Jobs[0]}) == "" {
		accepted.State = Starting
	}
	c.reply(e.Call, accepted, nil)
	for i, spec := range e.Jobs {
		c.addJob(spec, tasks[i])
	}
}

// checkJobs finds the jobs' tasks, or the first reason why not all of the jobs can be taken.
func (c *Core) checkJobs(e Execute) ([]*task, *Error) {
	if err := c.accepting(); err != nil {
		return nil, err
	}
	tasks := make([]*task, len(e.Jobs))
	for i, spec := range e.Jobs {
		field := "task"
		if e.List {
			field = fmt.Sprintf("jobs[%d].task", i)
		}
		t, err := c.openTask(spec.Task, field)
		if err != nil {
			return nil, err
		}
		tasks[i] = t
	}
	return tasks, nil
}

// accepting is the error of adding work to a pool that takes none.
func (c *Core) accepting() *Error {
	switch {
	case c.closing:
		return &Error{Kind: ErrNotAlive, Problem: "the pool is shutting down and takes no more work"}
	case c.ended != NoReason:
		return &Error{Kind: ErrNotAlive, Problem: fmt.Sprintf("the pool is not alive (%s): call clear to use it again", c.ended)}
	}
	return nil
}

func (c *Core) addJob(spec *Spec, t *task) *job {
	c.lastJob++
	j := &job{id: c.lastJob, spec: spec, task: t}
	c.jobs[j.id] = j
	c.byID.pushBack(j)
	c.byState[Queued]++
	c.joinCategory(j)
	if t != nil {
		t.jobs.pushBack(j)
		t.added++
	}
	c.enqueue(j)
	c.publishJob(j, Change{What: Added})
	return j
}

func (c *Core) setState(j *job, s State) {
	c.byState[j.state]--
	c.byState[s]++
	j.state = s
}

// publishJob fills in what every change of a job says.
func (c *Core) publishJob(j *job, ch Change) {
	ch.Job, ch.Task, ch.Spec, ch.Attempt = j.id, j.spec.Task, j.spec, j.attempt
	c.publish(ch)
}

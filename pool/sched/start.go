package sched

// pump starts what may start.
func (c *Core) pump() {
	for n := 0; ; n++ {
		j := c.next()
		if j == nil {
			return
		}
		if n == startsPerStep {
			c.again = true
			return
		}
		c.begin(j)
	}
}

// next is the job to start now; nil if none may.
func (c *Core) next() *job {
	switch {
	case c.sync.n > 0 && !c.held && !c.exhausted:
		return c.sync.head
	case !c.canStart():
		return nil
	case c.restarts.n > 0:
		return c.restarts.head
	}
	return c.queue.head
}

// canStart says that a job from the queue could start now; blocker says why not.
func (c *Core) canStart() bool { return c.blocker() == "" }

// blocker names what keeps the first job of the queue from starting; empty if nothing does.
func (c *Core) blocker() string {
	switch {
	case c.held:
		return BlockedByReader
	case c.exhausted:
		return BlockedByHost
	case c.occupied >= c.cfg.Workers:
		return BlockedByWorkers
	case c.delay.pos > 0:
		return BlockedByDelay
	}
	return ""
}

// begin takes a job out of the queue: its attempt is announced and, unless it must be confirmed first, sent to the runner.
func (c *Core) begin(j *job) {
	c.queueOf(j).remove(j)
	c.setState(j, Starting)
	if !j.spec.Sync {
		c.occupied++
	}
	if j.told { // it was announced before the host ran out of something
		c.launch(j)
		return
	}
	j.attempt++
	j.told = true
	j.run = &run{timer: timer{job: j}}
	c.startTasks(j.task)
	if j.spec.Confirm && c.mute {
		c.finish(j, Rejected, "the input has ended: nobody can confirm the start")
		return
	}
	c.publishJob(j, Change{What: OnStart, Confirm: j.spec.Confirm, CPUs: j.run.cpus})
	if j.spec.Confirm {
		j.asked = true
		return
	}
	c.launch(j)
}

// launch sends an attempt to the runner.
func (c *Core) launch(j *job) {
	if j.spec.StartDelay > 0 {
		c.timers.set(&c.delay, c.now.Mono+j.spec.StartDelay)
	}
	if j.spec.Stub {
		j.run.started, j.run.wall = true, c.now.Wall
		j.run.exit = &Exit{Wall: c.now.Wall}
		c.finish(j, Exited, "")
		return
	}
	j.sent = true
	c.processes++
	c.do(Start{Job: j.id, Attempt: j.attempt, Spec: j.spec, CPUs: j.run.cpus})
	c.setTimeout(j) // a spawn that hangs must not hang the job; Started sets it anew
}

func (c *Core) setTimeout(j *job) {
	if j.spec.Timeout > 0 {
		c.timers.set(&j.run.timer, c.now.Mono+j.spec.Timeout)
	}
}

func (c *Core) confirmed(e Confirmed) {
	j := c.jobs[e.Job]
	if j == nil || j.attempt != e.Attempt || !j.asked {
		return
	}
	j.asked = false
	if !e.OK {
		c.finish(j, Rejected, e.Problem)
		return
	}
	c.launch(j)
}

func (c *Core) started(e Started) {
	j := c.sentAttempt(e.Job, e.Attempt)
	if j == nil || j.run.started {
		return
	}
	j.run.started, j.run.pid, j.run.wall = true, e.PID, e.Wall
	if j.state == Starting {
		c.setState(j, Running)
		c.setTimeout(j)
	}
	c.publishJob(j, Change{What: Spawned, PID: e.PID})
}

func (c *Core) notStarted(e NotStarted) {
	j := c.sentAttempt(e.Job, e.Attempt)
	if j == nil {
		return
	}
	c.recalled(j)
	switch {
	case j.cause != NoReason:
		c.settleCause(j)
	case e.Exhausted && c.processes > 0:
		c.exhausted = true
		c.release(j)
		c.setState(j, Queued)
		c.requeueFirst(j)
	default:
		c.finish(j, StartFailed, e.Problem)
	}
}

// requeueFirst puts an announced job before all that are not, in the order of the announcements.
func (c *Core) requeueFirst(j *job) {
	q := c.queueOf(j)
	before := q.head
	for before != nil && before.told && before.id < j.id {
		before = q.at(before).next
	}
	q.insert(j, before)
}

// recalled notes that the runner no longer has the job's attempt.
func (c *Core) recalled(j *job) {
	j.sent = false
	c.processes--
	c.exhausted = false
	c.timers.stop(&j.run.timer)
}

// release gives the job's worker back.
func (c *Core) release(j *job) {
	if !j.spec.Sync {
		c.occupied--
	}
}

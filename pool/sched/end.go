package sched

// end ends a job for the given reason. The first cause stands, save that of a restart: any later end drops the restart and
// takes its place. A job without a process finishes at once. It says whether this end counts.
func (c *Core) end(j *job, why Reason) bool {
	switch {
	case !j.state.Live():
		return false
	case !j.sent:
		c.finish(j, why, "")
	case j.cause == NoReason:
		c.beginEnd(j, why)
	case j.again:
		j.again, j.cause = false, why
		c.publishJob(j, Change{What: EndBegun, Reason: why})
	default:
		return false
	}
	return true
}

// beginEnd signals an attempt softly, and sets the timer for the hard kill.
func (c *Core) beginEnd(j *job, why Reason) {
	j.cause = why
	c.setState(j, Ending)
	c.publishJob(j, Change{What: EndBegun, Reason: why})
	if c.cfg.Grace <= 0 {
		c.kill(j)
		return
	}
	c.do(Kill{Job: j.id, Attempt: j.attempt})
	c.timers.set(&j.run.timer, after(c.now.Mono, c.cfg.Grace))
}

// kill sends the hard kill, once.
func (c *Core) kill(j *job) {
	c.timers.stop(&j.run.timer)
	if !j.run.hard {
		c.weigh(j, -1)
		j.run.hard = true
		c.weigh(j, +1)
		c.do(Kill{Job: j.id, Attempt: j.attempt, Hard: true})
	}
}

// jobTimer is the end of an attempt's timeout or, when it is ending, of its grace.
func (c *Core) jobTimer(j *job) {
	if j.cause != NoReason {
		c.kill(j)
		return
	}
	j.again = j.spec.Restart
	c.beginEnd(j, TimedOut)
	if !j.again {
		c.chainTime(j)
	}
}

// endedAttempt is the news that an attempt's processes are gone.
func (c *Core) endedAttempt(e Ended) {
	j := c.sentAttempt(e.Job, e.Attempt)
	if j == nil {
		return
	}
	c.recalled(j)
	c.regain()
	j.run.started, j.run.wall = true, e.Exit.Wall
	j.run.pid, j.run.exit = e.Exit.PID, &e.Exit
	switch {
	case j.cause != NoReason:
		c.settleCause(j)
	case e.Exit.Limited:
		j.mem = max(j.mem, e.Exit.Peak)
		c.chainMemory(j)
		c.finish(j, MemLimit, "")
	case e.Exit.OOM:
		c.finish(j, OOM, "")
	case e.Exit.Code < 0:
		c.finish(j, Signaled, "")
	default:
		c.finish(j, Exited, "")
	}
}

// settleCause carries out what the end of an attempt was caused for: the end of the job, or another attempt.
func (c *Core) settleCause(j *job) {
	if !j.again {
		c.finish(j, j.cause, "")
		return
	}
	why := j.cause
	c.watch.learned.note(j.spec, j.run.mem, false)
	c.release(j)
	c.places.give(j.run.slot)
	j.again, j.cause, j.told = false, NoReason, false
	if j.restart = why == TimedOut; j.restart {
		c.widen() // as when a job has finished
	}
	c.setState(j, Queued)
	c.enqueue(j)
	c.publishJob(j, Change{What: Requeued, Reason: why})
}

// endAll ends every job and task, and makes the pool not alive. It counts the jobs that it ends.
func (c *Core) endAll(why Reason) int64 {
	if c.ended == NoReason {
		c.ended = why
		c.publish(Change{What: PoolEnded, Reason: why})
	}
	n := c.endTasks(c.everyTask(), why)
	for j := range c.byID.all {
		n += count(c.end(j, why))
	}
	return n
}

func (c *Core) cancel(e Cancel) {
	if e.Job != 0 {
		j := c.jobs[e.Job]
		if j == nil {
			c.reply(e.Call, int64(0), c.history.knowsJob(e.Job))
			return
		}
		c.replyCount(e.Call, func() int64 { return count(c.end(j, Cancelled)) })
		return
	}
	t := c.tasks[e.Task]
	if t == nil {
		c.reply(e.Call, int64(0), c.history.knowsTask(e.Task))
		return
	}
	c.replyCount(e.Call, func() int64 { return c.endTask(t, Cancelled) })
}

// replyCount replies with what end counts, ahead of the changes that it makes.
func (c *Core) replyCount(call CallID, end func() int64) {
	at := len(c.out)
	c.reply(call, int64(0), nil)
	n := end()
	if call != 0 {
		c.out[at] = Reply{Call: call, Result: n}
	}
}

func count(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}

// hurry sends the hard kill to everything that is ending.
func (c *Core) hurry() {
	for j := range c.byID.all {
		if j.cause != NoReason && j.sent {
			c.kill(j)
		}
	}
}

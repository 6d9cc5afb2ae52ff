package sched

// finish ends a job's life: its processes are gone, or it never had any.
func (c *Core) finish(j *job, why Reason, problem string) {
	c.unask(j)
	c.widen()
	if j.state == Queued {
		c.dequeue(j)
	} else {
		c.release(j)
	}
	if j.attempt > 0 && (j.told || j.state != Queued) {
		c.timers.stop(&j.run.timer)
		c.places.give(j.run.slot)
	}
	ok := why == Exited && j.run.exit.Code == 0
	c.forget(j)
	j.state = Failed
	if ok {
		j.state = Done
	}
	c.count(ok)
	if j.run != nil {
		c.watch.learned.note(j.spec, j.run.mem, why == Exited)
	}
	r := c.record(j, why, problem)
	c.history.addJob(r)
	if ok {
		c.publishJob(j, Change{What: OnDone, Reason: why, Record: r})
	}
	c.publishJob(j, Change{What: OnFinish, Reason: why, Record: r})
	c.reply(j.wait, r, nil)
	c.childEnded(j.task, ok, why)
}

// forget takes a finished job out of every list of live ones.
func (c *Core) forget(j *job) {
	c.byState[j.state]--
	delete(c.jobs, j.id)
	if len(c.jobs) == 0 {
		c.timers.stop(&c.lack.pause)
	}
	c.byID.remove(j)
	c.leaveCategory(j)
	if j.task != nil {
		j.task.jobs.remove(j)
	}
}

func (c *Core) count(ok bool) {
	c.epoch.end = c.now.Mono
	if ok {
		c.done++
		return
	}
	c.failed++
	c.everFails++
}

// record tells what is known of a job; why and problem are of one that has finished.
func (c *Core) record(j *job, why Reason, problem string) *Record {
	r := &Record{Job: j.id, Spec: j.spec, State: j.state, Reason: why, Attempts: j.attempt, Problem: problem}
	if limit := c.limitOf(j.spec); limit < j.spec.MemLimit {
		r.Reduced = limit
	}
	if run := j.run; run != nil {
		r.Started, r.TStart = run.started, run.wall
		if run.exit == nil || !run.exit.Unbound {
			r.CPUs = c.cpus(j)
		}
		if r.CPUs != nil {
			r.Shared = append([]string{}, run.slot.shared...)
		}
		r.Exit.PID, r.Mem = run.pid, run.mem
		if run.exit != nil {
			r.Ended, r.Exit = true, *run.exit
		}
	}
	if j.state.Live() {
		return r
	}
	r.TStop = c.now.Wall
	if r.Ended {
		r.TStop = r.TStart + r.Exit.Duration.Microseconds()
	}
	return r
}

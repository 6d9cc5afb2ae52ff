package sched

import "time"

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
	case c.first() == nil || c.blocker(c.first().spec, c.first().told) != "":
		return nil
	}
	return c.first()
}

// first is the job at the head of the queue; nil if that is empty.
func (c *Core) first() *job {
	if c.restarts.n > 0 {
		return c.restarts.head
	}
	return c.queue.head
}

// blocker names what keeps a job at the head of the queue from starting; empty if nothing does. One that was told to start
// before has its group.
func (c *Core) blocker(s *Spec, told bool) string {
	switch {
	case c.held:
		return BlockedByReader
	case c.exhausted:
		return BlockedByHost
	case c.occupied >= c.cfg.Workers:
		return BlockedByWorkers
	case c.delay.pos > 0:
		return BlockedByDelay
	case c.places.needed(s) && !told && len(c.places.free) == 0:
		return BlockedByAffinity
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
	j.run = &run{timer: timer{job: j}, slot: c.places.take(j.spec)}
	c.startTasks(j.task)
	if j.spec.Confirm && c.mute {
		c.finish(j, Rejected, "the input has ended: nobody can confirm the start")
		return
	}
	c.publishJob(j, Change{What: OnStart, Confirm: j.spec.Confirm, CPUs: c.cpus(j)})
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
	c.do(Start{Job: j.id, Attempt: j.attempt, Spec: j.spec, Group: c.places.placed(j.run.slot)})
	c.setTimeout(j, -spawnPatience) // a spawn that hangs must not hang the job; Started sets it anew
}

// spawnPatience is how much longer than its timeout a job may take whose process is not known to run.
const spawnPatience = 10 * time.Second

// setTimeout sets the job's timeout, if it has one, as of some time ago.
func (c *Core) setTimeout(j *job, ago time.Duration) {
	if j.spec.Timeout > 0 {
		c.timers.set(&j.run.timer, c.now.Mono-ago+j.spec.Timeout)
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
		c.setTimeout(j, e.Age)
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

// cpus are those of the job's current attempt; nil if it is not placed.
func (c *Core) cpus(j *job) []int {
	if g := c.places.placed(j.run.slot); g != nil {
		return g.CPUs
	}
	return nil
}

// release gives the job's worker back.
func (c *Core) release(j *job) {
	if !j.spec.Sync {
		c.occupied--
	}
}

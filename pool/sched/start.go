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

// begin takes a job out of the queue: its attempt is announced and, unless it must be confirmed first, sent to the runner.
func (c *Core) begin(j *job) {
	if j.spec.Confirm && c.mute && !j.told {
		c.finish(j, Rejected, "the input has ended: nobody can confirm the start")
		return
	}
	c.dequeue(j)
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
	j.run = &run{timer: timer{job: j}, slot: c.places.take(j.spec), expected: c.expect(j)}
	c.startTasks(j.task)
	c.publishJob(j, Change{What: OnStart, Confirm: j.spec.Confirm, CPUs: c.cpus(j)})
	if j.spec.Confirm {
		j.asked = true
		c.promised += j.run.expected
		return
	}
	c.launch(j)
}

// launch sends an attempt to the runner.
func (c *Core) launch(j *job) {
	c.delayOthers(j)
	if j.spec.Stub {
		j.run.started, j.run.wall = true, c.now.Wall
		j.run.exit = &Exit{Wall: c.now.Wall}
		c.finish(j, Exited, "")
		return
	}
	j.sent = true
	j.run.begun, j.run.alone = c.now.Mono, c.lack.limit == 1
	c.active.pushBack(j)
	c.weigh(j, +1)
	c.starts++
	if j.run.beside = int(j.beside); j.beside > 0 {
		c.narrowed++
	}
	c.do(Start{Job: j.id, Attempt: j.attempt, Spec: j.spec, Group: c.places.placed(j.run.slot), Limit: c.limitOf(j.spec)})
	c.setTimeout(j, -spawnPatience) // a spawn that hangs must not hang the job; Started sets it anew
}

// delayed says that the start delay of another job lasts.
func (c *Core) delayed(j *job) bool { return c.delay.pos > 0 && j.id != c.delayedBy }

// delayOthers begins the job's start delay, unless another one lasts longer.
func (c *Core) delayOthers(j *job) {
	end := after(c.now.Mono, j.spec.StartDelay)
	if j.spec.StartDelay > 0 && (c.delay.pos == 0 || c.delay.at < end) {
		c.delayedBy = j.id
		c.timers.set(&c.delay, end)
	}
}

// spawnPatience is how much longer than its timeout a job may take whose process is not known to run.
const spawnPatience = 10 * time.Second

// setTimeout sets the job's timeout, if it has one, as of some time ago.
func (c *Core) setTimeout(j *job, ago time.Duration) {
	if j.spec.Timeout > 0 {
		c.timers.set(&j.run.timer, after(c.now.Mono-ago, j.spec.Timeout))
	}
}

func (c *Core) confirmed(e Confirmed) {
	j := c.jobs[e.Job]
	if j == nil || j.attempt != e.Attempt || !j.asked {
		return
	}
	c.unask(j)
	if !e.OK {
		c.finish(j, Rejected, e.Problem)
		return
	}
	if c.delayed(j) {
		c.putBack(j)
		return
	}
	c.launch(j)
}

// unask notes that a job's confirmation is awaited no longer.
func (c *Core) unask(j *job) {
	if j.asked {
		j.asked = false
		c.promised -= j.run.expected
	}
}

func (c *Core) started(e Started) {
	j := c.sentAttempt(e.Job, e.Attempt)
	if j == nil || j.run.started {
		return
	}
	j.run.started, j.run.pid, j.run.parent, j.run.wall = true, e.PID, e.Parent, e.Wall
	if j.state == Starting {
		c.setState(j, Running)
		c.setTimeout(j, e.Age)
	}
	c.publishJob(j, Change{What: Spawned, PID: e.PID})
	if c.watched(j) {
		c.planLook(firstLook)
	}
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
	case e.Exhausted && c.fellShort(j):
	default:
		c.finish(j, StartFailed, e.Problem)
	}
}

// recalled notes that the runner no longer has the job's attempt.
func (c *Core) recalled(j *job) {
	j.sent = false
	c.active.remove(j)
	c.weigh(j, -1)
	if j.run.beside > 0 {
		c.narrowed--
	}
	if c.active.n == 0 {
		c.timers.stop(&c.watch.timer)
	}
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

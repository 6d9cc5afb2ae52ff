package sched

import "time"

// joinCall is a call of Join that waits.
type joinCall struct {
	call  CallID
	timer timer
	in    link[joinCall]
}

// epoch is the time that Join's timeout and duration are about: from the first job that was scheduled, since the start,
// a Clear or a completed Join, to the end of the last one.
type epoch struct {
	set, joined bool
	start, end  time.Duration
}

func (e *epoch) begin(now time.Duration) {
	if !e.set || e.joined {
		*e = epoch{set: true, start: now, end: now}
	}
}

func (c *Core) join(e Join) {
	tasks := c.everyTask()
	c.closeTasks(tasks)
	c.finishEmpty(tasks)
	j := &joinCall{call: e.Call}
	j.timer.join = j
	c.joins.pushBack(j)
	if e.Timeout > 0 && len(c.jobs) > 0 {
		c.timers.set(&j.timer, after(c.epoch.start, e.Timeout))
	}
}

func (c *Core) summary() Summary {
	return Summary{Completed: c.ended == NoReason, Done: c.done, Failed: c.failed,
		Duration: c.epoch.end - c.epoch.start, Failures: c.history.failures.all()}
}

func (c *Core) clear(e Clear) {
	if len(c.jobs) > 0 {
		c.reply(e.Call, nil, &Error{Kind: ErrBusy, Problem: "jobs are queued, running or ending: join first, after terminate or cancel if they need not go on"})
		return
	}
	c.reply(e.Call, nil, nil)
	c.endTasks(c.everyTask(), Cancelled)
	c.done, c.failed, c.ended, c.epoch = 0, 0, NoReason, epoch{}
	c.history.clear()
	c.watch.learned = learned{}
	c.timers.stop(&c.delay)
	c.publish(Change{What: PoolCleared})
}

func (c *Core) shutdown(e Shutdown) {
	c.shutdowns = append(c.shutdowns, e.Call)
	c.stopAccepting(e.Now)
}

// endInput also rejects what waits for a confirmation, since none can come any more.
func (c *Core) endInput(e EndInput) {
	c.mute = true
	c.stopAccepting(e.Now)
	for j := range c.byID.all {
		if j.asked {
			c.finish(j, Rejected, "the input has ended: nobody can confirm the start")
		}
	}
}

func (c *Core) stopAccepting(now bool) {
	c.closing = true
	if now {
		c.endAll(Terminated)
		return
	}
	tasks := c.everyTask()
	c.closeTasks(tasks)
	c.finishEmpty(tasks)
}

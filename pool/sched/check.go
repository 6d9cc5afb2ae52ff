package sched

import "fmt"

// Check looks for a contradiction in the state of the scheduler: the first one that it finds, or nil. Tests call it after
// every step; it takes time proportional to all that is live.
func (c *Core) Check() error {
	for _, check := range []func() error{c.checkCounts, c.checkJobStates, c.checkTasks, c.checkTimers, c.checkPlaces, c.checkLoad, c.checkIdle} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Core) checkCounts() error {
	var seen [numStates]int64
	occupied, sent := 0, 0
	for j := range c.byID.all {
		seen[j.state]++
		if j.state != Queued && !j.spec.Sync {
			occupied++
		}
		if j.sent {
			sent++
		}
	}
	switch {
	case seen != c.byState:
		return fmt.Errorf("jobs by state are %v, counted as %v", seen, c.byState)
	case c.byID.n != len(c.jobs):
		return fmt.Errorf("%d live jobs listed, %d known", c.byID.n, len(c.jobs))
	case occupied != c.occupied:
		return fmt.Errorf("%d workers are busy, counted as %d", occupied, c.occupied)
	case c.occupied > c.cfg.Workers:
		return fmt.Errorf("%d workers are busy, of %d", c.occupied, c.cfg.Workers)
	case sent != c.active.n:
		return fmt.Errorf("the runner has %d attempts, counted as %d", sent, c.active.n)
	case c.seq != c.history.newest():
		return fmt.Errorf("the last change kept is %d, of %d", c.history.newest(), c.seq)
	}
	return nil
}

func (c *Core) checkJobStates() error {
	queued := 0
	waits := c.inQueues()
	for j := range c.byID.all {
		if j.state == Queued {
			queued++
		}
		switch {
		case !j.state.Live():
			return fmt.Errorf("job %d has finished and is listed", j.id)
		case (j.state == Queued) != waits[j]:
			return fmt.Errorf("job %d is %s, in a queue: %t", j.id, j.state, waits[j])
		case (j.state == Ending) != (j.cause != NoReason):
			return fmt.Errorf("job %d is %s, with cause %q", j.id, j.state, j.cause)
		case j.asked && (j.sent || j.state != Starting):
			return fmt.Errorf("job %d is %s and awaits a confirmation; sent: %t", j.id, j.state, j.sent)
		case (j.state == Running || j.state == Ending) && !j.sent:
			return fmt.Errorf("job %d is %s without a process", j.id, j.state)
		case c.ended != NoReason && j.state != Ending:
			return fmt.Errorf("job %d is %s in a pool that was ended", j.id, j.state)
		case j.spec.chains() && (c.categories[j.spec.Category].byTime.jobs[j.timePos] != j || c.categories[j.spec.Category].bySize.jobs[j.sizePos] != j):
			return fmt.Errorf("job %d is not at its place in category %q", j.id, j.spec.Category)
		}
	}
	if n := c.queued() + c.sync.n; n != queued {
		return fmt.Errorf("%d jobs are queued, %d in queues", queued, n)
	}
	return c.checkPassed()
}

// checkPassed looks for a job that is wrongly among those that others may go past, or out of order there.
func (c *Core) checkPassed() error {
	var last int64
	n := 0
	for j := range c.passed.all {
		if j.state != Queued || j.spec.Sync || j.since < max(last, 1) {
			return fmt.Errorf("job %d, %s, may be passed since start %d, the one before it since %d", j.id, j.state, j.since, last)
		}
		last = j.since
		n++
	}
	for j := range c.byID.all {
		if j.since > 0 {
			n--
		}
	}
	if n != 0 {
		return fmt.Errorf("%d more jobs may be passed than have a mark", n)
	}
	return nil
}

// inQueues gives the jobs that wait in one of the queues.
func (c *Core) inQueues() map[*job]bool {
	waits := map[*job]bool{}
	for j := range c.waiting {
		waits[j] = true
	}
	for j := range c.sync.all {
		waits[j] = true
	}
	return waits
}

func (c *Core) checkTasks() error {
	for t := range c.taskByID.all {
		switch {
		case t.added != t.done+t.term+int64(t.live()):
			return fmt.Errorf("task %d: %d added, %d done, %d ended otherwise, %d live", t.id, t.added, t.done, t.term, t.live())
		case t.closed && t.live() == 0:
			return fmt.Errorf("task %d is closed, empty and not finished", t.id)
		case t.parent != nil && t.parent.closed && !t.closed:
			return fmt.Errorf("task %d is open in the closed task %d", t.id, t.parent.id)
		case (t.state == Ending) != (t.cause != NoReason):
			return fmt.Errorf("task %d is %s, with cause %q", t.id, t.state, t.cause)
		}
	}
	return nil
}

func (c *Core) checkTimers() error {
	for i, t := range c.timers.heap {
		switch {
		case t.pos != i+1:
			return fmt.Errorf("a timer at place %d takes itself to be at %d", i, t.pos-1)
		case t.job != nil && c.jobs[t.job.id] != t.job:
			return fmt.Errorf("the timer of finished job %d is set", t.job.id)
		}
	}
	return nil
}

// checkPlaces looks for a group that two attempts have, or that is lost.
func (c *Core) checkPlaces() error {
	taken := map[int]JobID{}
	unpinned := 0
	for j := range c.byID.all {
		if j.attempt == 0 || j.state == Queued && !j.told || j.run.slot == nil {
			continue
		}
		g := j.run.slot.group
		if g < 0 {
			unpinned++
			continue
		}
		if other, twice := taken[g]; twice {
			return fmt.Errorf("jobs %d and %d have group %d", other, j.id, g)
		}
		taken[g] = j.id
	}
	switch p := &c.places; {
	case len(taken)+len(p.free) != len(p.groups):
		return fmt.Errorf("%d groups are taken and %d free, of %d", len(taken), len(p.free), len(p.groups))
	case unpinned != p.domains[p.unpinned].present:
		return fmt.Errorf("%d attempts run without a group, counted as %d", unpinned, p.domains[p.unpinned].present)
	}
	return nil
}

// checkLoad looks for a difference between the load and what it is the sum of.
func (c *Core) checkLoad() error {
	kept := c.watch.load
	c.watch.load = load{}
	for j := range c.active.all {
		c.weigh(j, +1)
	}
	if counted := c.watch.load; counted != kept {
		c.watch.load = kept
		return fmt.Errorf("the load is %+v, kept as %+v", counted, kept)
	}
	return nil
}

// checkIdle looks for work that could go on and does not, and for someone who waits for nothing.
func (c *Core) checkIdle() error {
	switch {
	case c.next() != nil && !c.again:
		return fmt.Errorf("job %d could start", c.next().id)
	case len(c.jobs) == 0 && c.joins.n > 0:
		return fmt.Errorf("a join waits for an idle pool")
	case len(c.jobs) == 0 && c.lack.pause.pos > 0:
		return fmt.Errorf("a pause before the next try, of no job")
	case len(c.jobs) == 0 && c.closing && !c.quit:
		return fmt.Errorf("the pool is closing, idle, and has not quit")
	}
	return nil
}

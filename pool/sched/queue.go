package sched

// window is how many jobs at the head of the queue are tried when the first does not fit, for its memory.
const window = 64

// next is the job to start now; nil if none may.
func (c *Core) next() *job {
	if c.sync.n > 0 && !c.held && !c.lacking() {
		return c.sync.head
	}
	if j := c.overtaken(); j != nil {
		if c.blocker(j) == "" {
			return j
		}
		return nil
	}
	n := 0
	for j := range c.waiting {
		why := c.blocker(j)
		if why == "" {
			c.passFirst(n)
			return j
		}
		if n++; n == window || !bypassable(why) {
			break
		}
	}
	return nil
}

// passFirst notes that a job starts before the first n of those that wait.
func (c *Core) passFirst(n int) {
	for j := range c.waiting {
		if n--; n < 0 {
			return
		}
		c.mayBePassed(j)
	}
}

// bypassable says that a job which is kept back for that reason leaves something to others.
func bypassable(why string) bool {
	return why == BlockedByMemory || why == BlockedByBalance || why == BlockedByAffinity
}

// waiting visits the queued jobs in the order in which they are to start.
func (c *Core) waiting(yield func(*job) bool) {
	for _, q := range []*list[job]{&c.restarts, &c.queue, &c.later} {
		for j := range q.all {
			if !yield(j) {
				return
			}
		}
	}
}

// queued is how many jobs wait for a worker.
func (c *Core) queued() int { return c.restarts.n + c.queue.n + c.later.n }

// Nothing goes past a job for ever: patience, times the workers, is how many starts may.
const patience = 8

// mayBePassed notes that others start before a queued job from now on.
func (c *Core) mayBePassed(j *job) {
	if j.since == 0 {
		j.since = max(c.starts, 1)
		c.passed.pushBack(j)
	}
}

// overtaken is the job that nothing may go past any more; nil if there is none.
func (c *Core) overtaken() *job {
	if j := c.passed.head; j != nil && c.starts-j.since >= int64(patience*c.cfg.Workers) {
		return j
	}
	return nil
}

// dequeue takes a job out of where it waits.
func (c *Core) dequeue(j *job) {
	c.queueOf(j).remove(j)
	if j.since > 0 {
		j.since = 0
		c.passed.remove(j)
	}
}

// blocker names what keeps a job at the head of the queue from starting; empty if nothing does. One that was told to start
// before has its group.
func (c *Core) blocker(j *job) string {
	switch {
	case c.held:
		return BlockedByReader
	case c.lacking():
		return BlockedByHost
	case c.occupied >= c.cfg.Workers:
		return BlockedByWorkers
	case c.delayed(j):
		return BlockedByDelay
	case j.spec.Stub: // uses nothing
		return ""
	case c.places.needed(j.spec) && !j.told && len(c.places.free) == 0:
		return BlockedByAffinity
	case !c.besideFits(j) && c.active.n > 0:
		return BlockedByBalance
	case !c.fits(j):
		return BlockedByMemory
	}
	return ""
}

// putBack queues an announced job that can't start just now: before all that are not announced, in the order of the announcements.
func (c *Core) putBack(j *job) {
	c.release(j)
	c.setState(j, Queued)
	q := c.queueOf(j)
	before := q.head
	for before != nil && before.told && before.id < j.id {
		before = q.at(before).next
	}
	q.insert(j, before)
}

// enqueue puts a queued job where it waits: a synchronous one beside the queue, one for another attempt ahead of it, a postponed
// one behind it, in the order of how many may run beside it.
func (c *Core) enqueue(j *job) {
	q := c.queueOf(j)
	var before *job
	if q == &c.later {
		for before = q.head; before != nil && before.beside >= j.beside; before = before.inQueue.next {
		}
		c.mayBePassed(j)
	}
	q.insert(j, before)
}

func (c *Core) queueOf(j *job) *list[job] {
	switch {
	case j.spec.Sync:
		return &c.sync
	case j.beside > 0 && !j.told && !j.restart:
		return &c.later
	case j.attempt > 0:
		return &c.restarts
	}
	return &c.queue
}

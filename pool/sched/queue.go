package sched

// window is how many jobs at the head of the queue are tried when the first does not fit, for its memory.
const window = 64

// next is the job to start now; nil if none may.
func (c *Core) next() *job {
	if c.sync.n > 0 && !c.held && !c.lacking() {
		return c.sync.head
	}
	first := c.oldest()
	if first != nil && c.blocker(first) == "" {
		return first
	}
	n := 0
	for j := range c.waiting {
		why := c.blocker(j)
		if why == "" {
			return j
		}
		if n++; n == window || why != BlockedByMemory && why != BlockedByBalance || !c.mayBypass(j) {
			break
		}
	}
	return nil
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

// oldest is a postponed job that many have gone past; nil if there is none.
func (c *Core) oldest() *job {
	if j := c.later.head; j != nil && c.starts-j.since >= int64(patience*c.cfg.Workers) {
		return j
	}
	return nil
}

// mayBypass says that later jobs may start while the given one, which does not fit, waits.
func (c *Core) mayBypass(j *job) bool {
	if c.oldest() != nil {
		return false
	}
	return j.id != c.head || c.bypassed < patience*c.cfg.Workers
}

// countBypass notes that a job starts: the head of the queue, or one behind it.
func (c *Core) countBypass(j *job) {
	for first := range c.waiting {
		switch {
		case first == j:
			c.bypassed = 0
		case first.id == c.head:
			c.bypassed++
		default:
			c.head, c.bypassed = first.id, 1
		}
		return
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
	case c.delay.pos > 0 && j.id != c.delayedBy:
		return BlockedByDelay
	case c.places.needed(j.spec) && !j.told && len(c.places.free) == 0:
		return BlockedByAffinity
	case !c.besideFits(j) && c.active.n > 0:
		return BlockedByBalance
	case !c.fits(j):
		return BlockedByMemory
	}
	return ""
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

// enqueue puts a queued job where it waits: a synchronous one beside the queue, one for another attempt ahead of it, a postponed
// one behind it, in the order of how many may run beside it.
func (c *Core) enqueue(j *job) {
	q := c.queueOf(j)
	var before *job
	if q == &c.later {
		for before = q.head; before != nil && before.beside >= j.beside; before = before.inQueue.next {
		}
	}
	q.insert(j, before)
}

func (c *Core) queueOf(j *job) *list[job] {
	switch {
	case j.spec.Sync:
		return &c.sync
	case j.beside > 0 && !j.told:
		return &c.later
	case j.attempt > 0:
		return &c.restarts
	}
	return &c.queue
}

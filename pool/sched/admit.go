package sched

// fits says that a job can be admitted: what it and the running ones are expected to use is within the limit, or nothing runs.
func (c *Core) fits(j *job) bool {
	if c.cfg.Memory.Limit == 0 || c.active.n == 0 || j.told {
		return true
	}
	return c.promised+c.watch.load.reserved+c.expect(j) <= c.watch.limit
}

// besideFits says that no more workers run than the job, or any that runs, was postponed to.
func (c *Core) besideFits(j *job) bool {
	limit := c.cfg.Workers
	if c.narrow > 0 {
		limit = min(limit, c.narrow)
	}
	if j.beside > 0 {
		limit = min(limit, int(j.beside))
	}
	if c.narrowed > 0 {
		for o := range c.active.all {
			if o.run.beside > 0 {
				limit = min(limit, o.run.beside)
			}
		}
	}
	return c.occupied < limit
}

// expect estimates what a job will use: what an earlier attempt of it did, else what its category is known for, else what
// others do on average. Its own limit is the most.
func (c *Core) expect(j *job) int64 {
	if c.cfg.Memory.Limit == 0 || j.spec.Stub {
		return 0
	}
	guess := j.mem
	if guess == 0 {
		guess = c.watch.learned.guess(j.spec)
	}
	if guess == 0 {
		guess = c.average()
	}
	if limit := c.limitOf(j.spec); limit > 0 {
		guess = min(guess, limit)
	}
	return guess
}

// average is what jobs use: those that run, or those that have finished if that is more.
func (c *Core) average() int64 {
	l := &c.watch.load
	return max(l.seenUse/max(l.seen, 1), c.watch.learned.typical)
}

package sched

import (
	"cmp"
	"slices"
)

// balance ends attempts, for another one later with fewer beside it, until the rest fits the limit. One always stays.
//
// Growth goes on until the next look and its kills: what comes until then, as long after the last look as that took and some
// more, counts as used already.
func (c *Core) balance() {
	var may []*job
	var growth float64
	stays := 0
	for j := range c.active.all {
		switch {
		case j.run.hard:
			continue
		case j.cause == NoReason && !j.spec.Sync && j.run.started && j.run.mem > 0:
			may = append(may, j)
		case j.cause == NoReason:
			stays++
		}
		growth += j.run.growth
	}
	delay := min(c.now.Mono-c.watch.since+2*soonestLook, longestDelay)
	excess := c.watch.load.used + int64(growth*delay.Seconds()) - c.watch.limit
	if excess <= 0 {
		return
	}
	chosen := c.victims(may, excess, len(may)-1+min(stays, 1))
	for _, j := range chosen {
		c.postpone(j)
	}
	c.narrow = max(len(may)+stays-len(chosen), 1)
}

// victims chooses the jobs whose end throws away the least work and frees enough, most of them at the most: one that frees
// enough by itself, or several that are cheap for what they free.
func (c *Core) victims(may []*job, excess int64, most int) []*job {
	if most <= 0 || len(may) == 0 {
		return nil
	}
	one, several := c.alone(may, excess), c.together(may, excess, most)
	if one != nil && c.work(one) <= c.work(several...) {
		return []*job{one}
	}
	return several
}

// work is what the end of attempts throws away, in seconds; those of jobs that were postponed before count more.
func (c *Core) work(jobs ...*job) (seconds float64) {
	for _, j := range jobs {
		seconds += (c.now.Mono - j.run.begun).Seconds() * float64(1+j.postponed)
	}
	return seconds
}

// alone is the job of the least work that frees enough by itself, the latest of equals; nil if none does.
func (c *Core) alone(may []*job, excess int64) (found *job) {
	for _, j := range may {
		if j.run.mem >= excess && (found == nil || c.work(j) <= c.work(found)) {
			found = j
		}
	}
	return found
}

// together are the jobs of the least work for what they free, until that is enough.
func (c *Core) together(may []*job, excess int64, most int) []*job {
	price := func(j *job) float64 { return c.work(j) / float64(j.run.mem) }
	slices.SortFunc(may, func(a, b *job) int {
		return cmp.Or(cmp.Compare(price(a), price(b)), cmp.Compare(b.id, a.id))
	})
	n := 0
	for n < min(most, len(may)) && excess > 0 {
		excess -= may[n].run.mem
		n++
	}
	return may[:n]
}

// postpone ends an attempt at once, and has the job wait until fewer run beside it: one less than now, and at most half as
// many as the last time, so that a job is postponed at most 1 + log2(workers) times before it runs alone, and stays.
func (c *Core) postpone(j *job) {
	beside := max(c.occupied-1, 1)
	if j.beside > 0 {
		beside = max(min(beside, j.beside/2), 1)
	}
	j.beside = beside
	j.postponed++
	j.since = c.starts
	j.again = true
	c.endNow(j, MemLimit)
}

// endNow ends an attempt without a grace: memory can't wait for one.
func (c *Core) endNow(j *job, why Reason) {
	j.cause = why
	c.setState(j, Ending)
	c.publishJob(j, Change{What: EndBegun, Reason: why})
	c.kill(j)
}

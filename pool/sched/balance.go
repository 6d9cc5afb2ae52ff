package sched

import (
	"cmp"
	"slices"
	"time"
)

// balance ends attempts, for another one later with fewer beside it, until the rest fits the limit. One always stays.
//
// An attempt that is about to break a limit of its own is left to that: it would do so again, and the next look comes at once.
func (c *Core) balance() {
	var may, ending []*job
	excess, stays := -c.watch.limit, 0
	for j := range c.active.all {
		if j.run.hard || c.breaksOwn(j) {
			continue
		}
		excess += c.soon(j)
		switch {
		case j.cause != NoReason:
			ending = append(ending, j)
		case !j.spec.Sync && j.run.started && j.run.mem > 0:
			may = append(may, j)
		default:
			stays++
		}
	}
	if excess = c.cutGrace(ending, excess); excess <= 0 {
		return
	}
	n := len(may) + stays
	chosen := c.victims(may, excess, len(may)-1+min(stays, 1))
	var lost time.Duration
	for _, j := range chosen {
		lost = max(lost, c.now.Mono-j.run.begun)
		c.postpone(j)
	}
	c.narrow = max(n-len(chosen), 1)
	c.timers.set(&c.narrowing, after(c.now.Mono, lost))
}

// widen lets as many run again as there are workers.
func (c *Core) widen() {
	c.narrow = 0
	c.timers.stop(&c.narrowing)
}

// cutGrace kills attempts that are ending anyway, which costs no work: the largest first, until the rest fits. It gives what that does not free.
func (c *Core) cutGrace(ending []*job, excess int64) int64 {
	slices.SortStableFunc(ending, func(a, b *job) int { return cmp.Compare(c.soon(b), c.soon(a)) })
	for _, j := range ending {
		frees := c.soon(j)
		if excess <= 0 || frees <= 0 {
			break
		}
		excess -= frees
		c.kill(j)
	}
	return excess
}

// breaksOwn says that an attempt is about to break its own limit, or the pool's alone.
func (c *Core) breaksOwn(j *job) bool {
	limit := c.limitOf(j.spec)
	return limit > 0 && c.soon(j) > limit
}

// soon is what an attempt will use when the next look has come and its kills are done: it grows until then as it just did, as long
// after the last look as that took and some more.
func (c *Core) soon(j *job) int64 {
	delay := min(c.now.Mono-c.watch.since+2*soonestLook, longestDelay)
	return j.run.mem + int64(j.run.growth*delay.Seconds())
}

// postpone ends an attempt at once, and has the job wait until fewer run beside it: one less than now, and at most half as
// many as the last time, so that a job is postponed at most 1 + log2(workers) times before it runs alone, and stays.
func (c *Core) postpone(j *job) {
	beside := max(c.occupied-1, 1)
	if j.beside > 0 {
		beside = max(min(beside, int(j.beside)/2), 1)
	}
	j.beside = int32(beside)
	j.postponed++
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

package sched

import (
	"cmp"
	"slices"
)

// victims chooses attempts whose end frees enough for the least work, most of them at the most: one after the other the cheapest for
// what it frees of the rest, and of these not those that the later ones make needless.
func (c *Core) victims(may []*job, excess int64, most int) []*job {
	var chosen []*job
	for rest := excess; rest > 0 && len(chosen) < most; {
		candidates := may
		if len(chosen) == most-1 {
			candidates = c.sufficient(may, rest)
		}
		j := c.cheapest(candidates, rest)
		may = slices.DeleteFunc(may, func(o *job) bool { return o == j })
		chosen = append(chosen, j)
		rest -= c.soon(j)
	}
	return c.needed(chosen, excess)
}

// sufficient are the attempts that free the rest by themselves; all, if none does.
func (c *Core) sufficient(may []*job, rest int64) []*job {
	var found []*job
	for _, j := range may {
		if c.soon(j) >= rest {
			found = append(found, j)
		}
	}
	if found == nil {
		return may
	}
	return found
}

// cheapest is the attempt whose end throws away the least work for what it frees of the rest, or one that is as cheap for all that is
// known: it frees at least half as much, and its work differs by less than the time between two looks.
func (c *Core) cheapest(may []*job, rest int64) *job {
	latency := c.cfg.Memory.Latency.Seconds()
	frees := func(j *job) float64 { return float64(min(c.soon(j), rest)) }
	price := func(j *job) float64 { return (c.work(j) + latency) / frees(j) }
	best := slices.MinFunc(may, func(a, b *job) int { return cmp.Compare(price(a), price(b)) })
	found := best
	for _, j := range may {
		if 2*frees(j) >= frees(best) && c.work(j) < c.work(best)+latency && c.goesBefore(j, found) {
			found = j
		}
	}
	return found
}

// work is what the end of an attempt throws away, in seconds; that of a job that was postponed before counts more.
func (c *Core) work(j *job) float64 {
	return (c.now.Mono - j.run.begun).Seconds() * float64(1+j.postponed)
}

// goesBefore says which of two attempts of equal price is ended first. Those that use more than half of the limit come last: they would
// have to wait until little else runs. Those of a category come first, since all of it is expected to use what they were seen to use, and the
// heaviest of them; then the one that was added last.
func (c *Core) goesBefore(a, b *job) bool {
	large := func(j *job) bool { return j.run.mem > c.watch.limit/2 }
	related := func(j *job) bool { return j.spec.Category != "" }
	switch {
	case large(a) != large(b):
		return large(b)
	case related(a) != related(b):
		return related(a)
	case related(a) && a.run.mem != b.run.mem:
		return a.run.mem > b.run.mem
	}
	return a.id > b.id
}

// needed leaves out the attempts without which the others free enough, those of the most work first.
func (c *Core) needed(chosen []*job, excess int64) []*job {
	spare := -excess
	for _, j := range chosen {
		spare += c.soon(j)
	}
	slices.SortStableFunc(chosen, func(a, b *job) int { return cmp.Compare(c.work(b), c.work(a)) })
	return slices.DeleteFunc(chosen, func(j *job) bool {
		if c.soon(j) > spare {
			return false
		}
		spare -= c.soon(j)
		return true
	})
}

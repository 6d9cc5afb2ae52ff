package main

import "time"

// point is the memory of a job, in MB, at a time since its start.
type point struct {
	at time.Duration
	mb float64
}

// profile is the memory of a job over its life: straight lines between points, and a jump where two points share a time. The
// first point is at 0, without a jump, the last one at the end.
type profile []point

// sides gives the memory just before and just after a time. Beyond the last point it stays at that.
func (p profile) sides(at time.Duration) (before, after float64) {
	for i := 1; i < len(p); i++ {
		if at > p[i].at {
			continue
		}
		if at < p[i].at {
			v := line(p[i-1], p[i], at)
			return v, v
		}
		before = p[i].mb
		for ; i < len(p) && p[i].at == at; i++ {
			after = p[i].mb
		}
		return before, after
	}
	last := p[len(p)-1].mb
	return last, last
}

// line is the memory between two points of different times.
func line(a, b point, at time.Duration) float64 {
	return a.mb + (b.mb-a.mb)*float64(at-a.at)/float64(b.at-a.at)
}

// now is the memory that a look at the given time sees.
func (p profile) now(at time.Duration) float64 {
	_, v := p.sides(at)
	return v
}

// nextBend is the first point after the given time; never if there is none.
func (p profile) nextBend(after time.Duration) time.Duration {
	for _, q := range p {
		if q.at > after {
			return q.at
		}
	}
	return never
}

func (p profile) duration() time.Duration { return p[len(p)-1].at }

func (p profile) peak() float64 {
	most := 0.0
	for _, q := range p {
		most = max(most, q.mb)
	}
	return most
}

// area is the memory times the time, in MB seconds.
func (p profile) area() float64 {
	sum := 0.0
	for i := 1; i < len(p); i++ {
		sum += (p[i].mb + p[i-1].mb) / 2 * (p[i].at - p[i-1].at).Seconds()
	}
	return sum
}

// above is for how long the memory is more than the given.
func (p profile) above(mb float64) time.Duration {
	var sum time.Duration
	for i := 1; i < len(p); i++ {
		sum += timeAbove(p[i-1].mb, p[i].mb, mb, p[i].at-p[i-1].at)
	}
	return sum
}

// timeAbove is for how long a straight line from a to b, in the given time, is above a limit.
func timeAbove(a, b, limit float64, in time.Duration) time.Duration {
	low, high := min(a, b), max(a, b)
	switch {
	case high <= limit:
		return 0
	case low >= limit:
		return in
	}
	return time.Duration((high - limit) / (high - low) * float64(in))
}

// most is the highest memory in [from, to).
func (p profile) most(from, to time.Duration) float64 {
	last, _ := p.sides(to)
	m := max(p.now(from), last)
	for _, q := range p {
		if q.at > from && q.at < to {
			m = max(m, q.mb)
		}
	}
	return m
}

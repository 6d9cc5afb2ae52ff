package main

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestTheOptimumOfHandMadeCases(t *testing.T) {
	for _, c := range []struct {
		name  string
		slots int
		limit float64
		jobs  []job
		want  time.Duration
	}{
		{"one", 3, 5, []job{stair(5, 5)}, 2 * sec},
		{"all at once", 3, 6, []job{stair(2, 2), stair(2, 2), stair(2, 2)}, 2 * sec},
		{"too few workers", 2, 9, []job{stair(2, 2), stair(2, 2), stair(2, 2)}, 4 * sec},
		{"each more than half", 3, 5, []job{stair(3), stair(3), stair(3)}, 3 * sec},
		{"peaks in turn", 2, 4, []job{stair(1, 3), stair(3, 1)}, 2 * sec},
		{"the same peak, shifted by a step", 2, 4, []job{stair(1, 3), stair(1, 3)}, 3 * sec},
		{"long one beside short ones", 2, 5, []job{stair(2), stair(3, 3, 3, 3), stair(2), stair(2), stair(2)}, 4 * sec},
		{"a late peak needs the others gone", 3, 4, []job{stair(1, 1, 4), stair(2, 2), stair(1, 1)}, 3 * sec},
		{"at the limit exactly", 2, 4, []job{stair(4), stair(2, 2), stair(2, 2)}, 3 * sec},
	} {
		l := &workload{name: c.name, slots: c.slots, limit: c.limit, jobs: c.jobs, unit: sec}
		starts, got, err := optimum(l)
		if err != nil || got != c.want {
			t.Errorf("%s: %v (%v), not %v", c.name, got, err, c.want)
			continue
		}
		keeps(t, l, starts, got)
	}
}

// keeps checks that a schedule has the makespan that it claims, within the limit and the workers.
func keeps(t *testing.T, l *workload, starts []time.Duration, makespan time.Duration) {
	t.Helper()
	o, err := run(l, newPlan(starts))
	if err != nil {
		t.Fatal(err)
	}
	if o.makespan != makespan || o.over > 0 || o.peak > l.limit || o.wide > l.slots {
		t.Errorf("%s: the schedule %v takes %v, %v MB of %v, %d of %d workers", l.name, starts, o.makespan, o.peak, l.limit, o.wide, l.slots)
	}
}

func TestTheOptimumIsThatOfAllStartTimes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		l := &workload{name: "random", slots: 2 + r.IntN(2), limit: 9, unit: sec}
		for range 4 {
			var mb []float64
			for range 1 + r.IntN(3) {
				mb = append(mb, float64(1+r.IntN(8)))
			}
			l.jobs = append(l.jobs, stair(mb...))
		}
		starts, got, err := optimum(l)
		if err != nil {
			t.Fatal(err)
		}
		keeps(t, l, starts, got)
		if want := exhaustive(newChart(l, sec), 0, 0); got != time.Duration(want)*sec {
			t.Errorf("%v: the optimum is %d s, not %v", l.jobs, want, got)
		}
	}
}

// exhaustive is the least end over all start times of the jobs from the given one on.
func exhaustive(c *chart, job, end int) int {
	if job == len(c.need) {
		return end
	}
	least := len(c.used)
	for at := 0; at+len(c.need[job]) <= least; at++ {
		if c.fits(job, at) {
			c.place(job, at, 1)
			least = min(least, exhaustive(c, job+1, max(end, at+len(c.need[job]))))
			c.place(job, at, -1)
		}
	}
	return least
}

func TestNobodyWithinTheLimitBeatsTheOptimum(t *testing.T) {
	within := 0
	for _, f := range smallOnes {
		for i := range 4 {
			l := f.generate(2, i)
			starts, least, err := optimum(l)
			if err != nil {
				t.Fatal(err)
			}
			keeps(t, l, starts, least)
			if least < l.bound() {
				t.Errorf("%s: the optimum of %v is below the bound of %v", l.name, least, l.bound())
			}
			for _, c := range field {
				o, err := run(l, c.make(l))
				if err != nil {
					t.Fatal(err)
				}
				if o.over == 0 {
					within++
				}
				if o.over == 0 && o.makespan < least {
					t.Errorf("%s: %s takes %v, less than the optimum of %v", l.name, c.name, o.makespan, least)
				}
			}
		}
	}
	if within < 40 {
		t.Errorf("only %d runs kept the limit: too few to tell", within)
	}
}

func TestTheOptimumNeedsStairs(t *testing.T) {
	if _, _, err := optimum(families[0].generate(1, 0)); err == nil {
		t.Error("a ramp was taken for stairs")
	}
}

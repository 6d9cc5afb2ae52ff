package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// contender is a policy under comparison.
type contender struct {
	name string
	what string // for the report
	make func(*workload) policy
}

// The contenders, in the order of the report's columns.
const (
	none = iota
	static
	pyexpoolSlow
	pyexpoolFast
	expool
	foreseen
	contenders
)

var field = [contenders]contender{
	{"none", "no balancing: all workers, first in, first out. Its makespan takes swapping to cost nothing", unlimited},
	{"static", "as many workers as fit if all were at the highest peak of any job: a careful user, who knows that peak", careful},
	{"PyExPool", "the rules of PyExPool 3.2.1, with its own latency of 2 s; `sim/pyexpool.go` tells them", pyexpoolAt(2 * time.Second)},
	{"PyExPool 0.1 s", "the same rules with `latency=0.1`, to tell the rules from the polling", pyexpoolAt(100 * time.Millisecond)},
	{"expool", "this project's scheduler itself (`pool/sched`), with its defaults", scheduler},
	{"foresight", "the best of four list schedules that know all profiles: what is possible if nothing surprises", foresight},
}

// figures are what the report tells of a policy on a workload.
type figures struct {
	makespan float64 // over one that nothing can beat
	lost     float64 // worker time of killed attempts, over the work of the jobs
	kills    float64 // killed attempts a job
	peak     float64 // of the sum, over the limit
	over     float64 // time above the limit, over the makespan
	mean     float64 // of the jobs' completions, each over that without balancing
	worst    float64 // the highest of those
	most     float64 // the most kills of one job
	looks    float64 // a second; of expool only
}

// evaluate gives the figures of an outcome, against one without balancing and a makespan that nothing can beat.
func evaluate(l *workload, o, reference *outcome, bound time.Duration) figures {
	f := figures{
		makespan: o.makespan.Seconds() / bound.Seconds(),
		lost:     o.lost.Seconds() / l.work().Seconds(),
		kills:    float64(o.killed()) / float64(len(l.jobs)),
		peak:     o.peak / l.limit,
		over:     o.over.Seconds() / o.makespan.Seconds(),
	}
	for i, at := range o.done {
		slower := at.Seconds() / reference.done[i].Seconds()
		f.mean += slower / float64(len(o.done))
		f.worst = max(f.worst, slower)
		f.most = max(f.most, float64(o.kills[i]))
	}
	return f
}

// row is the figures of all contenders on one workload.
type row [contenders]figures

// compare runs all contenders on a workload.
func compare(l *workload, bound time.Duration) (row, error) {
	var r row
	var reference *outcome
	for i, c := range field {
		p := c.make(l)
		o, err := run(l, p)
		if err != nil {
			return r, fmt.Errorf("%s: %w", c.name, err)
		}
		if i == none {
			reference = o
		}
		r[i] = evaluate(l, o, reference, bound)
		if p, ok := p.(*ours); ok {
			r[i].looks = float64(p.looks) / o.makespan.Seconds()
		}
	}
	return r, nil
}

// group is the rows of a family.
type group struct {
	name string
	what string
	rows []row
}

// study is all that the report tells.
type study struct {
	seed      uint64
	workloads int
	large     []group
	pressure  []group // the mixed family with different limits
	small     []group // relative to the optimum
}

// conduct makes the study, with so many workloads of each family.
func conduct(seed uint64, workloads int) (*study, error) {
	s := &study{seed: seed, workloads: workloads}
	for _, part := range []struct {
		into     *[]group
		families []family
		bound    func(*workload) (time.Duration, error)
		times    int
	}{
		{&s.large, families, provable, 1},
		{&s.pressure, pressures(), provable, 1},
		{&s.small, smallOnes, optimal, 2},
	} {
		for _, f := range part.families {
			g, err := f.study(seed, workloads*part.times, part.bound)
			if err != nil {
				return nil, err
			}
			*part.into = append(*part.into, g)
		}
	}
	return s, nil
}

// provable is the bound of a workload.
func provable(l *workload) (time.Duration, error) { return l.bound(), nil }

// optimal is its least makespan.
func optimal(l *workload) (time.Duration, error) {
	_, least, err := optimum(l)
	return least, err
}

// study compares the contenders on workloads of a family.
func (f family) study(seed uint64, workloads int, bound func(*workload) (time.Duration, error)) (group, error) {
	g := group{name: f.name, what: f.what}
	if f.once {
		workloads = 1
	}
	for i := range workloads {
		l := f.generate(seed, i)
		b, err := bound(l)
		if err != nil {
			return g, err
		}
		r, err := compare(l, b)
		if err != nil {
			return g, err
		}
		g.rows = append(g.rows, r)
	}
	return g, nil
}

// pressures are families of mixed workloads, the same jobs in each, with limits of a share of what the workers would use if all
// were at the average peak.
func pressures() []family {
	var all []family
	for _, share := range []float64{0.3, 0.5, 0.7, 1, 1.4} {
		all = append(all, family{name: "mixed", what: fmt.Sprintf("%.0f%%", 100*share), make: func(r *rand.Rand) *workload {
			return plain(r, anyShape, 64, 5, 60).squeeze(share)
		}})
	}
	return all
}

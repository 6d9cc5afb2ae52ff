package main

import (
	"math"
	"slices"
	"testing"
	"time"
)

const sec = time.Second

func TestAProfileIsLinesAndJumps(t *testing.T) {
	p := profile{{0, 10}, {4 * sec, 50}, {4 * sec, 20}, {6 * sec, 20}}
	for _, c := range []struct {
		at            time.Duration
		before, after float64
	}{
		{0, 10, 10}, {sec, 20, 20}, {4 * sec, 50, 20}, {5 * sec, 20, 20}, {6 * sec, 20, 20}, {9 * sec, 20, 20},
	} {
		if before, after := p.sides(c.at); before != c.before || after != c.after {
			t.Errorf("at %v: %v before and %v after, not %v and %v", c.at, before, after, c.before, c.after)
		}
	}
	if p.duration() != 6*sec || p.peak() != 50 || p.area() != 160 {
		t.Errorf("duration %v, peak %v, area %v", p.duration(), p.peak(), p.area())
	}
	if p.above(30) != 2*sec || p.above(50) != 0 || p.above(5) != 6*sec {
		t.Errorf("above 30 for %v, above 50 for %v, above 5 for %v", p.above(30), p.above(50), p.above(5))
	}
	if p.most(sec, 2*sec) != 30 || p.most(3*sec, 5*sec) != 50 || p.most(4*sec, 5*sec) != 20 || p.most(3*sec, 4*sec) != 50 {
		t.Error("the highest of an interval is wrong")
	}
	if p.nextBend(0) != 4*sec || p.nextBend(4*sec) != 6*sec || p.nextBend(6*sec) != never {
		t.Error("the bends are wrong")
	}
}

func TestGeneratedProfilesAreWellFormed(t *testing.T) {
	for _, f := range slices.Concat(pressures(), families, smallOnes) {
		l := f.generate(7, 3)
		if l.highest() > l.limit {
			t.Errorf("%s: a job needs %v MB, more than the limit of %v", l.name, l.highest(), l.limit)
		}
		for _, j := range l.jobs {
			if j.profile[0].at != 0 || j.profile[1].at == 0 || j.duration() <= 0 {
				t.Errorf("%s: %v does not start with a line from 0", j.name, j.profile)
			}
			for i, q := range j.profile {
				if i > 0 && q.at < j.profile[i-1].at || q.mb < 0 || math.IsNaN(q.mb) {
					t.Errorf("%s: point %d of %v goes back, or is no memory", j.name, i, j.profile)
				}
			}
		}
	}
}

func TestAWorkloadDependsOnSeedFamilyAndNumberOnly(t *testing.T) {
	f := families[5]
	same, other := f.generate(1, 2), f.generate(1, 3)
	if again := f.generate(1, 2); again.limit != same.limit || again.jobs[9].area() != same.jobs[9].area() {
		t.Error("the same seed and number gave another workload")
	}
	if other.jobs[9].area() == same.jobs[9].area() || f.generate(2, 2).jobs[9].area() == same.jobs[9].area() {
		t.Error("another number or seed gave the same workload")
	}
}

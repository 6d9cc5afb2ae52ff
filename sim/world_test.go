package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// stair is a job of steps of a second.
func stair(mb ...float64) job {
	var p profile
	for i, v := range mb {
		p = append(p, point{time.Duration(i) * sec, v}, point{time.Duration(i+1) * sec, v})
	}
	return job{profile: p}
}

// scripted is a policy that does what it is told at given times.
type scripted struct {
	at   []time.Duration
	what []func(*world)
	seen []ending
}

func (s *scripted) act(w *world, ended []ending) {
	s.seen = append(s.seen, ended...)
	for len(s.at) > 0 && s.at[0] <= w.now {
		do := s.what[0]
		s.at, s.what = s.at[1:], s.what[1:]
		do(w)
	}
}

func (s *scripted) deadline() time.Duration {
	if len(s.at) == 0 {
		return never
	}
	return s.at[0]
}

func TestTheWorldMeasuresExactly(t *testing.T) {
	l := &workload{slots: 2, limit: 50, jobs: []job{{profile: profile{{0, 0}, {10 * sec, 100}}}, stair(20, 20)}}
	p := &scripted{
		at: []time.Duration{0, 4 * sec, 5 * sec},
		what: []func(*world){
			func(w *world) { w.start(0) },
			func(w *world) { w.start(1) },
			func(w *world) {
				if w.memory(0) != 50 || w.memory(1) != 20 {
					t.Errorf("after 5 s the jobs use %v and %v", w.memory(0), w.memory(1))
				}
				w.kill(1)
				w.kill(1)
			},
		},
	}
	p.at = append(p.at, 12*sec)
	p.what = append(p.what, func(w *world) { w.start(1) })
	o, err := run(l, p)
	if err != nil {
		t.Fatal(err)
	}
	// above 50: from 4 s on, by the second job (40 + 20), then by the first alone, until that ends at 10 s
	if o.makespan != 14*sec || o.peak != 100 || o.over != 6*sec || o.wide != 2 {
		t.Errorf("makespan %v, peak %v, above for %v, %d at once", o.makespan, o.peak, o.over, o.wide)
	}
	if o.lost != sec+dying || o.kills[1] != 1 || o.killed() != 1 {
		t.Errorf("lost %v in %v kills", o.lost, o.kills)
	}
	if want := []ending{{1, false}, {0, true}, {1, true}}; !slices.Equal(p.seen, want) {
		t.Errorf("the policy was told of %v, not %v", p.seen, want)
	}
}

func TestAPolicyThatForgetsAJobIsAnError(t *testing.T) {
	l := &workload{name: "two", slots: 2, limit: 50, jobs: []job{stair(1), stair(1)}}
	p := &scripted{at: []time.Duration{0}, what: []func(*world){func(w *world) { w.start(0) }}}
	if _, err := run(l, p); err == nil || !strings.Contains(err.Error(), "1 jobs are left") {
		t.Errorf("the error is %v", err)
	}
}

func TestEveryPolicyFinishesEveryJobOnce(t *testing.T) {
	for _, f := range slices.Concat(pressures(), families, smallOnes) {
		l := f.generate(5, 0)
		for _, c := range field {
			o, err := run(l, c.make(l))
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			for i, at := range o.done {
				if at < l.jobs[i].duration() {
					t.Errorf("%s, %s: done at %v, though it takes %v", c.name, l.jobs[i].name, at, l.jobs[i].duration())
				}
			}
			if o.wide > l.slots || o.makespan < l.work()/time.Duration(l.slots) {
				t.Errorf("%s, %s: %d at once, %v for %v of work", c.name, l.name, o.wide, o.makespan, l.work())
			}
			if o.over == 0 && o.makespan < l.bound() {
				t.Errorf("%s, %s: done in %v within the limit, less than the bound of %v", c.name, l.name, o.makespan, l.bound())
			}
			if o.lost < time.Duration(o.killed())*dying || (o.lost > 0) != (o.killed() > 0) {
				t.Errorf("%s, %s: %v lost in %d kills", c.name, l.name, o.lost, o.killed())
			}
		}
	}
}

func TestWhoKnowsThePeaksKeepsTheLimit(t *testing.T) {
	for _, f := range slices.Concat(families, smallOnes) {
		l := f.generate(3, 1)
		for _, c := range []int{static, foreseen} {
			o, err := run(l, field[c].make(l))
			if err != nil {
				t.Fatal(err)
			}
			if o.over > 0 || o.peak > l.limit*(1+1e-9) || o.killed() > 0 {
				t.Errorf("%s, %s: above the limit for %v, by %v, %d kills", field[c].name, l.name, o.over, o.peak-l.limit, o.killed())
			}
		}
	}
}

func TestTheSchedulerKeepsItsBoundOnPostponing(t *testing.T) {
	for _, f := range families {
		for i := range 2 {
			l := f.generate(11, i)
			o, err := run(l, scheduler(l))
			if err != nil {
				t.Fatal(err)
			}
			if n := slices.Max(o.kills); n > mostPostponed(l.slots) {
				t.Errorf("%s: a job was postponed %d times", l.name, n)
			}
		}
	}
}

package main

import (
	"slices"
	"testing"
	"time"
)

// flat is a job that uses the same all the time.
func flat(mb float64, lasts time.Duration) job {
	return job{profile: profile{{0, mb}, {lasts, mb}}}
}

func TestPyExPoolNoticesInRounds(t *testing.T) {
	l := &workload{slots: 1, limit: 100, jobs: []job{flat(10, 500*time.Millisecond), flat(10, 500*time.Millisecond), flat(10, 500*time.Millisecond)}}
	o, err := run(l, pyexpoolAt(2*sec)(l))
	if err != nil {
		t.Fatal(err)
	}
	if want := []time.Duration{500 * time.Millisecond, 2500 * time.Millisecond, 4500 * time.Millisecond}; !slices.Equal(o.done, want) {
		t.Errorf("done at %v, not %v", o.done, want)
	}
}

func TestPyExPoolEndsTheHeaviest(t *testing.T) {
	l := &workload{slots: 3, limit: 600, jobs: []job{flat(100, 10*sec), flat(450, 10*sec), flat(100, 10*sec)}}
	o, err := run(l, pyexpoolAt(2*sec)(l))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(o.kills, []int{0, 1, 0}) || o.lost != 2*sec+dying {
		t.Errorf("kills %v, lost %v", o.kills, o.lost)
	}
	// it has to wait for both: 100 + 1.382 x 450 is above the limit
	if o.done[1] != 20*sec {
		t.Errorf("the heavy one is done at %v", o.done[1])
	}
}

func TestPyExPoolRelatesByCategoryAndSize(t *testing.T) {
	l := &workload{slots: 2, limit: 600}
	for range 4 {
		j := flat(10, 10*sec)
		j.category = "c"
		l.jobs = append(l.jobs, j)
	}
	l.jobs[0].size, l.jobs[2].size, l.jobs[3].size = 5, 9, 1
	p := pyexpoolAt(2 * sec)(l).(*pyexpool)
	w := &world{workload: l, left: 4, outcome: outcome{done: make([]time.Duration, 4), kills: make([]int, 4)}}
	p.submit(w)
	p.jobs[0].mem, p.jobs[0].rank = 400, 1
	p.postpone(w, 0, false)
	if !slices.Equal(p.queue, []int{3, 2, 0}) {
		t.Errorf("the queue is %v", p.queue)
	}
	if p.jobs[2].mem != 400 || p.jobs[2].rank != 1 || p.jobs[3].mem != 0 || p.jobs[3].rank != 2 {
		t.Errorf("the larger one has %v, the smaller one %v", p.jobs[2], p.jobs[3])
	}
}

package main

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// never is later than anything.
const never = time.Duration(math.MaxInt64)

// dying is how long a killed attempt keeps its memory: a signal, an exit and the unmapping of some hundred MB.
const dying = 10 * time.Millisecond

// policy decides when jobs start and which attempts end, by the start and kill of the world that it is given.
type policy interface {
	// act is called at the start, whenever attempts have ended, and at the deadline.
	act(w *world, ended []ending)
	// deadline is when act wants to be called if nothing ends before; never if it need not. It may be now.
	deadline() time.Duration
}

// ending is an attempt that has just ended.
type ending struct {
	job  int
	done bool // by itself; otherwise it was killed
}

// attempt is a running one.
type attempt struct {
	job    int
	begun  time.Duration
	gone   time.Duration // when it ends
	killed bool
}

// outcome is what a policy made of a workload.
type outcome struct {
	done     []time.Duration // when each job was completed
	kills    []int           // how many attempts of each job were killed
	makespan time.Duration
	lost     time.Duration // worker time of killed attempts
	peak     float64       // of the sum, MB
	over     time.Duration // for how long the sum was above the limit
	wide     int           // the most attempts at once
}

// killed is how many attempts were.
func (o *outcome) killed() int {
	n := 0
	for _, k := range o.kills {
		n += k
	}
	return n
}

// world is the machine: it runs attempts in virtual time, and measures.
type world struct {
	*workload
	now     time.Duration
	running []*attempt // in the order of their starts
	left    int        // jobs not completed
	outcome
}

// stepsAllowed is far more than any policy needs: one that reaches it goes in circles.
const stepsAllowed = 20_000_000

// run lets a policy run a workload.
func run(l *workload, p policy) (*outcome, error) {
	n := len(l.jobs)
	w := &world{workload: l, left: n, outcome: outcome{done: make([]time.Duration, n), kills: make([]int, n)}}
	p.act(w, nil)
	for range stepsAllowed {
		if w.left == 0 {
			w.makespan = slices.Max(w.done)
			return &w.outcome, nil
		}
		next := p.deadline()
		for _, a := range w.running {
			next = min(next, a.gone)
		}
		if next == never {
			return nil, fmt.Errorf("running %s: %d jobs are left, but nothing runs and the policy waits for nothing", l.name, w.left)
		}
		w.advance(max(next, w.now))
		if ended := w.reap(); len(ended) > 0 || p.deadline() <= w.now {
			p.act(w, ended)
		}
	}
	return nil, fmt.Errorf("running %s: %d jobs are left at %v after %d steps", l.name, w.left, w.now, stepsAllowed)
}

// start begins an attempt of a job.
func (w *world) start(job int) {
	w.running = append(w.running, &attempt{job: job, begun: w.now, gone: w.now + w.jobs[job].duration()})
	w.wide = max(w.wide, len(w.running))
}

// kill ends the running attempt of a job; the world tells when it is gone. One that ends by itself before that counts as
// killed: its policy has given it up.
func (w *world) kill(job int) {
	for _, a := range w.running {
		if a.job == job && !a.killed {
			a.killed, a.gone = true, w.now+dying
		}
	}
}

// memory is what the running attempt of a job uses now, in MB; 0 if there is none.
func (w *world) memory(job int) float64 {
	for _, a := range w.running {
		if a.job == job {
			return w.jobs[job].now(w.now - a.begun)
		}
	}
	return 0
}

// advance lets time pass, and measures the sum of the memory meanwhile.
func (w *world) advance(to time.Duration) {
	for w.now < to {
		next := to
		for _, a := range w.running {
			if bend := w.jobs[a.job].nextBend(w.now - a.begun); bend != never {
				next = min(next, a.begun+bend)
			}
		}
		var from, until float64
		for _, a := range w.running {
			p := w.jobs[a.job].profile
			from += p.now(w.now - a.begun)
			end, _ := p.sides(next - a.begun)
			until += end
		}
		w.peak = max(w.peak, from, until)
		w.over += timeAbove(from, until, w.limit, next-w.now)
		w.now = next
	}
}

// reap takes out the attempts that end now.
func (w *world) reap() []ending {
	var ended []ending
	w.running = slices.DeleteFunc(w.running, func(a *attempt) bool {
		if a.gone > w.now {
			return false
		}
		ended = append(ended, ending{a.job, !a.killed})
		if a.killed {
			w.kills[a.job]++
			w.lost += w.now - a.begun
			return true
		}
		w.done[a.job] = w.now
		w.left--
		return true
	})
	return ended
}

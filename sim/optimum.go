package main

import (
	"fmt"
	"slices"
	"time"
)

// nodesAllowed bounds the search for an optimum.
const nodesAllowed = 30_000_000

// optimum finds the start times of the least makespan within the limit, for a workload whose profiles are stairs.
//
// With stairs on a grid, times on the grid suffice: which steps of two jobs may overlap are conditions on differences of start
// times with whole numbers of cells, and such a system has a whole solution if it has any. The search therefore goes over all
// start times on the grid, in their order, and leaves a branch as soon as the rest can't be done in less than the best so far.
func optimum(l *workload) ([]time.Duration, time.Duration, error) {
	if l.unit == 0 {
		return nil, 0, fmt.Errorf("finding the optimum of %s: its profiles are not stairs", l.name)
	}
	c := newChart(l, l.unit)
	s := &search{chart: c, placed: make([]bool, len(l.jobs)), starts: make([]int, len(l.jobs))}
	for _, order := range orders(l) {
		if starts, end := c.schedule(order); s.best == nil || end < s.least {
			s.best, s.least = starts, end
		}
	}
	clear(c.used)
	clear(c.busy)
	for _, need := range c.need {
		s.work += len(need)
		s.area += sumOf(need)
	}
	s.floor = int((l.bound() + l.unit - 1) / l.unit)
	s.from(0, -1, len(l.jobs))
	if s.nodes > nodesAllowed {
		return nil, 0, fmt.Errorf("finding the optimum of %s: more than %d nodes", l.name, nodesAllowed)
	}
	return c.times(s.best), time.Duration(s.least) * l.unit, nil
}

// search is the state of a branch and bound: a partial schedule, and the best complete one.
type search struct {
	*chart
	placed []bool
	starts []int
	best   []int
	least  int     // the end of the best
	floor  int     // no schedule ends earlier
	work   int     // cells of the jobs that are not placed
	area   float64 // their memory times cells
	nodes  int
}

// from places the jobs that are left, none before the given cell, and in that cell none before the given job.
func (s *search) from(cell, last, left int) {
	if s.nodes++; s.nodes > nodesAllowed || s.least == s.floor {
		return
	}
	if left == 0 {
		s.best, s.least = slices.Clone(s.starts), s.end()
		return
	}
	for at := cell; s.possible(at); at++ {
		for job := range s.need {
			if s.placed[job] || at == cell && job < last || at+len(s.need[job]) >= s.least || !s.fits(job, at) {
				continue
			}
			s.put(job, at, 1)
			s.from(at, job, left-1)
			s.put(job, at, -1)
		}
		if left == len(s.need) {
			return // the first job starts at once
		}
	}
}

// put places a job, or takes it away with by = -1.
func (s *search) put(job, at, by int) {
	s.place(job, at, by)
	s.placed[job], s.starts[job] = by > 0, at
	s.work -= by * len(s.need[job])
	s.area -= float64(by) * sumOf(s.need[job])
}

// possible says that the jobs that are left might all be done from the given cell on, earlier than in the best schedule.
func (s *search) possible(at int) bool {
	work, area := s.work, s.area
	for i := at; i < s.least-1; i++ {
		work -= s.slots - s.busy[i]
		area -= s.limit - s.used[i]
	}
	if work > 0 || area > 1e-6 {
		return false
	}
	for job, need := range s.need {
		if !s.placed[job] && at+len(need) >= s.least {
			return false
		}
	}
	return true
}

func (s *search) end() int {
	end := 0
	for job, at := range s.starts {
		end = max(end, at+len(s.need[job]))
	}
	return end
}

func sumOf(list []float64) float64 {
	sum := 0.0
	for _, v := range list {
		sum += v
	}
	return sum
}

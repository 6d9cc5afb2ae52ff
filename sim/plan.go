package main

import (
	"cmp"
	"slices"
	"time"
)

// plan is a policy: it starts each job at a time that was set before.
type plan struct {
	starts []time.Duration
	order  []int // of the jobs, by their start
}

func newPlan(starts []time.Duration) *plan {
	p := &plan{starts: starts, order: make([]int, len(starts))}
	for i := range p.order {
		p.order[i] = i
	}
	slices.SortStableFunc(p.order, func(a, b int) int { return cmp.Compare(starts[a], starts[b]) })
	return p
}

func (p *plan) act(w *world, _ []ending) {
	for p.deadline() <= w.now {
		w.start(p.order[0])
		p.order = p.order[1:]
	}
}

func (p *plan) deadline() time.Duration {
	if len(p.order) == 0 {
		return never
	}
	return p.starts[p.order[0]]
}

// chart is a schedule in the making, on a grid of cells of equal width.
type chart struct {
	cell  time.Duration
	limit float64
	slots int
	need  [][]float64 // of each job, the most memory in each of its cells
	used  []float64   // in each cell
	busy  []int
}

// newChart makes an empty chart that is long enough for all jobs one after the other.
func newChart(l *workload, cell time.Duration) *chart {
	c := &chart{cell: cell, limit: l.limit, slots: l.slots}
	total := 0
	for _, j := range l.jobs {
		var need []float64
		for at := time.Duration(0); at < j.duration(); at += cell {
			need = append(need, j.most(at, min(at+cell, j.duration())))
		}
		c.need = append(c.need, need)
		total += len(need)
	}
	c.used, c.busy = make([]float64, total), make([]int, total)
	return c
}

// fits says that a job can start at a cell.
func (c *chart) fits(job, at int) bool {
	for i, mb := range c.need[job] {
		if c.busy[at+i] == c.slots || c.used[at+i]+mb > c.limit {
			return false
		}
	}
	return true
}

// place puts a job at a cell or, with by = -1, takes it away.
func (c *chart) place(job, at, by int) {
	for i, mb := range c.need[job] {
		c.busy[at+i] += by
		c.used[at+i] += mb * float64(by)
	}
}

// schedule places the jobs in an order, each as early as it fits, and gives their cells and the end of the last one.
func (c *chart) schedule(order []int) (starts []int, end int) {
	clear(c.used)
	clear(c.busy)
	starts = make([]int, len(order))
	for _, job := range order {
		at := 0
		for !c.fits(job, at) {
			at++
		}
		c.place(job, at, 1)
		starts[job] = at
		end = max(end, at+len(c.need[job]))
	}
	return starts, end
}

// times gives cells as times.
func (c *chart) times(starts []int) []time.Duration {
	times := make([]time.Duration, len(starts))
	for i, at := range starts {
		times[i] = time.Duration(at) * c.cell
	}
	return times
}

// orders are those that a schedule is tried with: as handed over, longest first, most memory times time first, highest peak
// first.
func orders(l *workload) [][]int {
	keys := []func(job) float64{
		func(job) float64 { return 0 },
		func(j job) float64 { return j.duration().Seconds() },
		func(j job) float64 { return j.area() },
		func(j job) float64 { return j.peak() },
	}
	var all [][]int
	for _, key := range keys {
		order := make([]int, len(l.jobs))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return -cmp.Compare(key(l.jobs[a]), key(l.jobs[b])) })
		all = append(all, order)
	}
	return all
}

// cells is how fine a chart of a large workload is.
const cells = 1000

// foresight is the best of the schedules of a list that knows all profiles: what a policy could reach that nothing surprises. It
// lies between the bound and what the best one could do.
func foresight(l *workload) policy {
	cell := l.unit
	if cell == 0 {
		cell = l.bound()/cells + 1
	}
	c := newChart(l, cell)
	var best []int
	least := 0
	for _, order := range orders(l) {
		if starts, end := c.schedule(order); best == nil || end < least {
			best, least = starts, end
		}
	}
	return newPlan(c.times(best))
}

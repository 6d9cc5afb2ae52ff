package sched

import (
	"container/heap"
	"slices"
)

// Group is an affinity group: the CPUs of one running attempt. No CPU is in two groups.
type Group struct {
	CPUs    []int
	Nodes   []int // the NUMA nodes of the CPUs, by id
	Domains []int // indexes of the Placement.Domains that the CPUs are part of
}

// Placement is where attempts run. The zero value leaves that to the kernel.
type Placement struct {
	Groups  []Group
	Domains []string // what groups can share: the level of each core, cache and so on, as "core" or "l3"
}

// Unpinned stands among the levels of interference for a job of the pool that ran beside without a group.
const Unpinned = "unpinned"

// places hands groups out, and sees who shared a domain with whom.
type places struct {
	groups   []Group
	free     intHeap  // indexes of the groups that nobody has
	domains  []domain // one more than Placement.Domains: the last is that of attempts without a group
	levels   []string
	unpinned int // index of that last one
}

// domain counts the attempts in a core, cache or the like.
type domain struct {
	present int
	arrived int64 // so far
}

// slot is the group that an attempt has, and what it shared with others so far.
type slot struct {
	group   int     // -1: none
	arrived []int64 // for each domain of the group: how many had arrived with this one
	apart   int64   // how many without a group had arrived
	shared  []string
}

func newPlaces(p Placement) places {
	all := places{groups: p.Groups, domains: make([]domain, len(p.Domains)+1), levels: append(slices.Clone(p.Domains), Unpinned),
		unpinned: len(p.Domains)}
	for i := range p.Groups {
		all.free = append(all.free, i)
	}
	return all
}

// needed says that attempts of the job run in groups, if there are any.
func (p *places) needed(s *Spec) bool { return len(p.groups) > 0 && !s.OmitAffinity && !s.Stub }

// take gives an attempt the free group of the lowest index. A synchronous job does without one if there is none.
func (p *places) take(s *Spec) *slot {
	if len(p.groups) == 0 || s.Stub {
		return nil
	}
	if !p.needed(s) || len(p.free) == 0 {
		p.domains[p.unpinned].present++
		p.domains[p.unpinned].arrived++
		return &slot{group: -1}
	}
	taken := &slot{group: heap.Pop(&p.free).(int), apart: p.domains[p.unpinned].arrived}
	if p.domains[p.unpinned].present > 0 {
		taken.share(Unpinned)
	}
	for _, i := range p.groups[taken.group].Domains {
		d := &p.domains[i]
		if d.present > 0 {
			taken.share(p.levels[i])
		}
		d.present++
		d.arrived++
		taken.arrived = append(taken.arrived, d.arrived)
	}
	return taken
}

// give takes a group back, after noting who has come beside the attempt since.
func (p *places) give(s *slot) {
	switch {
	case s == nil:
		return
	case s.group < 0:
		p.domains[p.unpinned].present--
		return
	}
	for n, i := range p.groups[s.group].Domains {
		d := &p.domains[i]
		d.present--
		if d.arrived > s.arrived[n] {
			s.share(p.levels[i])
		}
	}
	if p.domains[p.unpinned].arrived > s.apart {
		s.share(Unpinned)
	}
	heap.Push(&p.free, s.group)
}

func (s *slot) share(level string) {
	if !slices.Contains(s.shared, level) {
		s.shared = append(s.shared, level)
	}
}

// placed gives the group of an attempt; nil if it has none.
func (p *places) placed(s *slot) *Group {
	if s == nil || s.group < 0 {
		return nil
	}
	return &p.groups[s.group]
}

// intHeap has the lowest number first.
type intHeap []int

func (h intHeap) Len() int           { return len(h) }
func (h intHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h intHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *intHeap) Push(x any)        { *h = append(*h, x.(int)) }

func (h *intHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}

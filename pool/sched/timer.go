package sched

import (
	"container/heap"
	"math"
	"time"
)

// timer fires once. It lies in its owner, so that it is gone with it; at most one of its owners is set.
type timer struct {
	at    time.Duration
	order uint64 // breaks ties, first set first
	pos   int    // 1 + its place in the heap; 0: not set

	job  *job
	task *task
	join *joinCall
}

// timers is a heap of the set timers.
type timers struct {
	heap  []*timer
	order uint64
}

func (t *timers) Len() int { return len(t.heap) }

func (t *timers) Less(i, j int) bool {
	a, b := t.heap[i], t.heap[j]
	if a.at != b.at {
		return a.at < b.at
	}
	return a.order < b.order
}

func (t *timers) Swap(i, j int) {
	t.heap[i], t.heap[j] = t.heap[j], t.heap[i]
	t.heap[i].pos, t.heap[j].pos = i+1, j+1
}

func (t *timers) Push(x any) {
	tm := x.(*timer)
	t.heap = append(t.heap, tm)
	tm.pos = len(t.heap)
}

func (t *timers) Pop() any {
	last := len(t.heap) - 1
	tm := t.heap[last]
	t.heap[last] = nil
	t.heap = t.heap[:last]
	tm.pos = 0
	return tm
}

// set makes tm fire at the given time, instead of the one it was set to.
func (t *timers) set(tm *timer, at time.Duration) {
	t.order++
	tm.at, tm.order = at, t.order
	if tm.pos > 0 {
		heap.Fix(t, tm.pos-1)
		return
	}
	heap.Push(t, tm)
}

func (t *timers) stop(tm *timer) {
	if tm.pos > 0 {
		heap.Remove(t, tm.pos-1)
	}
}

// after adds a span to a time; one that no clock reaches is as good as the sum.
func after(at, span time.Duration) time.Duration {
	if span > math.MaxInt64-at {
		return math.MaxInt64
	}
	return at + span
}

// due takes out the next timer that fires at or before now.
func (t *timers) due(now time.Duration) *timer {
	if len(t.heap) == 0 || t.heap[0].at > now {
		return nil
	}
	return heap.Pop(t).(*timer)
}

package main

import "time"

// fixed runs jobs first in, first out, with a fixed number of workers, and looks at no memory.
type fixed struct {
	workers int
	next    int
}

// unlimited is no balancing: all workers, always.
func unlimited(l *workload) policy { return &fixed{workers: l.slots} }

// careful is what a user does who knows the highest peak of all jobs: as many workers as fit even then.
func careful(l *workload) policy {
	return &fixed{workers: min(max(int(l.limit/l.highest()), 1), l.slots)}
}

func (f *fixed) act(w *world, _ []ending) {
	for ; f.next < len(w.jobs) && len(w.running) < f.workers; f.next++ {
		w.start(f.next)
	}
}

func (f *fixed) deadline() time.Duration { return never }

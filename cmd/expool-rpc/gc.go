package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// The heap may grow by two fifths of what lives, or by so many bytes, before garbage is collected. No more, since most of a large heap is queued
// jobs, which live long, and a queued job is to take less than 1 kB all in all; more while the heap is small, since collecting it over and
// over is half of the cost of a short job.
const (
	leastGrowth = 40  // percent
	mostGrowth  = 320 // percent
	growthBytes = 32 << 20
)

// paceGC sets Go's pace of garbage collection after each collection, unless GOGC says how.
func paceGC() {
	if os.Getenv("GOGC") == "" {
		(&gcPacer{live: []metrics.Sample{{Name: "/gc/heap/live:bytes"}}}).pace()
	}
}

// gcPacer is garbage, so that its finalizer tells of a collection; it then comes back to life for the next one.
type gcPacer struct {
	live   []metrics.Sample
	growth int // percent, as set
}

func (p *gcPacer) pace() {
	metrics.Read(p.live)
	if growth := growthFor(p.live[0].Value.Uint64()); growth != p.growth {
		p.growth = growth
		debug.SetGCPercent(growth)
	}
	runtime.SetFinalizer(p, (*gcPacer).pace)
}

// growthFor is the percentage for so many bytes that live. It takes few values, since setting it stops the program for a moment.
func growthFor(live uint64) int {
	growth := leastGrowth
	for growth < mostGrowth && uint64(growth)*live < 100*growthBytes {
		growth *= 2
	}
	return growth
}

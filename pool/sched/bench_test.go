package sched

import (
	"fmt"
	"math"
	"runtime"
	"testing"
	"time"
)

// BenchmarkEvent measures what an event costs in a pool of 10,000 workers with n jobs, which is to say that it hardly
// depends on n: every job is queued, started and ended, with a timeout, in a category, a tenth of them by their timeout.
func BenchmarkEvent(b *testing.B) {
	var least float64 // ns/event of the smallest run
	for _, n := range []int{1_000, 10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("jobs=%d", n), func(b *testing.B) {
			events := 0
			for b.Loop() {
				events += play(n)
			}
			each := float64(b.Elapsed().Nanoseconds()) / float64(events)
			if n == 1_000 {
				least = each
			}
			b.ReportMetric(each, "ns/event")
			b.ReportMetric(each/least, "times-that-of-1000-jobs")
		})
	}
}

// play runs n jobs of one virtual second on 10,000 workers; every tenth lasts longer than its timeout. It counts the events.
func play(n int) int {
	p := &player{core: New(Config{Workers: 10_000, Grace: time.Second, History: 1000})}
	specs := make([]*Spec, 0, 1000)
	for i := range n {
		specs = append(specs, &Spec{Timeout: 2 * time.Second, Category: fmt.Sprint("category", i%100), Size: float64(i), Slowdown: 1, Name: "job"})
		if len(specs) == cap(specs) || i == n-1 {
			p.step(Execute{Call: 1, Jobs: specs, List: true})
			specs = make([]*Spec, 0, 1000)
		}
	}
	for p.core.Status().EverFails+p.core.Status().Done < int64(n) {
		p.round()
	}
	return p.events
}

// TestTheCostOfAnEventHardlyDependsOnTheJobs compares within one run, the best of three tries each: with a cost for each
// running or queued job, 20 times the jobs would cost many times as much an event.
func TestTheCostOfAnEventHardlyDependsOnTheJobs(t *testing.T) {
	each := func(n int) float64 {
		best := math.Inf(1)
		for range 3 {
			start := time.Now()
			events := play(n)
			best = min(best, float64(time.Since(start))/float64(events))
		}
		return best
	}
	if few, many := each(1_000), each(20_000); many > 4*few {
		t.Errorf("an event costs %.0f ns with 1,000 jobs and %.0f with 20,000", few, many)
	}
}

type player struct {
	core   *Core
	now    time.Duration
	events int
	starts []Start // of the round
	kills  []Kill
}

func (p *player) step(e Event) {
	p.events++
	for _, a := range p.core.Step(Now{Mono: p.now, Wall: p.now.Microseconds()}, e) {
		switch a := a.(type) {
		case Start:
			p.starts = append(p.starts, a)
		case Kill:
			p.kills = append(p.kills, a)
		}
	}
}

// round lets what has been started run for a second, and what was killed end.
func (p *player) round() {
	starts, kills := p.starts, p.kills
	p.starts, p.kills = nil, nil
	for _, s := range starts {
		p.step(Started{Job: s.Job, Attempt: s.Attempt, PID: 1})
	}
	p.now += time.Second
	p.step(Tick{})
	for _, s := range starts {
		if s.Job%10 != 0 {
			p.step(Ended{Job: s.Job, Attempt: s.Attempt})
		}
	}
	for _, k := range kills {
		p.step(Ended{Job: k.Job, Attempt: k.Attempt, Exit: Exit{Code: -15}})
	}
}

// TestQueuedJobIsSmall holds the memory of the scheduler to what is queued.
func TestQueuedJobIsSmall(t *testing.T) {
	const n = 100_000
	c := New(Config{Workers: 1, History: 100})
	before := liveBytes()
	for range n / 1000 {
		var specs []*Spec
		for range 1000 {
			specs = append(specs, &Spec{Name: "a job of the usual kind", Category: "category", Size: 1, Slowdown: 1, Timeout: time.Second})
		}
		c.Step(Now{}, Execute{Jobs: specs})
	}
	each := (liveBytes() - before) / n
	runtime.KeepAlive(c)
	if each > 600 {
		t.Errorf("a queued job takes %d bytes in the scheduler; with what the pool adds it must stay below 1 kB", each)
	}
}

func liveBytes() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

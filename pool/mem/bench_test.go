package mem

import (
	"fmt"
	"testing"
)

// BenchmarkMeasure gives the cost of one pass over jobs of each kind, and of nothing.
func BenchmarkMeasure(b *testing.B) {
	single := grow(b, node{Name: "guardian", Guardian: true, Kids: []node{{Name: "main"}}})
	three := grow(b, family(false))
	many := grow(b, node{Name: "guardian", Guardian: true, Kids: []node{{Name: "main", Sleepers: 500}}})
	for _, c := range []struct {
		name   string
		target Target
		lists  bool
	}{
		{"process", single.target(Process), true},
		{"tree of 1", single.target(Tree), true},
		{"tree of 4", three.target(Tree), true},
		{"tree of 501", many.target(Tree), true},
		{"tree of 501 by scan", many.target(Tree), false},
	} {
		for _, peak := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/peak=%v", c.name, peak), func(b *testing.B) {
				m := meter(b, Config{})
				m.lists = m.lists && c.lists
				targets, usages := []Target{c.target}, make([]Usage, 0, 1)
				targets[0].Peak = peak
				b.ReportAllocs()
				for b.Loop() {
					usages = m.Measure(targets, usages)
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(usages[0].Processes), "µs/process")
			})
		}
	}
}

func BenchmarkMeasureNothing(b *testing.B) {
	m, usages := New(Config{}), []Usage{}
	for b.Loop() {
		usages = m.Measure(nil, usages)
	}
}

func BenchmarkReadHost(b *testing.B) {
	for b.Loop() {
		if _, err := ReadHost(nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSameMemory(b *testing.B) {
	tr := grow(b, node{Name: "main", Kids: []node{{Name: "child"}}})
	for b.Loop() {
		if sameMemory(tr.pids["child"], tr.pids["main"]) {
			b.Fatal("two programs have one memory")
		}
	}
}

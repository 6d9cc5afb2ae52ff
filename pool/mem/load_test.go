package mem

import (
	"sync"
	"testing"
)

func TestATreeOf500ProcessesIsMeasuredWhole(t *testing.T) {
	tr := grow(t, node{Name: "guardian", Guardian: true, Kids: []node{{Name: "main", MB: 50, Sleepers: 499}}})
	for _, lists := range []bool{true, false} {
		m := meter(t, Config{})
		m.lists = m.lists && lists
		main, all := tr.measure(m, Process), tr.measure(m, Tree)
		if all.Processes != 500 || all.RSS < main.RSS+499*100_000 || all.RSS > main.RSS+499*8*mib {
			t.Errorf("lists %v: got %+v beside the main process's %+v", lists, all, main)
		}
		heaviest := tr.measure(m, Heaviest)
		near(t, "the heaviest", heaviest.RSS, main.RSS)
		if heaviest.Processes != 500 {
			t.Errorf("lists %v: got %+v as the heaviest", lists, heaviest)
		}
	}
}

// TestATreeThatChangesAllTheTimeIsNeverAnError measures what starts and ends under its eyes, and at last vanishes.
func TestATreeThatChangesAllTheTimeIsNeverAnError(t *testing.T) {
	tr := grow(t, node{Name: "guardian", Guardian: true, Kids: []node{{Name: "main", MB: 20, Churn: true}}})
	var wg sync.WaitGroup
	for _, lists := range []bool{true, false} {
		wg.Go(func() {
			m := meter(t, Config{})
			m.lists = m.lists && lists
			expectChanging(t, m, tr)
		})
	}
	wg.Wait()
	var vanished sync.WaitGroup
	vanished.Go(tr.end)
	m := meter(t, Config{})
	for gone := false; !gone; {
		u := m.Measure([]Target{tr.target(Tree)}, nil)[0]
		gone = !u.OK
		if gone != (u == Usage{}) {
			t.Errorf("got %+v while the tree vanished", u)
		}
	}
	vanished.Wait()
}

// expectChanging looks until it has seen enough trees of different sizes.
func expectChanging(t *testing.T, m *Meter, tr *tree) {
	sizes := map[int]int{}
	var usages []Usage
	targets := []Target{tr.target(Process), tr.target(Heaviest), tr.target(Tree)}
	for i := range targets {
		targets[i].Peak = true
	}
	for rounds := 0; rounds < 200 || len(sizes) < 3; rounds++ {
		usages = m.Measure(targets, usages)
		for _, u := range usages {
			if !u.OK || u.Truncated || u.RSS < 20*mib || u.RSS > 1000*mib || u.Peak < u.RSS || u.Processes > 100 {
				t.Errorf("got %+v", u)
				return
			}
		}
		sizes[usages[2].Processes]++
		if rounds == 20_000 {
			t.Errorf("a changing tree has only these sizes: %v", sizes)
			return
		}
	}
}

func TestMeasuringAllocatesNothing(t *testing.T) {
	tr := grow(t, family(false))
	for _, lists := range []bool{true, false} {
		m := meter(t, Config{})
		m.lists = m.lists && lists
		targets, usages := []Target{tr.target(Process), tr.target(Heaviest), tr.target(Tree)}, []Usage{}
		targets[2].Peak = true
		usages = m.Measure(targets, usages) // which grows the buffers
		if n := testing.AllocsPerRun(20, func() { usages = m.Measure(targets, usages) }); n != 0 {
			t.Errorf("lists %v: a pass allocates %v times", lists, n)
		}
	}
}

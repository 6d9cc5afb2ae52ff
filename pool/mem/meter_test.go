package mem

import (
	"runtime"
	"testing"
)

// family is a guardian with a tree of three, the heaviest a grandchild, and one orphan in another session. Touching is
// false for the same with nothing touched, to subtract.
func family(touching bool) node {
	mb := func(n int) int {
		if touching {
			return n
		}
		return 0
	}
	return node{Name: "guardian", Guardian: true, MB: mb(70), Kids: []node{
		{Name: "main", MB: mb(60), Kids: []node{
			{Name: "child", MB: mb(30), Kids: []node{{Name: "grandchild", MB: mb(120)}}},
			{Vanish: true, Kids: []node{{Name: "orphan", MB: mb(40), Session: true}}},
		}},
	}}
}

var kinds = []struct {
	name      string
	kind      Kind
	touched   int64 // MiB of family
	counted   []string
	processes int
}{
	{"process", Process, 60, []string{"main"}, 1},
	{"heaviest", Heaviest, 120, []string{"grandchild"}, 4},
	{"tree", Tree, 60 + 30 + 120 + 40, []string{"main", "child", "grandchild", "orphan"}, 4},
}

// expectFamily measures two families by each kind, against what they touched and against their page tables.
func expectFamily(t *testing.T, m *Meter) {
	t.Helper()
	empty, touching := grow(t, family(false)), grow(t, family(true))
	for _, k := range kinds {
		before, u := empty.measure(m, k.kind), touching.measure(m, k.kind)
		near(t, k.name+" RSS more than an empty one", u.RSS-before.RSS, k.touched*mib)
		var want, wantVMS int64
		for _, name := range k.counted {
			want += rss(t, touching.pids[name])
			wantVMS += vms(t, touching.pids[name])
		}
		near(t, k.name+" VMS", u.VMS, wantVMS)
		near(t, k.name+" RSS", u.RSS, want)
		near(t, k.name+" peak", u.Peak, want)
		if mem := m.metric(u.RSS, u.VMS); u.Mem != mem || u.Processes != k.processes {
			t.Errorf("%s: got %+v, want Mem %d and %d processes", k.name, u, mem, k.processes)
		}
	}
}

func TestCalibratedTreesAreMeasuredByEachKind(t *testing.T) {
	expectFamily(t, meter(t, Config{}))
}

func TestWithoutListsOfChildrenOneScanMeasuresTheSame(t *testing.T) {
	m := meter(t, Config{})
	m.lists = false
	expectFamily(t, m)
}

func TestALargeMeasuringProcessDoesNotShowInItsChildren(t *testing.T) {
	ballast := make([]byte, 300*mib)
	for i := 0; i < len(ballast); i += 4096 {
		ballast[i] = 1
	}
	m := meter(t, Config{})
	expectFamily(t, m)
	small := grow(t, node{Name: "main"})
	if peak, ok := m.Peak(small.target(Tree)); !ok || peak > 100*mib {
		t.Errorf("an empty process under one of 300 MiB has peak %d, ok %v", peak, ok)
	}
	runtime.KeepAlive(ballast)
}

func TestATreeWithoutGuardianIsTheMainProcessAndItsDescendants(t *testing.T) {
	tr := grow(t, node{Name: "main", MB: 20, Kids: []node{{Name: "child", MB: 30}}})
	m := meter(t, Config{})
	near(t, "process", tr.measure(m, Process).RSS, rss(t, tr.pids["main"]))
	near(t, "heaviest", tr.measure(m, Heaviest).RSS, rss(t, tr.pids["child"]))
	near(t, "tree", tr.measure(m, Tree).RSS, rss(t, tr.pids["main"])+rss(t, tr.pids["child"]))
}

func TestPeaksOutliveTheMemory(t *testing.T) {
	m := meter(t, Config{})
	shape := func(main, child int) node {
		return node{Name: "guardian", Guardian: true, Peak: 2 * main, Kids: []node{
			{Name: "main", Peak: main, MB: main / 4, Kids: []node{{Name: "child", Peak: child, MB: child / 4}}},
		}}
	}
	empty, tr := grow(t, shape(0, 0)), grow(t, shape(80, 160))
	for _, want := range []struct {
		name string
		kind Kind
		mb   int64
	}{{"process", Process, 80}, {"heaviest", Heaviest, 160}, {"tree", Tree, 160}} {
		got, ok := m.Peak(tr.target(want.kind))
		base, _ := m.Peak(empty.target(Heaviest))
		if !ok {
			t.Fatalf("%s: no peak", want.name)
		}
		near(t, want.name, got-base, want.mb*mib)
		if u := tr.measure(m, want.kind); u.Peak != u.RSS {
			t.Errorf("%s: got peak %d without asking for it, want the RSS %d", want.name, u.Peak, u.RSS)
		}
	}
}

func TestThePeakOfATreeIsAtLeastItsSum(t *testing.T) {
	tr := grow(t, family(true))
	m := meter(t, Config{})
	target := tr.target(Tree)
	target.Peak = true
	u := m.Measure([]Target{target}, nil)[0]
	if u.Peak != u.RSS || u.RSS < 250*mib {
		t.Errorf("got %+v, want a peak that is the RSS and above 250 MiB", u)
	}
}

func TestUntouchedMemoryCountsUpToPhysicalMemory(t *testing.T) {
	tr := grow(t, node{Name: "main", Reserve: 1 << 20}) // a TiB
	m := meter(t, Config{Physical: 1000 * mib})
	u := tr.measure(m, Process)
	if u.VMS < 1<<40 {
		t.Fatalf("got VMS %d, want a TiB at least", u.VMS)
	}
	near(t, "metric", u.Mem, u.RSS*9/10+100*mib)
	host, err := ReadHost(nil)
	if err != nil {
		t.Fatal(err)
	}
	u = tr.measure(meter(t, Config{}), Tree)
	near(t, "metric by default", u.Mem, u.RSS*9/10+min(u.VMS, host.Total)/10)
}

func TestAProcessWithoutItsMainThreadKeepsItsMemoryAndChildren(t *testing.T) {
	tr := grow(t, node{Name: "guardian", Guardian: true, Kids: []node{
		{Name: "main", MB: 50, Peak: 100, Headless: true, Kids: []node{{Name: "child", MB: 20}}},
	}})
	m := meter(t, Config{})
	awaitState(t, m, tr.pids["main"], 'Z')
	for _, kind := range []Kind{Process, Heaviest, Tree} {
		u := tr.measure(m, kind)
		if u.RSS < 50*mib || u.VMS < 50*mib {
			t.Errorf("kind %d: got %+v, want 50 MiB at least", kind, u)
		}
		if peak, ok := m.Peak(tr.target(kind)); !ok || peak < 100*mib {
			t.Errorf("kind %d: got peak %d, ok %v; want 100 MiB at least", kind, peak, ok)
		}
	}
	if u := tr.measure(m, Tree); u.Processes != 2 || u.RSS < 70*mib {
		t.Errorf("got %+v, want 2 processes of 70 MiB at least", u)
	}
}

// awaitState waits for a state of a process that nothing announces.
func awaitState(t *testing.T, m *Meter, pid int, state byte) {
	t.Helper()
	for range 10_000_000 {
		p, ok := m.reader.process(pid)
		if !ok {
			t.Fatalf("process %d is gone", pid)
		}
		if p.state == state {
			return
		}
		runtime.Gosched()
	}
	t.Fatalf("process %d does not get to state %c", pid, state)
}

func TestWhatIsGoneIsNoUsage(t *testing.T) {
	tr := grow(t, family(false))
	m := meter(t, Config{})
	tr.end()
	targets := []Target{tr.target(Process), tr.target(Heaviest), tr.target(Tree), {}, {Main: -1, Guardian: -1, Kind: Tree}}
	for i, u := range m.Measure(targets, nil) {
		if u != (Usage{}) {
			t.Errorf("target %d: got %+v of a tree that has ended", i, u)
		}
	}
	if peak, ok := m.Peak(tr.target(Process)); ok || peak != 0 {
		t.Errorf("got peak %d, ok %v of a tree that has ended", peak, ok)
	}
	if len(m.Measure(nil, make([]Usage, 5))) != 0 {
		t.Error("nothing to measure gives something")
	}
}

func TestAMainProcessThatEndedLeavesTheRestOfItsTree(t *testing.T) {
	tr := grow(t, node{Name: "guardian", Guardian: true, Kids: []node{
		{Name: "", Vanish: true, Kids: []node{{Name: "orphan", MB: 20}}},
	}})
	tr.pids["main"] = 1 << 30 // it was reaped
	m := meter(t, Config{})
	if u := tr.measure(m, Tree); u.Processes != 1 || u.RSS < 20*mib {
		t.Errorf("got %+v, want the orphan", u)
	}
	if u := m.Measure([]Target{tr.target(Process)}, nil)[0]; u.OK {
		t.Errorf("got %+v of a main process that has ended", u)
	}
}

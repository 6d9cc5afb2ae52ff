package mem

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// proc is a process in a made-up /proc. Its pid is its index in the list.
type proc struct {
	parent  int
	state   byte // 0: S
	start   int
	rss     int // pages
	vms     int // bytes
	mark    int // KiB, VmHWM
	threads int // beyond the first, whose ids are 1000*pid + 1, 2, ...
	name    string
	hidden  bool // listed, but can't be read
	via     int  // the thread of the parent that has it in its list
	extra   string
	shares  bool // its memory is its parent's
}

// fakeMeter makes a Meter of processes. In the tests the guardian is 1 and the main process 2.
func fakeMeter(t testing.TB, procs map[int]proc, lists bool, cfg Config) *Meter {
	t.Helper()
	root := t.TempDir()
	writeProcs(t, root, procs)
	m := meterOf(root, procs, lists, cfg)
	t.Cleanup(m.Close)
	return m
}

func meterOf(root string, procs map[int]proc, lists bool, cfg Config) *Meter {
	m := newMeter(cfg, root)
	m.lists = lists
	m.reader.page = 4096
	m.shared = func(pid, parent int) bool { return procs[pid].shares }
	return m
}

type fataler interface {
	Helper()
	Fatal(args ...any)
}

func writeProcs(t fataler, root string, procs map[int]proc) {
	t.Helper()
	lists := map[string]string{}
	for pid, p := range procs {
		dir := filepath.Join(root, strconv.Itoa(pid))
		for i := 0; i <= p.threads; i++ {
			list := filepath.Join(dir, "task", strconv.Itoa(threadID(pid, i)), "children")
			lists[list] += p.extra
		}
		parent := filepath.Join(root, strconv.Itoa(p.parent), "task", strconv.Itoa(threadID(p.parent, p.via)), "children")
		lists[parent] += strconv.Itoa(pid) + " "
		if !p.hidden {
			write(t, filepath.Join(dir, "stat"), p.stat(pid))
			write(t, filepath.Join(dir, "status"), p.status())
		}
		if thread := strconv.Itoa(threadID(pid, 1)); p.threads > 0 && !p.hidden {
			p.state = 'S'
			write(t, filepath.Join(dir, "task", thread, "stat"), p.stat(pid))
			write(t, filepath.Join(dir, "task", thread, "status"), p.status())
		}
	}
	for file, list := range lists {
		write(t, file, list)
	}
}

func threadID(pid, i int) int {
	if i == 0 {
		return pid
	}
	return 1000*pid + i
}

func write(t fataler, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (p proc) stat(pid int) string {
	state := p.state
	switch state {
	case 0:
		state = 'S'
	case 'Z':
		p.rss, p.vms = 0, 0
	}
	return fmt.Sprintf("%d (%s) %c %d 7 7 0 -1 4194560 1 0 0 0 3 4 0 0 20 0 %d 0 %d %d %d 18446744073709551615 0 0\n",
		pid, p.name, state, p.parent, p.threads+1, p.start, p.vms, p.rss)
}

func (p proc) status() string {
	if p.state == 'Z' {
		return "Name:\tx\nState:\tZ (zombie)\nThreads:\t1\n"
	}
	return fmt.Sprintf("Name:\tVmHWM:1 kB\nState:\tS\nVmPeak:\t 99 kB\nVmHWM:\t%8d kB\nVmRSS:\t 5 kB\n", p.mark)
}

const page = 4096

var fakes = []struct {
	name    string
	procs   map[int]proc
	cfg     Config
	process Usage
	heavy   Usage
	tree    Usage
}{
	{
		name:    "the metric weighs RSS and VMS",
		procs:   map[int]proc{1: {rss: 9999}, 2: {parent: 1, rss: 100, vms: 1000 * page, mark: 800}},
		process: Usage{Mem: 190 * page, RSS: 100 * page, VMS: 1000 * page, Peak: 800 << 10, Processes: 1, OK: true},
		heavy:   Usage{Mem: 190 * page, RSS: 100 * page, VMS: 1000 * page, Peak: 800 << 10, Processes: 1, OK: true},
		tree:    Usage{Mem: 190 * page, RSS: 100 * page, VMS: 1000 * page, Peak: 800 << 10, Processes: 1, OK: true},
	},
	{
		name:    "weights can be set and one may be nothing",
		procs:   map[int]proc{1: {}, 2: {parent: 1, rss: 10, vms: 5000}},
		cfg:     Config{RSSWeight: 1},
		process: Usage{Mem: 10 * page, RSS: 10 * page, VMS: 5000, Peak: 10 * page, Processes: 1, OK: true},
		heavy:   Usage{Mem: 10 * page, RSS: 10 * page, VMS: 5000, Peak: 10 * page, Processes: 1, OK: true},
		tree:    Usage{Mem: 10 * page, RSS: 10 * page, VMS: 5000, Peak: 10 * page, Processes: 1, OK: true},
	},
	{
		name: "VMS counts up to physical memory, of a tree in sum",
		procs: map[int]proc{1: {}, 2: {parent: 1, rss: 10, vms: 700_000},
			3: {parent: 2, rss: 20, vms: 900_000, mark: 4000}, 4: {parent: 2, rss: 15, vms: 1 << 62}},
		cfg:     Config{Physical: 1_000_000},
		process: Usage{Mem: 36_864 + 70_000, RSS: 10 * page, VMS: 700_000, Peak: 10 * page, Processes: 1, OK: true},
		heavy:   Usage{Mem: 73_728 + 90_000, RSS: 20 * page, VMS: 900_000, Peak: 4000 << 10, Processes: 3, OK: true},
		tree:    Usage{Mem: 165_888 + 100_000, RSS: 45 * page, VMS: 1<<62 + 1_600_000, Peak: 4000 << 10, Processes: 3, OK: true},
	},
	{
		name:  "a zombie has no memory and leaves its tree",
		procs: map[int]proc{1: {}, 2: {parent: 1, state: 'Z'}, 3: {parent: 1, rss: 10}},
		heavy: Usage{Mem: 36_864, RSS: 10 * page, Peak: 10 * page, Processes: 1, OK: true},
		tree:  Usage{Mem: 36_864, RSS: 10 * page, Peak: 10 * page, Processes: 1, OK: true},
	},
	{
		name:    "a main thread that ended leaves the memory to the others",
		procs:   map[int]proc{1: {}, 2: {parent: 1, state: 'Z', threads: 2, rss: 10, vms: 1000, mark: 70}, 3: {parent: 2, rss: 20}},
		process: Usage{Mem: 36_964, RSS: 10 * page, VMS: 1000, Peak: 70 << 10, Processes: 1, OK: true},
		heavy:   Usage{Mem: 73_728, RSS: 20 * page, Peak: 20 * page, Processes: 2, OK: true},
		tree:    Usage{Mem: 110_692, RSS: 30 * page, VMS: 1000, Peak: 30 * page, Processes: 2, OK: true},
	},
	{
		name:  "the pid of the main process belongs to another",
		procs: map[int]proc{1: {}, 2: {parent: 4, rss: 1000}, 3: {parent: 1, rss: 10}, 4: {}},
		heavy: Usage{Mem: 36_864, RSS: 10 * page, Peak: 10 * page, Processes: 1, OK: true},
		tree:  Usage{Mem: 36_864, RSS: 10 * page, Peak: 10 * page, Processes: 1, OK: true},
	},
	{
		name:    "what is older than the root is not of its tree",
		procs:   map[int]proc{1: {start: 50}, 2: {parent: 1, start: 60, rss: 10}, 3: {parent: 2, start: 59, rss: 1000}},
		process: Usage{Mem: 36_864, RSS: 10 * page, Peak: 10 * page, Processes: 1, OK: true},
		heavy:   Usage{Mem: 36_864, RSS: 10 * page, Peak: 10 * page, Processes: 1, OK: true},
		tree:    Usage{Mem: 36_864, RSS: 10 * page, Peak: 10 * page, Processes: 1, OK: true},
	},
	{
		name: "what may not be seen is left out",
		procs: map[int]proc{1: {}, 2: {parent: 1, rss: 10}, 3: {parent: 2, rss: 1000, hidden: true},
			4: {parent: 3, rss: 1000}, 5: {parent: 2, rss: 20}},
		process: Usage{Mem: 36_864, RSS: 10 * page, Peak: 10 * page, Processes: 1, OK: true},
		heavy:   Usage{Mem: 73_728, RSS: 20 * page, Peak: 20 * page, Processes: 2, OK: true},
		tree:    Usage{Mem: 110_592, RSS: 30 * page, Peak: 30 * page, Processes: 2, OK: true},
	},
	{
		name:  "a guardian that is gone",
		procs: map[int]proc{2: {parent: 7, rss: 10}},
	},
	{
		name: "names may hold anything",
		procs: map[int]proc{1: {name: "a b"}, 2: {parent: 1, rss: 10, name: ") Z 1 1 1 ("},
			3: {parent: 2, rss: 10, name: "\n) \xff"}},
		process: Usage{Mem: 36_864, RSS: 10 * page, Peak: 10 * page, Processes: 1, OK: true},
		heavy:   Usage{Mem: 36_864, RSS: 10 * page, Peak: 10 * page, Processes: 2, OK: true},
		tree:    Usage{Mem: 73_728, RSS: 20 * page, Peak: 20 * page, Processes: 2, OK: true},
	},
	{
		name: "a process listed twice or among its own children counts once",
		procs: map[int]proc{1: {extra: "3 2 1 "}, 2: {parent: 1, rss: 10, extra: "2 1 "},
			3: {parent: 2, rss: 20, extra: "3 2 1 "}},
		process: Usage{Mem: 36_864, RSS: 10 * page, Peak: 10 * page, Processes: 1, OK: true},
		heavy:   Usage{Mem: 73_728, RSS: 20 * page, Peak: 20 * page, Processes: 2, OK: true},
		tree:    Usage{Mem: 110_592, RSS: 30 * page, Peak: 30 * page, Processes: 2, OK: true},
	},
	{
		name: "memory that is the parent's counts there",
		procs: map[int]proc{1: {rss: 500}, 2: {parent: 1, rss: 10, mark: 60},
			3: {parent: 2, rss: 10, mark: 60, shares: true}, 4: {parent: 3, rss: 20}},
		process: Usage{Mem: 36_864, RSS: 10 * page, Peak: 60 << 10, Processes: 1, OK: true},
		heavy:   Usage{Mem: 73_728, RSS: 20 * page, Peak: 20 * page, Processes: 3, OK: true},
		tree:    Usage{Mem: 110_592, RSS: 30 * page, Peak: 30 * page, Processes: 3, OK: true},
	},
	{
		name:    "a main process that is not yet more than a fork of its guardian",
		procs:   map[int]proc{1: {rss: 500, vms: 9000, mark: 4000}, 2: {parent: 1, rss: 500, vms: 9000, mark: 4000, shares: true}},
		process: Usage{Processes: 1, OK: true},
		heavy:   Usage{Processes: 1, OK: true},
		tree:    Usage{Processes: 1, OK: true},
	},
	{
		name: "each thread has its own children",
		procs: map[int]proc{1: {}, 2: {parent: 1, rss: 10, threads: 12}, 3: {parent: 2, rss: 20, via: 12, threads: 1},
			4: {parent: 2, rss: 30}, 5: {parent: 3, rss: 40, via: 1}},
		process: Usage{Mem: 36_864, RSS: 10 * page, Peak: 10 * page, Processes: 1, OK: true},
		heavy:   Usage{Mem: 147_456, RSS: 40 * page, Peak: 40 * page, Processes: 4, OK: true},
		tree:    Usage{Mem: 368_640, RSS: 100 * page, Peak: 100 * page, Processes: 4, OK: true},
	},
	{
		name:    "numbers beyond all memory don't overflow",
		procs:   map[int]proc{1: {}, 2: {parent: 1, vms: 1<<63 - 1}, 3: {parent: 2, vms: 1<<63 - 1}},
		cfg:     Config{Physical: 10_000},
		process: Usage{Mem: 1000, VMS: 1 << 62, Processes: 1, OK: true},
		heavy:   Usage{Mem: 1000, VMS: 1 << 62, Processes: 2, OK: true},
		tree:    Usage{Mem: 1000, VMS: 1<<63 - 1, Processes: 2, OK: true},
	},
}

func TestTreesOfEveryShape(t *testing.T) {
	for _, f := range fakes {
		for _, lists := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/lists=%v", f.name, lists), func(t *testing.T) {
				m := fakeMeter(t, f.procs, lists, f.cfg)
				targets := make([]Target, 3)
				for kind := range targets {
					targets[kind] = Target{Main: 2, Guardian: 1, Kind: Kind(kind), Peak: true}
				}
				got := m.Measure(targets, nil)
				for kind, want := range []Usage{f.process, f.heavy, f.tree} {
					if got[kind] != want {
						t.Errorf("kind %d: got %+v, want %+v", kind, got[kind], want)
					}
					if peak, ok := m.Peak(targets[kind]); peak != want.Peak || ok != want.OK {
						t.Errorf("kind %d: got peak %d, ok %v; want %d, %v", kind, peak, ok, want.Peak, want.OK)
					}
				}
			})
		}
	}
}

func TestAFileThatIsNoStatIsNoProcess(t *testing.T) {
	good := proc{parent: 1, rss: 1}.stat(2)
	for _, text := range []string{"", "2", "2 (x", "2 (x) S", "2 (x) S 1 2 3", "()", ")", good[:len(good)-30]} {
		m := fakeMeter(t, map[int]proc{1: {}, 2: {parent: 1}}, true, Config{})
		write(t, filepath.Join(m.reader.root, "2", "stat"), text)
		if u := m.Measure([]Target{{Main: 2, Guardian: 1, Kind: Tree}}, nil)[0]; u.OK {
			t.Errorf("stat %q: got %+v", text, u)
		}
	}
}

func TestAForkBombCostsABoundedTime(t *testing.T) {
	bomb := map[int]proc{1: {}, 2: {parent: 1, rss: 500}}
	for pid := 3; pid < 90; pid++ {
		bomb[pid] = proc{parent: 1 + pid%2, rss: 1}
	}
	threads := map[int]proc{1: {}, 2: {parent: 1, rss: 500, threads: 80}, 3: {parent: 2, via: 79}}
	for _, c := range []struct {
		name      string
		procs     map[int]proc
		lists     bool
		limit     int
		processes int
		truncated bool
	}{
		{"processes by lists", bomb, true, 10, 10, true},
		{"processes by a scan", bomb, false, 10, 10, true},
		{"just enough", bomb, true, 88, 88, false},
		{"one too many", bomb, true, 87, 87, true},
		{"threads", threads, true, 10, 1, true},
		{"threads don't matter to a scan", threads, false, 10, 2, false},
	} {
		m := fakeMeter(t, c.procs, c.lists, Config{Limit: c.limit})
		u := m.Measure([]Target{{Main: 2, Guardian: 1, Kind: Tree}}, nil)[0]
		if u.Processes != c.processes || u.Truncated != c.truncated || u.RSS < 500*page {
			t.Errorf("%s: got %+v, want %d processes with the main one, truncated %v", c.name, u, c.processes, c.truncated)
		}
		if len(m.queue) > c.limit+1 {
			t.Errorf("%s: %d processes are queued with a limit of %d", c.name, len(m.queue), c.limit)
		}
	}
}

func TestAListOfChildrenMayBeLongerThanABuffer(t *testing.T) {
	procs := map[int]proc{1: {}, 2: {parent: 1}, 3000: {parent: 2, rss: 7}}
	m := fakeMeter(t, procs, true, Config{Limit: 6000})
	var gone strings.Builder
	for pid := 100_000; pid < 105_000; pid++ {
		fmt.Fprintf(&gone, "%d ", pid)
	}
	write(t, filepath.Join(m.reader.root, "2", "task", "2", "children"), gone.String()+"3000 ")
	if u := m.Measure([]Target{{Main: 2, Guardian: 1, Kind: Tree}}, nil)[0]; u.Processes != 2 || u.RSS != 7*page || u.Truncated {
		t.Errorf("got %+v, want the last one of 5001", u)
	}
}

func TestAPassOverManyThreadsTurnsToAScan(t *testing.T) {
	procs := map[int]proc{1: {}, 2: {parent: 1, rss: 1, threads: 300}, 3: {parent: 2, rss: 2, via: 300}, 4: {parent: 3, rss: 4}}
	for pid := 10; pid < 20; pid++ {
		procs[pid] = proc{rss: 1000}
	}
	m := fakeMeter(t, procs, true, Config{})
	big, small := []Target{{Main: 2, Guardian: 1, Kind: Tree}}, []Target{{Main: 3, Kind: Tree}}
	for _, step := range []struct {
		targets      []Target
		rss          int64
		first, scans bool
	}{
		{small, 6, false, false},
		{big, 7, false, true}, // after all threads of the main process
		{big, 7, true, true},
		{small, 6, true, true},
		{small, 6, false, false},
	} {
		u := m.Measure(step.targets, nil)[0]
		if u.RSS != step.rss*page || m.hasScan != step.scans || m.scanFirst != step.first {
			t.Errorf("got %+v, scanned %v, at once %v; want %+v", u, m.hasScan, m.scanFirst, step)
		}
	}
}

// TestRandomTreesAreSummedAsAnOracleDoes compares both ways of finding a tree with a walk over the processes as made up.
func TestRandomTreesAreSummedAsAnOracleDoes(t *testing.T) {
	base, n := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		root, procs := filepath.Join(base, strconv.Itoa(n)), map[int]proc{1: {start: 5}, 2: {parent: 1, start: 5, rss: 1}}
		for pid := range rapid.IntRange(0, 12).Draw(t, "processes") {
			pid += 3
			p := proc{parent: rapid.IntRange(1, pid-1).Draw(t, "parent"), start: rapid.IntRange(4, 6).Draw(t, "start"),
				rss: rapid.IntRange(0, 50).Draw(t, "rss"), threads: rapid.IntRange(0, 2).Draw(t, "threads")}
			p.state = rapid.SampledFrom([]byte("SSSSRZD")).Draw(t, "state")
			p.vms = p.rss * page
			p.hidden = rapid.IntRange(0, 9).Draw(t, "hidden") == 0
			if p.parent > 1 {
				p.via = rapid.IntRange(0, procs[p.parent].threads).Draw(t, "via")
			}
			procs[pid] = p
		}
		writeProcs(t, root, procs)
		want := int64(0)
		for pid := range procs {
			if inTree(procs, pid) && procs[pid].counts() {
				want += int64(procs[pid].rss) * page
			}
		}
		for _, lists := range []bool{true, false} {
			m := meterOf(root, procs, lists, Config{})
			u := m.Measure([]Target{{Main: 2, Guardian: 1, Kind: Tree}}, nil)[0]
			if m.Close(); u.RSS != want {
				t.Fatalf("lists %v: got %+v, want RSS %d of %+v", lists, u, want, procs)
			}
		}
	})
}

func (p proc) counts() bool { return (p.state != 'Z' || p.threads > 0) && !p.hidden && p.start >= 5 }

// inTree says that all between a process and the guardian can be walked through.
func inTree(procs map[int]proc, pid int) bool {
	for at := procs[pid].parent; at != 1; at = procs[at].parent {
		if at == 0 || !procs[at].counts() {
			return false
		}
	}
	return pid != 1
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte(proc{parent: 1, rss: 5, vms: 1 << 40}.stat(2)))
	f.Add([]byte("1 (x) S 99999999999999999999999 1 1"))
	f.Add([]byte("\x00 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 "))
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, ok := parseStat(data, page); ok && (p.rss < 0 || p.vms < 0 || p.state < 'A') {
			t.Errorf("got %+v", p)
		}
		if mark := parseHighWater(data); mark < 0 {
			t.Errorf("got high-water mark %d", mark)
		}
	})
}

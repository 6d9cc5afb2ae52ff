package proc

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const mib = 1 << 20

// needMemory skips a test on hosts without memory cgroups. Those of version 2 have the tests of memory2_test.go besides.
func needMemory(t *testing.T, p *pool) {
	t.Helper()
	if c := p.Capabilities(); c.Memory == memoryNone {
		t.Skip("no memory cgroups on this host: " + c.MemoryReason)
	}
}

// program is a command in a memory cgroup that runs a helper.
func program(args ...string) Command {
	return Command{Args: helper(args...), Stdout: Output{Kind: Null}, MemGroup: true}
}

func limited(limit int64, args ...string) Command {
	c := program(args...)
	c.MemLimit = limit
	return c
}

// expectPeak wants a peak within 3 % and 2 MB of what the command needs more than the same one with less.
func expectPeak(t *testing.T, what string, x, less Exit, want int64) {
	t.Helper()
	got := x.GroupPeak - less.GroupPeak
	if got < want-want*3/100-2*mib || got > want+want*3/100+2*mib || x.Code != 0 || x.OOMKilled || len(x.Warnings) > 0 {
		t.Errorf("%s: a peak of %d bytes more than %d, want %d: %+v", what, got, less.GroupPeak, want, x)
	}
	t.Logf("%s: %d bytes for %d, %v, %s", what, got, want, x.Duration, x.GroupPeakSource)
}

func TestPeaksOfProcessesAndTreesAreTrue(t *testing.T) {
	if raced {
		t.Skip("the race detector takes memory of its own for what programs touch: it is tested without it")
	}
	p := newPool(t, Config{Idle: 1})
	needMemory(t, p)
	const size = 100 * mib
	none, family := p.run(program("hold", "0")), p.run(program("family", "3", "0"))
	if none.GroupPeakSource != "cgroup "+p.Capabilities().Memory || none.GroupPeak == 0 {
		t.Errorf("source %q, %d bytes", none.GroupPeakSource, none.GroupPeak)
	}
	for range 3 { // one guardian for all: each job has its own peak
		expectPeak(t, "a process", p.run(program("hold", strconv.Itoa(3*size))), none, 3*size)
		expectPeak(t, "a tree of three", p.run(program("family", "3", strconv.Itoa(size))), family, 3*size)
		short := p.run(program("hold", strconv.Itoa(size/5)))
		expectPeak(t, "a short process", short, none, size/5)
		if again := p.run(program("hold", "0")); again.GroupPeak > none.GroupPeak+mib {
			t.Errorf("a small process after large ones: %d bytes instead of %d", again.GroupPeak, none.GroupPeak)
		}
	}
}

func TestAJobThatGrowsPastItsLimitIsEndedThere(t *testing.T) {
	p := newPool(t, Config{})
	needMemory(t, p)
	x := p.run(limited(200*mib, "grow", filepath.Join(t.TempDir(), "log"), strconv.Itoa(300*mib)))
	if x.Code != -9 || !x.OOMKilled || !x.MemLimited || x.MaybeOOM || x.GroupPeak > 201*mib {
		t.Errorf("got %+v", x)
	}
	if y := p.run(limited(200*mib, "hold", strconv.Itoa(100*mib))); y.Code != 0 || y.OOMKilled {
		t.Errorf("the next job: %+v", y)
	}
}

func TestAJobIsEndedAsAWhole(t *testing.T) {
	p := newPool(t, Config{})
	needMemory(t, p)
	// No process exceeds the limit; the kernel kills one of them, and the main process would stay.
	for range 3 {
		x := p.run(limited(200*mib, "family", "3", strconv.Itoa(100*mib), "stay"))
		if x.Code != -9 || !x.OOMKilled || !x.MemLimited {
			t.Errorf("got %+v", x)
		}
	}
}

// limitPool limits the memory of all jobs of a pool, as a container would.
func limitPool(t *testing.T, p *pool, bytes int) {
	t.Helper()
	file := filepath.Join(p.cgroups.memory.root, "memory.limit_in_bytes")
	if p.cgroups.memory.version == memoryV2 {
		file = filepath.Join(p.Capabilities().CgroupDir, "memory.max")
	}
	if err := os.WriteFile(file, []byte(strconv.Itoa(bytes)), 0); err != nil {
		t.Fatal(err)
	}
}

func TestLackOfMemoryOutsideOfTheJobIsNotItsLimit(t *testing.T) {
	p := newPool(t, Config{})
	needMemory(t, p)
	p.run(shell(":")) // the pool's cgroups are there from now on
	limitPool(t, p, 150*mib)
	for _, limit := range []int64{0, 1 << 30} {
		x := p.run(limited(limit, "family", "1", strconv.Itoa(200*mib), "stay"))
		if x.Code != -9 || !x.OOMKilled || x.MemLimited {
			t.Errorf("limit %d: got %+v", limit, x)
		}
	}
}

// Jobs with and without a memory group share a guardian, whose thread is in the group with version 1.
func TestAVictimIsToldOfTheJobThatItWasPartOf(t *testing.T) {
	p := newPool(t, Config{Idle: 1})
	needMemory(t, p)
	small := func() {
		t.Helper()
		if x := p.run(limited(0, "hold", strconv.Itoa(mib))); x.Code != 0 || x.OOMKilled || x.MemLimited {
			t.Errorf("a small job: got %+v", x)
		}
	}
	small()
	limitPool(t, p, 150*mib)
	for range 2 {
		x := p.run(Command{Args: helper("hold", strconv.Itoa(200*mib)), Stdout: Output{Kind: Null}})
		if x.Code != -9 || !x.MaybeOOM || x.MemLimited || len(x.Warnings) > 0 {
			t.Errorf("a large job without a group: got %+v", x)
		}
		small()
	}
}

func TestAFailedAllocationIsTheJobsOwnEnd(t *testing.T) {
	p := newPool(t, Config{})
	needMemory(t, p)
	c := shell(`ulimit -v 50000; head -c 200000000 /dev/zero | tail -c 200000000; exit 5`)
	c.MemLimit = 1 << 30
	if x := p.run(c); x.Code != 5 || x.OOMKilled || x.MemLimited || !strings.Contains(string(x.Stderr.Data), "memory") {
		t.Errorf("got %+v, %q", x, x.Stderr.Data)
	}
}

func TestTheSmallestLimitLetsAJobStart(t *testing.T) {
	p := newPool(t, Config{})
	needMemory(t, p)
	c := Command{Args: []string{"/bin/true", strings.Repeat("x", 100_000)}, MemLimit: 1}
	for _, entry := range []string{"A", "B", "C"} {
		c.Env = append(c.Env, entry+"="+strings.Repeat("x", 100_000))
	}
	if x := p.run(c); x.Code != 0 || x.OOMKilled {
		t.Errorf("got %+v", x)
	}
}

func TestPageCacheIsNoMemoryOfAJob(t *testing.T) {
	if raced {
		t.Skip("the race detector takes memory of its own for what programs touch: it is tested without it")
	}
	p := newPool(t, Config{Idle: 1})
	needMemory(t, p)
	file := filepath.Join(t.TempDir(), "file")
	const size, length = 100 * mib, 300 * mib
	none := p.run(program("hold", "0"))
	for _, how := range []string{"keep", "keep", "remove", "keep"} {
		x := p.run(program("cache", strconv.Itoa(size), file, strconv.Itoa(length), how))
		// What the kernel notes of each page of a file, up to 3 % of it, can't be told from what it needs for the process.
		if got := x.GroupPeak - none.GroupPeak; got < size*97/100 || got > size*103/100+length*3/100+2*mib || x.GroupPeakSource == none.GroupPeakSource {
			t.Errorf("%s: %d bytes, %+v", how, got, x)
		}
		expectPeak(t, "the next job", p.run(program("hold", strconv.Itoa(size))), none, size)
	}
}

func TestPageCacheBreaksNoLimit(t *testing.T) {
	p := newPool(t, Config{})
	needMemory(t, p)
	dir := t.TempDir()
	var writers []Attempt
	for i := range 8 { // more than the disk takes at once
		file := filepath.Join(dir, itoa(i))
		writers = append(writers, p.start(limited(50*mib, "cache", strconv.Itoa(20*mib), file, strconv.Itoa(150*mib), "keep")))
	}
	for _, a := range writers {
		if x := p.exited(a); x.Code != 0 || x.OOMKilled || x.MemLimited || x.GroupPeak > 50*mib && !raced {
			t.Errorf("got %+v", x)
		}
	}
}

func TestALimitIsKeptBesidePageCache(t *testing.T) {
	p := newPool(t, Config{Idle: 1})
	needMemory(t, p)
	dir := t.TempDir()
	p.run(program("cache", "0", filepath.Join(dir, "file"), strconv.Itoa(150*mib), "keep"))
	x := p.run(limited(100*mib, "grow", filepath.Join(dir, "log"), strconv.Itoa(400*mib)))
	if x.Code != -9 || !x.MemLimited || x.MaxRSS > (100+64+32)*mib {
		t.Errorf("got %+v", x)
	}
	y := p.run(limited(100*mib, "family", "3", strconv.Itoa(60*mib), "stay"))
	if y.Code != -9 || !y.MemLimited {
		t.Errorf("got %+v", y)
	}
	t.Logf("ended with %d and %d bytes", x.MaxRSS, y.GroupPeak)
}

func TestFilesInMemoryCountForTheirJobOnly(t *testing.T) {
	if raced {
		t.Skip("the race detector takes memory of its own for what programs touch: it is tested without it")
	}
	dir, err := os.MkdirTemp("/dev/shm", "")
	if err != nil {
		t.Skip("there is no /dev/shm: ", err)
	}
	defer os.RemoveAll(dir)
	p := newPool(t, Config{Idle: 1})
	needMemory(t, p)
	none := p.run(program("hold", "0"))
	x := p.run(program("cache", "0", filepath.Join(dir, "file"), strconv.Itoa(100*mib), "keep"))
	expectPeak(t, "a file in memory", x, none, 100*mib)
	if y := p.run(limited(50*mib, "hold", strconv.Itoa(30*mib))); y.Code != 0 || y.OOMKilled {
		t.Errorf("the next job is limited for the file: %+v", y)
	}
	expectPeak(t, "after a file in memory", p.run(program("hold", strconv.Itoa(50*mib))), none, 50*mib)
}

func TestJobsOutsideOfTheMemoryGroupHaveNoLimit(t *testing.T) {
	p := newPool(t, Config{Idle: 1})
	needMemory(t, p)
	c := limited(50*mib, "hold", strconv.Itoa(100*mib))
	if x := p.run(c); !x.MemLimited {
		t.Errorf("got %+v", x)
	}
	c.MemLimit, c.MemGroup = 0, false
	if x := p.run(c); x.Code != 0 || x.GroupPeak != 0 || x.GroupPeakSource != "" || x.OOMKilled {
		t.Errorf("got %+v", x)
	}
}

func TestAGuardianInAMemoryCgroupServesAsBefore(t *testing.T) {
	all, err := affinity()
	if err != nil {
		t.Fatal(err)
	}
	p := newPool(t, Config{Idle: 1})
	needMemory(t, p)
	for _, group := range []bool{false, true, false, true} {
		c := shell(`grep Cpus_allowed_list: /proc/self/status; nice; sleep 100 & exit 3`)
		c.MemGroup, c.CPUs = group, all[:1]
		x := p.run(c)
		want := "Cpus_allowed_list:\t" + strconv.Itoa(all[0]) + "\n0\n"
		if x.Code != 3 || x.Leaked != 1 || string(x.Stdout.Data) != want {
			t.Errorf("group %v: %q, %+v", group, x.Stdout.Data, x)
		}
		a := p.start(Command{Args: []string{"sleep", "100"}, MemGroup: group})
		p.started(a)
		p.Signal(a, Soft)
		if x := p.exited(a); x.Code != -15 {
			t.Errorf("group %v: %+v", group, x)
		}
		if f := p.failed(p.start(Command{Args: []string{"/no/such"}, MemGroup: group})); !strings.Contains(f.Err, "not found") {
			t.Errorf("group %v: %+v", group, f)
		}
	}
}

func TestMemoryWithoutCgroupsIsNoneWithAReason(t *testing.T) {
	for _, cfg := range []Config{{}, {NoCgroup: true}} {
		p := newPool(t, cfg)
		c := p.Capabilities()
		if (c.Memory == memoryNone) != (c.MemoryReason != "") || cfg.NoCgroup && c.Memory != memoryNone {
			t.Errorf("%+v: %+v", cfg, c)
		}
		if os.Getuid() != 0 {
			t.Logf("memory %s: %s", c.Memory, c.MemoryReason)
		}
		if c.Memory != memoryNone {
			continue
		}
		x := p.run(limited(10*mib, "hold", strconv.Itoa(20*mib)))
		if x.Code != 0 || x.GroupPeak != 0 || x.GroupPeakSource != "" || len(x.Warnings) != 0 {
			t.Errorf("%+v: %+v", cfg, x)
		}
	}
}

func TestAVictimElsewhereIsNotBlamedOnTheKillerOfTheHost(t *testing.T) {
	p, q := newPool(t, Config{NoCgroup: true}), newPool(t, Config{})
	needMemory(t, q)
	for _, script := range []string{`read x < "$1"; kill -9 $$`, `read x < "$1"; exit 137`} {
		fifo := mkfifo(t)
		a := p.start(shell(script, fifo))
		p.started(a)
		if x := q.run(limited(10*mib, "hold", strconv.Itoa(20*mib))); !x.OOMKilled {
			t.Fatalf("got %+v", x)
		}
		writeFile(t, fifo, "go\n", 0o666)
		if x := p.exited(a); x.MaybeOOM || x.OOMKilled {
			t.Errorf("%s: got %+v", script, x)
		}
	}
}

// TestGuardiansOutliveTheRemovalOfTheirCgroup is about version 1, where the guardian of a dead server is still in the leaf with
// one of its threads.
func TestGuardiansOutliveTheRemovalOfTheirCgroup(t *testing.T) {
	p := newPool(t, Config{})
	if c := p.Capabilities(); c.Memory != memoryV1 {
		t.Skip("memory is not controlled by version 1 here, but by " + c.Memory)
	}
	own := filepath.Dir(p.cgroups.memory.root)
	dir := filepath.Join(own, "removal-"+itoa(os.Getpid()))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(dir)
	runtime.LockOSThread() // not unlocked: the thread ends with this goroutine
	if unix.Gettid() == os.Getpid() {
		t.Skip("this test runs on the main thread")
	}
	victim := exec.Command("sleep", "100")
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	for _, tid := range []int{unix.Gettid(), victim.Process.Pid} {
		if err := os.WriteFile(filepath.Join(dir, "tasks"), []byte(itoa(tid)), 0); err != nil {
			t.Fatal(err)
		}
	}
	removeCgroup(dir) // gives up, as this thread is in it
	if err := victim.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("what was left in the cgroup: %v", err)
	}
	if err := os.WriteFile(filepath.Join(own, "tasks"), []byte(itoa(unix.Gettid())), 0); err != nil {
		t.Fatal(err)
	}
}

func TestFiguresTellPageCacheApart(t *testing.T) {
	const mb = 1 << 20
	for _, test := range []struct {
		name    string
		use     memoryUse
		io, rss int64
		want    int64
		source  string
	}{
		{"not told", memoryUse{source: "cg"}, 0, 5 * mb, 0, ""},
		{"no files", memoryUse{source: "cg", peak: 100 * mb}, 0, 90 * mb, 100 * mb, "cg"},
		{"few files", memoryUse{source: "cg", peak: 100 * mb, after: residue{file: mb}}, mb, 90 * mb, 100 * mb, "cg"},
		{"files that stay", memoryUse{source: "cg", peak: 100 * mb, after: residue{file: 40 * mb}}, 0, 20 * mb, 60 * mb, "cg, less page cache"},
		{"files that went", memoryUse{source: "cg", peak: 100 * mb}, 30 * mb, 20 * mb, 70 * mb, "cg, less page cache"},
		{"files beyond all bounds", memoryUse{source: "cg", peak: 100 * mb}, 900 * mb, 20 * mb, 20 * mb, "rusage"},
		{"one large process", memoryUse{source: "cg", peak: 100 * mb, after: residue{file: 40 * mb}}, 0, 70 * mb, 70 * mb, "rusage"},
		{"files of the job before", memoryUse{source: "cg", peak: 100 * mb, before: residue{file: 40 * mb, other: 5 * mb}, after: residue{file: 40 * mb}}, 0, 0, 55 * mb, "cg"},
		{"such files are dropped", memoryUse{source: "cg", peak: 100 * mb, before: residue{file: 40 * mb}, after: residue{file: 10 * mb}}, 0, 10 * mb, 30 * mb, "cg, less page cache"},
	} {
		if got, source := test.use.figure(test.io, test.rss); got != test.want || source != test.source {
			t.Errorf("%s: got %d MB of %q, want %d of %q", test.name, got/mb, source, test.want/mb, test.source)
		}
	}
}

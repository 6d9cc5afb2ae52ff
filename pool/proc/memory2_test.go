package proc

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The hosts at hand control memory by version 1, so that the files of version 2 are fakes here: plain files, which tell what
// was written to them and give what the test puts there. What they do is the kernel's, and not tested.

// fakeLeaf is a leaf whose folder gets such files when it is made, those of a kernel as new as all gives.
func fakeLeaf(t *testing.T, missing ...string) *leaf {
	t.Helper()
	return &leaf{root: t.TempDir(), name: "7", mkdir: func(path string) error {
		for name, content := range map[string]string{"memory.max": "", "memory.swap.max": "", "memory.oom.group": "", "memory.peak": "",
			"memory.current": "4096\n", "memory.events.local": "low 0\noom 0\noom_kill 0\n", "memory.stat": "anon 0\nfile 0\nkernel 0\nshmem 0\n"} {
			writeFile(t, filepath.Join(path, name), content, 0o644)
		}
		for _, name := range missing {
			if err := os.Remove(filepath.Join(path, name)); err != nil {
				return err
			}
		}
		return nil
	}}
}

func put(t *testing.T, l *leaf, name, content string) {
	t.Helper()
	writeFile(t, filepath.Join(l.path, name), content, 0o644)
}

func expectFiles(t *testing.T, l *leaf, want map[string]string) {
	t.Helper()
	for name, content := range want {
		if got := read(t, filepath.Join(l.path, name)); got != content {
			t.Errorf("%s holds %q, want %q", name, got, content)
		}
	}
}

func begin(t *testing.T, g *group2, limit int64) {
	t.Helper()
	if err := g.begin(limit); err != nil {
		t.Fatal(err)
	}
}

func TestVersion2LimitsTheLeafAndReadsItsFiles(t *testing.T) {
	l := fakeLeaf(t)
	g := newGroup2(l)
	defer g.close()
	defer l.remove()
	begin(t, g, 50<<20)
	expectFiles(t, l, map[string]string{"memory.max": "52428800", "memory.swap.max": "0", "memory.oom.group": "1", "memory.peak": ""})
	l.used = true
	put(t, l, "memory.peak", "40000000\n")
	put(t, l, "memory.current", "9000000\n")
	put(t, l, "memory.stat", "anon 0\nfile 7000000\nkernel 1000\nshmem 500\n")
	put(t, l, "memory.events.local", "low 0\noom 2\noom_kill 1\noom_group_kill 1\n")
	want := memoryUse{source: "cgroup v2", peak: 40000000, after: residue{file: 6999500, other: 1500}, killed: true, limited: true}
	if got := g.end(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	// The next job has the same leaf, its peak reset, and what was left before it.
	path := l.path
	put(t, l, "memory.max", "")
	put(t, l, "memory.swap.max", "")
	put(t, l, "memory.peak", "")
	begin(t, g, 0)
	expectFiles(t, l, map[string]string{"memory.max": "max", "memory.swap.max": "max", "memory.peak": "0"})
	if got := g.end(); l.path != path || got.before != want.after || got.killed {
		t.Errorf("got %+v in %s", got, l.path)
	}
}

func TestVersion2TellsWhoseLimitItWas(t *testing.T) {
	for _, test := range []struct {
		name, events    string
		limit           int64
		killed, limited bool
	}{
		{"nothing", "oom 3\noom_kill 1\n", 1 << 30, false, false},
		{"the job's limit", "oom 4\noom_kill 2\n", 1 << 30, true, true},
		{"the host", "oom 3\noom_kill 2\n", 1 << 30, true, false},
		{"no limit", "oom 4\noom_kill 2\n", 0, true, false},
		{"a failed allocation", "oom 4\noom_kill 1\n", 1 << 30, false, false},
	} {
		l := fakeLeaf(t)
		g := newGroup2(l)
		begin(t, g, 0)
		put(t, l, "memory.events.local", "oom 3\noom_kill 1\n")
		begin(t, g, test.limit)
		put(t, l, "memory.events.local", test.events)
		if u := g.end(); u.killed != test.killed || u.limited != test.limited {
			t.Errorf("%s: %+v", test.name, u)
		}
		g.close()
		l.remove()
	}
}

func TestVersion2TakesANewLeafWhenItMust(t *testing.T) {
	for _, test := range []struct {
		name    string
		missing []string
		between func(t *testing.T, g *group2)
		fresh   bool
	}{
		{"for the next job", nil, func(*testing.T, *group2) {}, false},
		{"after files in memory", nil, func(t *testing.T, g *group2) {
			put(t, g.leaf, "memory.current", "90000000\n")
			put(t, g.leaf, "memory.stat", "file 80000000\nkernel 0\nshmem 80000000\n")
			g.end()
		}, true},
		{"after files in memory of another job", nil, func(t *testing.T, g *group2) {
			put(t, g.leaf, "memory.current", "90000000\n")
			put(t, g.leaf, "memory.stat", "file 80000000\nkernel 0\nshmem 80000000\n")
			g.outside()
		}, true},
		{"after a kill", nil, func(_ *testing.T, g *group2) { g.leaf.kill() }, true},
		{"when the peak can't be reset", nil, func(t *testing.T, g *group2) {
			g.peak.close() // as before Linux 6.12, where the file can only be read
			fd, err := unix.Open(filepath.Join(g.leaf.path, "memory.peak"), unix.O_RDONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			g.peak = cgroupFile(fd)
		}, true},
		{"without a peak", []string{"memory.peak"}, func(*testing.T, *group2) {}, false},
		{"without swap", []string{"memory.swap.max"}, func(*testing.T, *group2) {}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := fakeLeaf(t, test.missing...)
			g := newGroup2(l)
			defer g.close()
			defer l.remove()
			begin(t, g, 1<<20)
			l.used = true
			before := l.path
			test.between(t, g)
			begin(t, g, 2<<20)
			if fresh := l.path != before; fresh != test.fresh {
				t.Errorf("%s after %s", l.path, before)
			}
			expectFiles(t, l, map[string]string{"memory.max": "2097152", "memory.oom.group": "1"})
		})
	}
}

func TestVersion2LiftsTheLimitForOtherJobs(t *testing.T) {
	l := fakeLeaf(t)
	g := newGroup2(l)
	defer g.close()
	defer l.remove()
	begin(t, g, 1<<20)
	put(t, l, "memory.max", "")
	g.outside()
	expectFiles(t, l, map[string]string{"memory.max": "max"})
}

func TestVersion2WithoutTheControllerIsAnError(t *testing.T) {
	l := fakeLeaf(t, "memory.max", "memory.stat")
	g := newGroup2(l)
	defer l.remove()
	if err := g.begin(0); err == nil || !strings.Contains(err.Error(), "memory.max") {
		t.Errorf("got %v", err)
	}
	l.disable()
	if err := g.begin(0); err == nil {
		t.Error("without a leaf there is a group")
	}
}

// A real controller of version 2 shows how the server makes way for it. Where memory has version 1, hugetlb often has not.
func TestTheServerMovesOutOfTheWayOfAController(t *testing.T) {
	const controller = "hugetlb"
	top, err := ownCgroup(unified)
	if err != nil || unix.Access(top, unix.W_OK) != nil || !hasWord(top, "cgroup.controllers", controller) {
		t.Skipf("the %s controller has no version 2 here, or may not be used (%v)", controller, err)
	}
	if !hasWord(top, "cgroup.subtree_control", controller) {
		if err := control(top, "+"+controller); err != nil {
			t.Skip(err)
		}
		defer func() { _ = control(top, "-"+controller) }()
	}
	own := filepath.Join(top, "settle-"+itoa(os.Getpid()))
	if err := os.Mkdir(own, 0o755); err != nil {
		t.Fatal(err)
	}
	defer removeCgroup(own)

	lines, end := settle(t, own, controller)
	home, files := lines[0], lines[1]
	if filepath.Dir(home) != own || files == "0" {
		t.Errorf("the server lives in %q, a leaf has %s files", home, files)
	}
	if err := end(); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(own, poolPrefix+"*")); len(left) > 0 || hasWord(own, "cgroup.subtree_control", controller) {
		t.Errorf("left: %v", left)
	}

	other := exec.Command("sleep", "100")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
	writeFile(t, filepath.Join(own, "cgroup.procs"), itoa(other.Process.Pid), 0o644)
	if lines, _ := settle(t, own, controller); !strings.Contains(lines[0], "other processes ["+itoa(other.Process.Pid)+"]") {
		t.Errorf("beside another process: %q", lines)
	}
}

// settle runs the helper of that name. It gives its first two lines, or the error that it ends with.
func settle(t *testing.T, own, controller string) (lines [2]string, end func() error) {
	t.Helper()
	args := helper("settle", own, controller)
	cmd := exec.Command(args[0], args[1:]...)
	stdin, err1 := cmd.StdinPipe()
	r, w, err2 := os.Pipe()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	scanner := bufio.NewScanner(r)
	for i := 0; i < len(lines) && scanner.Scan(); i++ {
		lines[i] = scanner.Text()
	}
	end = func() error {
		stdin.Close()
		rest, _ := io.ReadAll(r)
		r.Close()
		if len(rest) > 0 {
			t.Errorf("the helper says %q", rest)
		}
		return cmd.Wait()
	}
	if lines[1] == "" {
		_ = end()
	}
	return lines, end
}

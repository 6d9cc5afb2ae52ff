package proc

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestTheServersCgroupIsFound(t *testing.T) {
	const (
		pure   = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
		hybrid = "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n41 31 0:38 / /sys/fs/cgroup/unified rw shared:9 master:2 - cgroup2 cgroup2 rw\n"
		inside = `700 699 0:26 /docker/c1 /sys/fs/cgroup ro - cgroup2 cgroup rw` + "\n"
		odd    = `30 23 0:26 / /mnt/a\040b rw - cgroup2 none rw` + "\n"
		v1     = "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n36 31 0:33 /c1 /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
	)
	for _, test := range []struct{ name, mounts, groups, controller, want, err string }{
		{"pure", pure, "0::/user.slice/a.scope\n", "", "/sys/fs/cgroup/user.slice/a.scope", ""},
		{"root", pure, "0::/\n", "", "/sys/fs/cgroup", ""},
		{"hybrid", hybrid, "9:cpu:/x\n0::/y\n", "", "/sys/fs/cgroup/unified/y", ""},
		{"named hierarchy", hybrid, "9:name=systemd:/x\n0::/y\n", "", "/sys/fs/cgroup/unified/y", ""},
		{"a part is mounted", inside, "0::/docker/c1/job\n", "", "/sys/fs/cgroup/job", ""},
		{"another part is mounted", inside, "0::/docker/c2\n", "", "", "no cgroup hierarchy"},
		{"outside of the namespace", pure, "0::/../other\n", "", "", "outside of its cgroup namespace"},
		{"version 1 only", v1, "2:cpu:/\n", "", "", "no cgroup of version 2"},
		{"not mounted", "", "0::/\n", "", "", "no cgroup hierarchy"},
		{"space in the path", odd, "0::/c d\n", "", "/mnt/a b/c d", ""},
		{"memory of version 1", hybrid + v1, "4:memory:/m:x\n0::/y\n", "memory", "/sys/fs/cgroup/memory/m:x", ""},
		{"with another controller", v1, "4:cpu,cpuacct:/c1/d\n", "cpuacct", "/sys/fs/cgroup/cpu,cpuacct/d", ""},
		{"memory of version 2", pure, "0::/y\n", "memory", "", "no cgroup of version 1 for memory"},
		{"memory is not mounted", hybrid, "4:memory:/\n0::/y\n", "memory", "", "version 1 for memory that holds"},
	} {
		got, err := cgroupDir(test.mounts, test.groups, test.controller)
		if got != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: got %q, %v", test.name, got, err)
		}
	}
}

// needCgroup skips a test on hosts where jobs get no cgroup.
func needCgroup(t *testing.T, p *pool) string {
	t.Helper()
	c := p.Capabilities()
	if c.Cgroup == "none" {
		t.Skip("no cgroup on this host: " + c.Reason)
	}
	return c.CgroupDir
}

func TestJobsRunInACgroupOfTheirOwn(t *testing.T) {
	p := newPool(t, Config{})
	dir := needCgroup(t, p)
	x := p.run(Command{Args: []string{"grep", "0::", "/proc/self/cgroup"}, Stdout: Output{Kind: Pipe}})
	if got := strings.TrimSpace(string(x.Stdout.Data)); !strings.Contains(got, "/"+filepath.Base(dir)+"/") {
		t.Errorf("the job is in %q", got)
	}
	q := newPool(t, Config{NoCgroup: true})
	x = q.run(Command{Args: []string{"grep", "0::", "/proc/self/cgroup"}, Stdout: Output{Kind: Pipe}})
	if got := string(x.Stdout.Data); strings.Contains(got, poolPrefix) || q.Capabilities().Reason == "" {
		t.Errorf("switched off, the job is in %q", got)
	}
}

func TestCgroupsOfDeadServersAreRemoved(t *testing.T) {
	p := newPool(t, Config{})
	for _, pool := range []string{needCgroup(t, p), p.cgroups.memory.root} {
		if pool != "" {
			t.Run(filepath.Base(filepath.Dir(pool)), func(t *testing.T) { removesDead(t, filepath.Dir(pool)) })
		}
	}
}

func removesDead(t *testing.T, own string) {
	child := exec.Command("true")
	if err := child.Run(); err != nil {
		t.Fatal(err)
	}
	dead := filepath.Join(own, poolName(child.Process.Pid)+"-1")
	foreign := filepath.Join(own, poolPrefix+"1-1-1-1") // of another pid namespace
	for _, dir := range []string{dead, filepath.Join(dead, "5-1"), filepath.Join(dead, "5-1", "below"), foreign} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	defer os.Remove(foreign)
	victim := exec.Command("sleep", "100")
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dead, "5-1", "below", "cgroup.procs"), []byte(itoa(victim.Process.Pid)), 0); err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 1)
	go func() { gone <- victim.Wait() }()
	p := newPool(t, Config{})
	select {
	case <-gone:
	case <-time.After(patience):
		t.Error("what a dead server left was not killed")
		_ = victim.Process.Kill()
		<-gone
	}
	if err := p.Close(); err != nil { // the start has not waited for that end
		t.Error(err)
	}
	if _, err := os.Stat(dead); err == nil {
		t.Error("the cgroup of a dead server is left")
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Error("a cgroup of another pid namespace was removed")
	}
}

// TestWhatCantBeRemovedIsNotWaitedFor has a thread of this process in the cgroup of a dead server, which nothing can end.
func TestWhatCantBeRemovedIsNotWaitedFor(t *testing.T) {
	p := newPool(t, Config{})
	if c := p.Capabilities(); c.Memory != memoryV1 {
		t.Skip("memory is not controlled by version 1 here, where threads can be in cgroups, but by " + c.Memory)
	}
	runtime.LockOSThread() // not unlocked: the thread ends with this goroutine
	if unix.Gettid() == os.Getpid() {
		t.Skip("this test runs on the main thread")
	}
	child := exec.Command("true")
	if err := child.Run(); err != nil {
		t.Fatal(err)
	}
	own := filepath.Dir(p.cgroups.memory.root)
	dead := filepath.Join(own, poolName(child.Process.Pid)+"-1")
	if err := os.Mkdir(dead, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(dead)
	move := func(dir string) { writeFile(t, filepath.Join(dir, "tasks"), itoa(unix.Gettid()), 0o644) }
	move(dead)
	q := newPool(t, Config{})
	if left := q.cgroups.stale; !slices.Contains(left, dead) {
		t.Errorf("left for later: %v", left)
	}
	move(own)
	if err := q.Close(); err != nil || exists(dead) {
		t.Errorf("later it is left as well: %v", err)
	}
}

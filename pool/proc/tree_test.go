package proc

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// goneTime is what a tree may live on after its end was ordered.
const goneTime = time.Second

// ends are ways for a tree to end. Each gets a tree that is ready.
var ends = []struct {
	name  string
	stay  bool // the main process does not exit by itself
	group bool // it is in a memory cgroup
	end   func(t *testing.T, p *pool, a Attempt, others int)
}{
	{"main process exits", false, false, func(t *testing.T, p *pool, a Attempt, others int) {
		if x := p.exited(a); x.Code != 0 || x.Leaked != others || len(x.Warnings) != 0 {
			t.Errorf("got %+v, want %d leaked", x, others)
		}
	}},
	{"soft then hard", true, false, func(t *testing.T, p *pool, a Attempt, _ int) {
		p.Signal(a, Soft)
		p.Signal(a, Hard)
		if x := p.exited(a); x.Code != -15 && x.Code != -9 {
			t.Errorf("got %+v, want a signal", x)
		}
	}},
	{"hard", true, false, func(t *testing.T, p *pool, a Attempt, _ int) {
		p.Signal(a, Hard)
		if x := p.exited(a); x.Code != -9 || x.Leaked != 0 {
			t.Errorf("got %+v, want signal 9 and nothing leaked", x)
		}
	}},
	{"hard, in a memory cgroup", true, true, func(t *testing.T, p *pool, a Attempt, _ int) {
		p.Signal(a, Hard)
		if x := p.exited(a); x.Code != -9 || x.Leaked != 0 || x.OOMKilled {
			t.Errorf("got %+v, want signal 9 and nothing leaked", x)
		}
	}},
	{"main process exits, in a memory cgroup", false, true, func(t *testing.T, p *pool, a Attempt, others int) {
		if x := p.exited(a); x.Code != 0 || x.Leaked != others || len(x.Warnings) != 0 || x.OOMKilled {
			t.Errorf("got %+v, want %d leaked", x, others)
		}
	}},
	{"guardian killed", true, true, func(t *testing.T, p *pool, a Attempt, _ int) {
		guardian := guardianOf(t, p.started(a))
		kill(t, guardian, unix.SIGKILL)
		expectLost(t, p.exited(a))
		for _, root := range []string{p.cgroups.pool, p.cgroups.memory.root} {
			if left, _ := filepath.Glob(filepath.Join(root, itoa(guardian)+"-*")); root != "" && len(left) > 0 {
				t.Errorf("%v are left", left)
			}
		}
	}},
	{"guardian stopped, then hard", true, false, func(t *testing.T, p *pool, a Attempt, _ int) {
		kill(t, guardianOf(t, p.started(a)), unix.SIGSTOP)
		p.Signal(a, Hard)
		expectLost(t, p.exited(a))
	}},
}

func expectLost(t *testing.T, x Exit) {
	t.Helper()
	if x.Code != -9 || len(x.Warnings) != 1 || !strings.Contains(x.Warnings[0], "guardian") {
		t.Errorf("got %+v, want signal 9 and a warning about the guardian", x)
	}
}

func kill(t *testing.T, pid int, sig unix.Signal) {
	t.Helper()
	if err := unix.Kill(pid, sig); err != nil {
		t.Fatalf("kill %d: %v", pid, err)
	}
}

func guardianOf(t testing.TB, pid int) int {
	t.Helper()
	s, ok := readStat(pid)
	comm, _ := os.ReadFile("/proc/" + strconv.Itoa(s.parent) + "/comm")
	if !ok || string(comm) != guardianName+"\n" {
		t.Fatalf("the parent of process %d is %d %q, not a guardian", pid, s.parent, comm)
	}
	return s.parent
}

// expectGone fails the test if a process is alive after the time that it has.
func expectGone(t *testing.T, pids []int, limit time.Duration) {
	t.Helper()
	if !pollFor(limit, func() bool { return !anyAlive(pids) }) {
		for _, pid := range pids {
			if alive(pid) {
				data, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
				t.Errorf("process %d lives %v after the end:\n%s", pid, limit, data)
			}
		}
	}
}

func TestNothingOfATreeOutlivesItsEnd(t *testing.T) {
	for _, end := range ends {
		for _, shape := range shapes {
			t.Run(end.name+"/"+shape.name, func(t *testing.T) {
				p := newPool(t, Config{Subreaper: true})
				dir := t.TempDir()
				how, count := "exit", len(shape.others)
				if end.stay {
					how, count = "stay", count+1
				}
				a := p.start(Command{Args: helper("tree", shape.name, dir, how), MemGroup: end.group})
				if !pollFor(patience, func() bool { return len(marks(dir)) == count }) {
					t.Fatalf("%d of %d processes are ready", len(marks(dir)), count)
				}
				end.end(t, p, a, len(shape.others))
				expectGone(t, marks(dir), 0)
				if err := p.Close(); err != nil {
					t.Error(err)
				}
				expectNoCgroup(t, p.Capabilities().CgroupDir)
				expectNoCgroup(t, p.cgroups.memory.root)
			})
		}
	}
}

func expectNoCgroup(t *testing.T, dir string) {
	t.Helper()
	if dir == "" {
		return
	}
	if !pollFor(patience, func() bool { return !exists(dir) }) {
		t.Errorf("the cgroup %s is left", dir)
	}
}

func TestNothingOfATreeOutlivesItsServer(t *testing.T) {
	for i := range 2 * len(shapes) {
		shape, group := shapes[i/2], [2]string{"plain", "group"}[i%2]
		t.Run(shape.name+"/"+group, func(t *testing.T) {
			dir := t.TempDir()
			server := startServer(t, append([]string{group}, helper("tree", shape.name, dir, "stay")...))
			if !pollFor(patience, func() bool { return len(marks(dir)) == len(shape.others)+1 }) {
				t.Fatalf("%d processes are ready", len(marks(dir)))
			}
			guardian := guardianOf(t, server.job)
			if err := server.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			expectGone(t, marks(dir), goneTime)
			expectGone(t, []int{guardian}, patience) // the race detector delays the end of processes
			expectNoCgroup(t, server.cgroup)
			expectNoCgroup(t, server.memory)
			_ = server.cmd.Wait()
		})
	}
}

func TestAStoppedGuardianEndsWithItsServer(t *testing.T) {
	for _, how := range []string{"bare", "plain", "group"} {
		t.Run(how, func(t *testing.T) {
			dir := t.TempDir()
			server := startServer(t, append([]string{how}, helper("tree", "double fork", dir, "stay")...))
			if !pollFor(patience, func() bool { return len(marks(dir)) == 3 }) {
				t.Fatalf("%d processes are ready", len(marks(dir)))
			}
			guardian := guardianOf(t, server.job)
			kill(t, guardian, unix.SIGSTOP)
			pollFor(patience, func() bool { s, _ := readStat(guardian); return s.state == 'T' })
			kill(t, server.cmd.Process.Pid, unix.SIGKILL)
			expectGone(t, append(marks(dir), guardian), patience)
			expectNoCgroup(t, server.cgroup)
			expectNoCgroup(t, server.memory)
		})
	}
}

func TestAGuardianThatWaitsForAPipeCleansUpAfterItsServer(t *testing.T) {
	for _, how := range []string{"plain", "group"} {
		t.Run(how, func(t *testing.T) {
			gate := mkfifo(t)
			server := startServer(t, []string{how, "sh", "-c", `read x < "$1"`, "sh", gate})
			guardian := guardianOf(t, server.job)
			writeFile(t, gate, "go\n", 0o666)
			expectGone(t, []int{server.job}, patience)
			never := mkfifo(t)
			fmt.Fprintln(server.stdin, never)
			if !pollFor(patience, func() bool { return opens(guardian, never) }) {
				t.Fatal("the guardian does not open the pipe")
			}
			kill(t, server.cmd.Process.Pid, unix.SIGKILL)
			expectGone(t, []int{guardian}, patience)
			expectNoCgroup(t, server.cgroup)
			expectNoCgroup(t, server.memory)
		})
	}
}

// opens is true if a thread of a process is in a system call that opens a file.
func opens(pid int, path string) bool {
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return false
	}
	defer memory.Close()
	calls, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", pid))
	return slices.ContainsFunc(calls, func(file string) bool {
		var number, dirfd, name uint64
		call, _ := os.ReadFile(file)
		if n, _ := fmt.Sscanf(string(call), "%d %v %v", &number, &dirfd, &name); n < 3 || number != unix.SYS_OPENAT {
			return false
		}
		is := make([]byte, len(path)+1)
		_, err := memory.ReadAt(is, int64(name))
		return err == nil && string(is) == path+"\x00"
	})
}

// Somebody stops a guardian in the midst of a hard kill.
func TestAGuardianThatIsStoppedAfterItsAnswerGoesOn(t *testing.T) {
	p := newPool(t, Config{})
	a := p.start(shell("sleep 1000"))
	guardian := guardianOf(t, p.started(a))
	kill(t, guardian, unix.SIGSTOP)
	pollFor(patience, func() bool { s, _ := readStat(guardian); return s.state == 'T' })
	p.Signal(a, Hard)
	p.Runner.mu.Lock()
	peer := p.attempts[a]
	p.Runner.mu.Unlock()
	if err := peer.killing(appendKilling(nil, a)[frameHeader:]); err != nil { // as if it had been stopped a moment later
		t.Fatal(err)
	}
	if x := p.exited(a); x.Code != -9 || len(x.Warnings) > 0 {
		t.Errorf("%+v", x)
	}
}

func TestWhatServerAndGuardianLeaveIsRemovedByTheNextServer(t *testing.T) {
	for _, reaped := range []bool{true, false} {
		server := startServer(t, append([]string{"group"}, helper("tree", "plain", t.TempDir(), "stay")...))
		guardian := guardianOf(t, server.job)
		kill(t, guardian, unix.SIGSTOP) // so that it does not clean up
		kill(t, server.cmd.Process.Pid, unix.SIGKILL)
		if reaped {
			_ = server.cmd.Wait()
		} else {
			pollFor(patience, func() bool { s, _ := readStat(server.cmd.Process.Pid); return s.state == 'Z' })
		}
		kill(t, guardian, unix.SIGKILL)
		expectGone(t, []int{guardian, server.job}, patience)
		newPool(t, Config{})
		expectNoCgroup(t, server.cgroup)
		expectNoCgroup(t, server.memory)
	}
}

// serverProcess is a server in a process of its own.
type serverProcess struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	job    int // pid of what it runs
	cgroup string
	memory string // folder of its second cgroup, where memory is controlled by version 1
}

func startServer(t *testing.T, job []string) *serverProcess {
	t.Helper()
	args := append(helper("server"), job...)
	s := &serverProcess{cmd: exec.Command(args[0], args[1:]...)}
	s.cmd.Stderr = os.Stderr
	stdout, err := s.cmd.StdoutPipe()
	if err == nil {
		s.stdin, err = s.cmd.StdinPipe()
	}
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill(); _ = s.cmd.Wait() })
	lines := bufio.NewScanner(stdout)
	lines.Scan()
	if s.job, err = strconv.Atoi(lines.Text()); err != nil || s.job == 0 {
		t.Fatalf("the server says %q", lines.Text())
	}
	lines.Scan()
	s.cgroup = lines.Text()
	lines.Scan()
	s.memory = lines.Text()
	return s
}

func TestAProcessThatForksAllTheTimeIsEnded(t *testing.T) {
	if raced {
		t.Skip("a guardian slowed down by the race detector can not keep up with a fork bomb: it is tested without it")
	}
	for _, cfg := range []Config{{}, {NoCgroup: true}} {
		p := newPool(t, cfg)
		dir := t.TempDir()
		a := p.start(Command{Args: helper("bomb", dir)})
		if !pollFor(patience, func() bool { return len(marks(dir)) >= 30 }) {
			t.Fatalf("only %d processes", len(marks(dir)))
		}
		p.Signal(a, Soft)
		p.Signal(a, Hard)
		p.exited(a)
		expectGone(t, marks(dir), 0)
		if x := p.run(shell("exit 7")); x.Code != 7 { // the guardian serves on, in a new cgroup
			t.Errorf("the next job: %+v", x)
		}
	}
}

func TestASoftSignalLeavesTheRestUntilHard(t *testing.T) {
	p := newPool(t, Config{})
	dir := t.TempDir()
	// The main process ends on SIGTERM; what ignores it may go on.
	a := p.start(Command{Args: helper("tree", "children", dir, "stay")})
	pollFor(patience, func() bool { return len(marks(dir)) == 3 })
	ready := filepath.Join(t.TempDir(), "ready")
	b := p.start(shell(`trap "" TERM; (echo ready; exec sleep 100) & trap "exit 4" TERM; echo > "$1"; wait`, ready))
	main := p.started(b)
	pollFor(patience, func() bool { _, err := os.Stat(ready); return err == nil })
	rest := children(main)
	p.Signal(b, Soft)
	if !pollFor(patience, func() bool { return !alive(main) }) {
		t.Fatal("the main process ignores SIGTERM")
	}
	p.Signal(a, Hard)
	p.exited(a) // time for the guardian of b to do wrong
	if !anyAlive(rest) {
		t.Error("what was left was killed before the hard signal")
	}
	p.Signal(b, Hard)
	if x := p.exited(b); x.Code != 4 || x.Leaked != 1 {
		t.Errorf("got %+v, want code 4 and one leaked", x)
	}
	expectGone(t, rest, 0)
}

func TestHardReachesAnAttemptWhoseStartIsInFlight(t *testing.T) {
	p := newPool(t, Config{})
	for range 20 {
		a := p.start(Command{Args: []string{"sleep", "100"}})
		p.Signal(a, Hard)
		if x := p.exited(a); x.Code != -9 {
			t.Errorf("got %+v", x)
		}
	}
}

func TestSignalsForUnknownAndEndedAttemptsAreIgnored(t *testing.T) {
	p := newPool(t, Config{})
	a := p.start(shell("exit 0"))
	p.exited(a)
	p.Signal(a, Hard)
	p.Signal(Attempt{Job: 99, N: 1}, Soft)
	b := p.start(shell("read x"))
	p.Signal(Attempt{Job: b.Job, N: 2}, Hard)
	if x := p.exited(b); x.Code != 1 {
		t.Errorf("got %+v", x)
	}
}

func TestSignalsForAnAttemptWhoseEndIsBeingToldAreIgnored(t *testing.T) {
	r := &Runner{}
	p := newPeer(r)
	a := Attempt{Job: 1, N: 1}
	r.attempts = map[Attempt]*peer{a: p}
	for _, w := range []*work{nil, {attempt: Attempt{Job: 2, N: 1}}} { // the guardian is idle, or has the next attempt
		p.work = w
		r.Signal(a, Soft)
		r.Signal(a, Hard)
		if len(p.pending) > 0 || w != nil && w.hard != nil {
			t.Errorf("work %+v: the guardian is sent %q", w, p.pending)
		}
	}
}

func TestAKilledGuardianMayBeSignalledAtAnyMoment(t *testing.T) {
	p := newPool(t, Config{Subreaper: true})
	for range 20 {
		a := p.start(Command{Args: []string{"sleep", "1000"}})
		kill(t, guardianOf(t, p.started(a)), unix.SIGKILL)
		for p.find(a, event.ended) == nil {
			p.Signal(a, Hard)
		}
		expectLost(t, p.exited(a))
	}
}

func TestAStuckOpenIsEndedByHard(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	p := newPool(t, Config{})
	a := p.start(Command{Args: []string{"cat"}, Stdin: fifo})
	p.Signal(a, Hard)
	if f := p.failed(a); !strings.Contains(f.Err, "killed while it was starting") {
		t.Errorf("got %+v", f)
	}
	if x := p.run(shell("exit 5")); x.Code != 5 {
		t.Errorf("the next job: %+v", x)
	}
}

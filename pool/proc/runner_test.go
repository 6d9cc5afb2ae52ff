package proc

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestWithoutRunGuardianThereIsNoRunner(t *testing.T) {
	guardianReady.Store(false)
	defer guardianReady.Store(true)
	if r, err := New(Config{}, newRecorder()); err == nil || !strings.Contains(err.Error(), "RunGuardian") {
		t.Errorf("got %v, %v", r, err)
	}
}

func TestCloseEndsWhatRuns(t *testing.T) {
	p := newPool(t, Config{})
	var jobs []Attempt
	for range 5 {
		jobs = append(jobs, p.start(shell(`trap "" TERM; sleep 100 & wait; sleep 100`)))
	}
	for _, a := range jobs[:3] { // the others are still being started
		p.started(a)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	for _, a := range jobs {
		if e := p.find(a, event.ended); e == nil || e.exit == nil || e.exit.Code != -9 {
			t.Errorf("%v: %+v", a, e)
		}
	}
	if kids := children(os.Getpid()); len(kids) != 0 {
		t.Errorf("processes %v are left", kids)
	}
	if err := p.Close(); err == nil {
		t.Error("closed twice")
	}
}

func TestAfterCloseNothingStarts(t *testing.T) {
	p := newPool(t, Config{})
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if f := p.failed(p.start(shell("exit 0"))); !strings.Contains(f.Err, "closed") {
		t.Errorf("got %+v", f)
	}
}

// guardian is the one that the next job gets.
func (p *pool) guardian() int {
	p.t.Helper()
	a := p.start(Command{Args: []string{"sleep", "1000"}})
	pid := guardianOf(p.t, p.started(a))
	p.Signal(a, Hard)
	p.exited(a)
	return pid
}

func TestGuardiansAreReusedUpToIdle(t *testing.T) {
	p := newPool(t, Config{Idle: 1})
	if a, b := p.guardian(), p.guardian(); a != b {
		t.Errorf("guardians %d and %d", a, b)
	}
	gate := mkfifo(t)
	a, b := p.start(shell(`read x < "$1"`, gate)), p.start(shell("exit 0")) // side by side
	p.exited(b)
	writeFile(t, gate, "go\n", 0o666)
	p.exited(a)
	if !pollFor(patience, func() bool { return len(children(os.Getpid())) == 1 }) {
		t.Errorf("%d guardians idle", len(children(os.Getpid())))
	}
}

func TestAKilledIdleGuardianIsReplaced(t *testing.T) {
	p := newPool(t, Config{Idle: 1})
	guardian := p.guardian()
	kill(t, guardian, unix.SIGKILL)
	pollFor(patience, func() bool { return len(children(os.Getpid())) == 0 })
	if x := p.run(shell("exit 3")); x.Code != 3 {
		t.Errorf("got %+v", x)
	}
}

func TestGuardiansIgnoreWhatATerminalSends(t *testing.T) {
	p := newPool(t, Config{})
	a := p.start(shell("read x < $1", mkfifo(t)))
	guardian := guardianOf(t, p.started(a))
	for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGTSTP} {
		kill(t, guardian, sig)
	}
	p.Signal(a, Soft)
	if x := p.exited(a); x.Code != -15 || len(x.Warnings) != 0 {
		t.Errorf("got %+v", x)
	}
}

func mkfifo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAThousandJobsLeaveNoDescriptorOpen(t *testing.T) {
	p := newPool(t, Config{Idle: 2})
	count := func() int { return len(dirNames("/proc/self/fd")) }
	c := Command{Args: []string{"/bin/true"}, Stdout: Output{Kind: Pipe}, Stderr: Output{Kind: File, Path: filepath.Join(t.TempDir(), "log")}}
	guardian := p.guardian()
	before, inside := count(), len(dirNames("/proc/"+itoa(guardian)+"/fd"))
	for range 500 {
		a, b := p.start(c), p.start(Command{Args: []string{"/no/such"}})
		p.failed(b)
		if x := p.exited(a); x.Code != 0 {
			t.Fatalf("got %+v", x)
		}
	}
	// Two guardians may be idle now, where there was one.
	if after := count(); after > before+2 {
		t.Errorf("%d descriptors became %d", before, after)
	}
	if after := len(dirNames("/proc/" + itoa(guardian) + "/fd")); after > inside+1 { // its cgroup
		t.Errorf("%d descriptors of the guardian became %d", inside, after)
	}
}

// TestAsAPlainUser runs the tests of this package as nobody, who has no cgroup and no privilege.
func TestAsAPlainUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to become another user")
	}
	const nobody = 65534
	dir, err := os.MkdirTemp("", "plain user")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	exe := writeFile(t, filepath.Join(dir, "proc.test"), read(t, "/proc/self/exe"), 0o755)
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	setuid := writeFile(t, filepath.Join(dir, "setuid"), read(t, "/proc/self/exe"), 0o755|os.ModeSetuid)
	cmd := exec.Command(exe, "-test.run", "Tree|Server|Guardian|Setuid|Lack|Close|CPU|Cgroup|Signal", "-test.skip", "AllTheTime", "-test.v")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TMPDIR="+dir, "HOME="+dir, setuidEnv+"="+setuid)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestNothingOfATreeOutlivesItsServer") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestLackOfProcessesIsToldApart(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root has no limit of processes; TestAsAPlainUser runs this")
	}
	p := newPool(t, Config{})
	p.run(shell(":"))
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NPROC, &was); err != nil {
		t.Fatal(err)
	}
	guardian := children(os.Getpid())[0]
	limit := unix.Rlimit{Cur: 1, Max: was.Max}
	if err := unix.Prlimit(guardian, unix.RLIMIT_NPROC, &limit, nil); err != nil {
		t.Fatal(err)
	}
	if f := p.failed(p.start(shell(":"))); !f.Exhausted || !strings.Contains(f.Err, "temporarily unavailable") {
		t.Errorf("got %+v", f)
	}
	if err := unix.Prlimit(guardian, unix.RLIMIT_NPROC, &was, nil); err != nil {
		t.Fatal(err)
	}
	if x := p.run(shell("exit 2")); x.Code != 2 {
		t.Errorf("got %+v", x)
	}
}

func TestLackOfDescriptorsIsToldApart(t *testing.T) {
	p := newPool(t, Config{})
	p.run(shell(":"))
	guardian := children(os.Getpid())[0]
	var was unix.Rlimit
	if err := unix.Prlimit(guardian, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 4, Max: 4096}, &was); err != nil {
		t.Fatal(err)
	}
	if f := p.failed(p.start(shell(":"))); !f.Exhausted || !strings.Contains(f.Err, "too many open files") {
		t.Errorf("got %+v", f)
	}
}

// TestAnyLackOfDescriptorsIsWorthAnotherTry has less and less of them, down to where the descriptors of a new process can't be moved
// out of each other's way.
func TestAnyLackOfDescriptorsIsWorthAnotherTry(t *testing.T) {
	p := newPool(t, Config{Idle: 1})
	p.guardian()
	var was unix.Rlimit
	guardian := children(os.Getpid())[0]
	lacks := 0
	for limit := uint64(24); limit > 3; limit-- {
		if err := unix.Prlimit(guardian, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: limit, Max: 4096}, &was); err != nil {
			t.Fatal(err)
		}
		a := p.start(shell(":"))
		e := p.await(t, a, event.ended)
		if e.failure == nil {
			continue
		}
		if lacks++; !e.failure.Exhausted || !strings.Contains(e.failure.Err, "too many open files") {
			t.Errorf("limit %d: %+v", limit, *e.failure)
		}
	}
	if lacks == 0 {
		t.Error("three descriptors are enough")
	}
}

func TestAGuardianThatWasNeverReadyIsWorthAnotherTry(t *testing.T) {
	w := &work{attempt: Attempt{Job: 1, N: 1}}
	for _, test := range []struct {
		name      string
		ready     bool
		hard      *time.Timer
		exhausted bool
	}{{"it lacked something", false, nil, true}, {"it may have started the command", true, nil, false},
		{"it was killed for being slow", false, time.NewTimer(0), false}} {
		p := &peer{ready: test.ready}
		w.hard = test.hard
		if f := p.unstarted(w); f.Exhausted != test.exhausted || f.Err == "" {
			t.Errorf("%s: %+v", test.name, f)
		}
	}
}

// setuidEnv names a copy of the test binary that runs as root.
const setuidEnv = "EXPOOL_TEST_SETUID"

func TestSetuidProcessesThatCantBeEndedAreNamed(t *testing.T) {
	program := os.Getenv(setuidEnv)
	if program == "" {
		t.Skip("TestAsAPlainUser runs this")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	p := newPool(t, Config{})
	a := p.start(Command{Args: []string{program, helperMark, "root", dir},
		Stdout: Output{Kind: Null}, Stderr: Output{Kind: Null}})
	pid := p.started(a)
	if !pollFor(patience, func() bool { return len(marks(dir)) == 1 || !alive(pid) }) || !alive(pid) {
		t.Skipf("setuid does not work in %s", filepath.Dir(program))
	}
	p.Signal(a, Soft)
	p.Signal(a, Hard)
	if x := p.exited(a); x.Code != -9 || len(x.Warnings) != 1 || !strings.Contains(x.Warnings[0], itoa(pid)) {
		t.Errorf("got %+v, want a warning that names %d", x, pid)
	}
	if x := p.run(shell("exit 3")); x.Code != 3 {
		t.Errorf("the next job: %+v", x)
	}
}

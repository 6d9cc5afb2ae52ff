package mem

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// helperMark as first argument makes the test binary one process of a tree; the second describes it.
const helperMark = "-expool-helper"

const mib = 1 << 20

func init() { runtime.LockOSThread() } // main runs on the main thread, whose end makes a process a zombie that lives

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == helperMark {
		if err := runNode(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(99)
		}
		return
	}
	runtime.UnlockOSThread()
	os.Exit(m.Run())
}

// node is a process of a tree. It says on stdout that it is ready, when its memory and its children are there, and ends when
// stdin does.
type node struct {
	Name     string // none: it doesn't say that it is ready
	MB       int    // MiB that it touches
	Peak     int    // MiB that it touches before, and gives back
	Reserve  int    // MiB that it maps and never touches
	Guardian bool   // a subreaper, which reaps
	Session  bool   // in a session of its own
	Vanish   bool   // ends once its children run, and leaves them to the subreaper
	Headless bool   // its main thread ends
	Vfork    bool   // starts a command when it reads a line
	Sleepers int    // how many small processes it starts as well
	Churn    bool   // starts and ends processes all the time
	Kids     []node
}

func runNode(spec string) error {
	var n node
	if err := json.Unmarshal([]byte(spec), &n); err != nil {
		return err
	}
	if err := n.prepare(); err != nil {
		return err
	}
	for _, kid := range n.Kids {
		if err := spawnBeside(kid); err != nil {
			return err
		}
	}
	for range n.Sleepers {
		if err := command("cat").Start(); err != nil {
			return err
		}
	}
	if n.Name != "" {
		fmt.Printf("%s %d\n", n.Name, os.Getpid())
	}
	return n.stay()
}

// prepare makes the process what it is to be, memory included.
func (n node) prepare() error {
	if n.Guardian {
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return err
		}
	}
	peak, err := mapped(n.Peak, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_POPULATE)
	if err == nil && peak != nil {
		err = unix.Munmap(peak)
	}
	if err == nil {
		_, err = mapped(n.MB, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_POPULATE)
	}
	if err == nil {
		_, err = mapped(n.Reserve, unix.PROT_NONE, unix.MAP_NORESERVE)
	}
	return err
}

func mapped(mb, prot, flags int) ([]byte, error) {
	if mb == 0 {
		return nil, nil
	}
	data, err := unix.Mmap(-1, 0, mb*mib, prot, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|flags)
	if err != nil {
		return nil, fmt.Errorf("map %d MiB: %w", mb, err)
	}
	return data, nil
}

// spawnBeside starts a child on a thread of its own, which stays: the thread's list of children has it.
func spawnBeside(kid node) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		cmd := command(nodeArgs(kid)...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: kid.Session}
		err := cmd.Start()
		if err == nil && kid.Vanish {
			err = cmd.Wait()
		}
		done <- err
		select {}
	}()
	return <-done
}

// command is a process that has our streams, so that it ends with the tests.
func command(args ...string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd
}

func nodeArgs(n node) []string {
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	spec, err := json.Marshal(n)
	if err != nil {
		panic(err)
	}
	return []string{exe, helperMark, string(spec)}
}

// stay returns when the process is to end.
func (n node) stay() error {
	switch {
	case n.Guardian:
		go reap()
	case n.Vanish:
		return nil
	case n.Churn:
		go churn()
	case n.Headless:
		go func() {
			awaitEnd()
			os.Exit(0)
		}()
		_, _, errno := unix.Syscall(unix.SYS_EXIT, 0, 0, 0) // ends this thread alone
		return errno
	case n.Vfork:
		if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
			return err
		}
		if err := exec.Command("true").Run(); err != nil {
			return err
		}
	}
	awaitEnd()
	return nil
}

func awaitEnd() { _, _ = io.Copy(io.Discard, os.Stdin) }

// reap frees adopted orphans that ended.
func reap() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGCHLD)
	for {
		for {
			if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err != unix.EINTR && pid <= 0 {
				break
			}
		}
		<-ended
	}
}

// churn has short-lived processes all the time, some of them orphans.
func churn() {
	for {
		if err := exec.Command("sh", "-c", "(true & true) & true").Run(); err != nil {
			fmt.Fprintln(os.Stderr, "churn:", err)
			os.Exit(99)
		}
	}
}

// meter makes a Meter whose files are closed at the end of the test.
func meter(t testing.TB, cfg Config) *Meter {
	m := New(cfg)
	t.Cleanup(m.Close)
	return m
}

// tree is a running tree.
type tree struct {
	t     testing.TB
	pids  map[string]int // by the name of the node
	stdin io.WriteCloser
	end   func()
}

// grow starts a tree and waits until it is ready. The tree ends with the test, or before by end.
func grow(t testing.TB, root node) *tree {
	t.Helper()
	args := nodeArgs(root)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0") // else each process takes a second more to end
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tr := &tree{t: t, pids: map[string]int{}, stdin: stdin}
	ended := false
	tr.end = func() {
		if !ended {
			ended = true
			stdin.Close()
			_, _ = io.Copy(io.Discard, stdout) // until the last process is gone
			_ = cmd.Wait()
		}
	}
	t.Cleanup(tr.end)
	lines := bufio.NewReader(stdout)
	for range root.names() {
		line, err := lines.ReadString('\n')
		name, pid, _ := strings.Cut(strings.TrimSpace(line), " ")
		if tr.pids[name], _ = strconv.Atoi(pid); err != nil || tr.pids[name] == 0 {
			t.Fatalf("a tree said %q when it should be ready: %v", line, err)
		}
	}
	return tr
}

// names counts the nodes that say when they are ready.
func (n node) names() int {
	count := 0
	if n.Name != "" {
		count = 1
	}
	for _, kid := range n.Kids {
		count += kid.names()
	}
	return count
}

func (tr *tree) target(kind Kind) Target {
	return Target{Main: tr.pids["main"], Guardian: tr.pids["guardian"], Kind: kind}
}

// measure looks once.
func (tr *tree) measure(m *Meter, kind Kind) Usage {
	tr.t.Helper()
	u := m.Measure([]Target{tr.target(kind)}, nil)[0]
	if !u.OK || u.Truncated {
		tr.t.Fatalf("kind %d: got %+v", kind, u)
	}
	return u
}

// rss is what the page tables say, in bytes: another source than the kernel's counters.
func rss(t testing.TB, pid int) (bytes int64) {
	t.Helper()
	for line := range strings.Lines(procFile(t, pid, "smaps_rollup")) {
		if _, err := fmt.Sscanf(line, "Rss: %d kB", &bytes); err == nil {
			return bytes * 1024
		}
	}
	t.Fatalf("no Rss of process %d", pid)
	return 0
}

// vms is what the list of mappings adds up to, in bytes.
func vms(t testing.TB, pid int) (bytes int64) {
	t.Helper()
	for line := range strings.Lines(procFile(t, pid, "maps")) {
		var from, to int64
		if _, err := fmt.Sscanf(line, "%x-%x", &from, &to); err == nil && !strings.Contains(line, "[vsyscall]") {
			bytes += to - from
		}
	}
	return bytes
}

func procFile(t testing.TB, pid int, name string) string {
	t.Helper()
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// near fails the test when got is more than 3% and 2 MiB from want.
func near(t testing.TB, what string, got, want int64) {
	t.Helper()
	off := got - want
	t.Logf("%s: %.1f MiB, want %.1f", what, float64(got)/mib, float64(want)/mib)
	if max(off, -off) > want*3/100+2*mib {
		t.Errorf("%s: got %d bytes, want %d within 3%% and 2 MiB", what, got, want)
	}
}

package mem

import (
	"io"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

func TestThreadsShareMemoryAndProgramsDoNot(t *testing.T) {
	tr := grow(t, node{Name: "main"})
	self, thread := os.Getpid(), otherThread(t)
	switch _, _, errno := unix.Syscall6(unix.SYS_KCMP, uintptr(self), uintptr(self), 1, 0, 0, 0); errno {
	case unix.ENOSYS, unix.EPERM:
		t.Skipf("no kcmp here: %v", errno)
	}
	if !sameMemory(thread, self) {
		t.Errorf("threads %d and %d of one process have different memory", thread, self)
	}
	if sameMemory(tr.pids["main"], self) || sameMemory(1<<30, self) {
		t.Error("different programs have one memory")
	}
}

// otherThread gives a thread of ours that is not the main one.
func otherThread(t *testing.T) int {
	t.Helper()
	r := newReader("/proc", 0)
	for _, tid := range r.threads(os.Getpid(), 100) {
		if tid != os.Getpid() {
			return tid
		}
	}
	t.Fatal("the Go runtime has one thread only")
	return 0
}

// TestTheMemoryOfAParentCountsOnceBetweenVforkAndExec stops a child right after vfork, as a debugger.
func TestTheMemoryOfAParentCountsOnceBetweenVforkAndExec(t *testing.T) {
	tr := grow(t, node{Name: "main", MB: 100, Vfork: true}) // alone, because a tree shares its stdin
	m := meter(t, Config{})
	before := tr.measure(m, Tree)
	stopAfterVfork(t, tr)
	u := tr.measure(m, Tree)
	near(t, "tree", u.RSS, before.RSS)
	near(t, "heaviest", tr.measure(m, Heaviest).RSS, before.RSS)
	if peak, _ := m.Peak(tr.target(Tree)); peak > u.RSS+10*mib {
		t.Errorf("got peak %d with RSS %d", peak, u.RSS)
	}
	m.shared = func(int, int) bool { return false }
	near(t, "tree when not asked for shared memory", tr.measure(m, Tree).RSS, 2*before.RSS)
	if u.Processes != 2 {
		t.Errorf("got %+v, want the main process and its child", u)
	}
}

// stopAfterVfork lets the main process start a command, and keeps the child from running until the test ends.
func stopAfterVfork(t *testing.T, tr *tree) {
	t.Helper()
	runtime.LockOSThread() // what traces is a thread
	t.Cleanup(runtime.UnlockOSThread)
	pid := tr.pids["main"]
	if err := unix.PtraceAttach(pid); err != nil {
		t.Skipf("can't trace a process here: %v", err)
	}
	awaitStop(t, pid, 0)
	if err := unix.PtraceSetOptions(pid, unix.PTRACE_O_TRACEVFORK); err != nil {
		t.Fatal(err)
	}
	if err := unix.PtraceCont(pid, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(tr.stdin, "go\n"); err != nil {
		t.Fatal(err)
	}
	awaitStop(t, pid, unix.PTRACE_EVENT_VFORK)
	child, err := unix.PtraceGetEventMsg(pid)
	if err != nil {
		t.Fatal(err)
	}
	awaitStop(t, int(child), 0)
	t.Cleanup(func() {
		for _, pid := range []int{int(child), pid} {
			if err := unix.PtraceDetach(pid); err != nil {
				t.Error(err)
			}
		}
	})
}

// awaitStop waits until a traced process stops for an event, or for SIGSTOP. Other signals are handed on.
func awaitStop(t *testing.T, pid, event int) {
	t.Helper()
	for {
		var status unix.WaitStatus
		switch _, err := unix.Wait4(pid, &status, unix.WALL, nil); {
		case err == unix.EINTR:
			continue
		case err != nil || !status.Stopped():
			t.Fatalf("wait for process %d: %v, status %x", pid, err, status)
		}
		if int(status)>>16 == event && (event != 0 || status.StopSignal() == unix.SIGSTOP) {
			return
		}
		if err := unix.PtraceCont(pid, int(status.StopSignal())); err != nil {
			t.Fatal(err)
		}
	}
}

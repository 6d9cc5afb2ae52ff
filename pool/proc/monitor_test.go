package proc

import (
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// idleThreads counts the threads of a process that run when a CPU has nothing else to do.
func idleThreads(t *testing.T, pid int) (idle int) {
	t.Helper()
	tasks, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		tid, _ := strconv.Atoi(task.Name())
		if attr, err := unix.SchedGetAttr(tid, 0); err == nil && attr.Policy == unix.SCHED_IDLE {
			idle++
			if tid == pid {
				t.Error("the main thread of a guardian rests")
			}
		}
	}
	return idle
}

func TestTheRuntimesMonitorRestsInGuardiansAndNotInJobs(t *testing.T) {
	p := newPool(t, Config{})
	job := p.started(p.start(shell("sleep 1000")))
	guardian := children(os.Getpid())[0]
	if n := idleThreads(t, guardian); n != 1 {
		t.Errorf("%d threads rest, want 1", n)
	}
	if n := idleThreads(t, job); n != 0 {
		t.Error("the job rests as well")
	}
}

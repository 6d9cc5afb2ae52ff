package pool

import (
	"fmt"
	"os"
	"testing"
	"time"

	"expool/pool/sched"
)

// measured counts the open files of this process that tell of memory.
func measured(t *testing.T) (open int) {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		switch file, _ := os.Readlink("/proc/self/fd/" + name.Name()); file {
		case "/proc/meminfo", fmt.Sprintf("/proc/%d/stat", os.Getpid()):
			open++
		}
	}
	return open
}

func TestALookTellsWhatRunsAndLeavesOutWhatIsGone(t *testing.T) {
	m := &hostMeter{vms: DefaultVMSShare}
	t.Cleanup(m.close)
	targets := []sched.Target{{Job: 1, Attempt: 2, PID: os.Getpid()}, {Job: 3, Attempt: 1, PID: 1 << 30}}
	for range 2 {
		got := m.Look(targets)
		if len(got.Used) != 1 || got.Used[0].Job != 1 || got.Used[0].Attempt != 2 || got.Used[0].Bytes < 1<<20 || got.Free == 0 {
			t.Errorf("got %+v, want the first of %+v and what is free", got, targets)
		}
	}
}

func TestFilesAreClosedAWhileAfterTheLastLook(t *testing.T) {
	m := &hostMeter{vms: DefaultVMSShare}
	for range 2 {
		m.Look([]sched.Target{{Job: 1, Attempt: 1, PID: os.Getpid()}})
		if open := measured(t); open != 2 {
			t.Errorf("%d files are open after a look, want that of the process and that of the host", open)
		}
		m.idle.Reset(0) // as if the while had passed
		for deadline := time.Now().Add(time.Minute); measured(t) != 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d files are open after the while", measured(t))
			}
		}
	}
}

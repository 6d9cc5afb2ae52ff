package pool

import (
	"fmt"
	"os"
	"testing"
	"testing/synctest"
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
	synctest.Test(t, func(t *testing.T) { // in virtual time
		m := &hostMeter{vms: DefaultVMSShare}
		after := func(d time.Duration, want int) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if open := measured(t); open != want {
				t.Errorf("%d files are open, want %d: that of the process and that of the host, or none", open, want)
			}
		}
		for range 2 {
			m.Look([]sched.Target{{Job: 1, Attempt: 1, PID: os.Getpid()}})
			after(idleMeter-1, 2)
			after(1, 0)
		}
	})
}

package proc

import (
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

func schedAttr(t *testing.T, tid int) unix.SchedAttr {
	t.Helper()
	attr, err := unix.SchedGetAttr(tid, 0)
	if err != nil {
		t.Fatal(err)
	}
	return *attr
}

// TestJobsOfAServerWithShortSlicesHaveTheUsualPriority looks at all threads of a server, at its guardian and at its job.
func TestJobsOfAServerWithShortSlicesHaveTheUsualPriority(t *testing.T) {
	mine := schedAttr(t, 0)
	for _, kind := range []string{"bare", "group"} {
		s := startServer(t, []string{kind, "sleep", "1000"})
		if job := schedAttr(t, s.job); job != mine {
			t.Errorf("%s: the job has %+v, and this process %+v", kind, job, mine)
		}
		guardian := schedAttr(t, guardianOf(t, s.job))
		if guardian.Flags&unix.SCHED_FLAG_RESET_ON_FORK == 0 || guardian.Nice != 0 && os.Getuid() != 0 {
			t.Errorf("%s: the guardian has %+v", kind, guardian)
		}
		if mine.Runtime == 0 {
			continue // this kernel, older than 6.12, has no slices
		}
		if guardian.Runtime != shortSlice {
			t.Errorf("%s: the guardian has slices of %d ns", kind, guardian.Runtime)
		}
		pid := s.cmd.Process.Pid
		tasks, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
		if err != nil {
			t.Fatal(err)
		}
		for _, task := range tasks {
			tid, _ := strconv.Atoi(task.Name())
			if slice := schedAttr(t, tid).Runtime; slice != shortSlice {
				t.Errorf("%s: thread %d of server %d has slices of %d ns", kind, tid, pid, slice)
			}
		}
	}
}

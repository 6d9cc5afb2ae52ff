package proc

import "testing"

func TestReservedThreadsStay(t *testing.T) {
	const many = 40
	reserveThreads(many)
	if n := len(dirNames("/proc/self/task")); n < many {
		t.Errorf("%d threads are there after %d were reserved", n, many)
	}
}

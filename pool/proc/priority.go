package proc

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// shortSlice is the shortest time slice that the kernel gives. A thread with a short one runs sooner when it is woken among busy processes, and gets
// no more time than with a long one: deadlines under full load are met sooner (row lateness of the benchmarks). Kernels before 6.12 take no notice.
const shortSlice = 100_000 // nanoseconds

// ShortenSlices gives the threads of this process, and those that they make, short time slices. Guardians do it by themselves, and jobs start without.
// A program with a priority of its own is left alone, so that its jobs can have the same. A refusal costs nothing but time.
func ShortenSlices() {
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, task := range tasks {
		tid, _ := strconv.Atoi(task.Name())
		if attr, err := unix.SchedGetAttr(tid, 0); err == nil && usual(attr) {
			attr.Runtime = shortSlice
			_ = unix.SchedSetAttr(tid, attr, 0)
		}
	}
}

// raisePriority lets this thread run at once when a message comes or a job exits, even among hundreds of busy processes. Plain users may only shorten
// its slices. Jobs start with the usual priority and slices.
func raisePriority() {
	attr, err := unix.SchedGetAttr(0, 0)
	if err != nil || !usual(attr) {
		return
	}
	attr.Nice, attr.Runtime = -20, shortSlice
	attr.Flags |= unix.SCHED_FLAG_RESET_ON_FORK
	if unix.SchedSetAttr(0, attr, 0) != nil {
		attr.Nice = 0
		_ = unix.SchedSetAttr(0, attr, 0)
	}
}

// usual is about the priority of a program that nobody has given another one.
func usual(attr *unix.SchedAttr) bool { return attr.Policy == unix.SCHED_NORMAL && attr.Nice == 0 }

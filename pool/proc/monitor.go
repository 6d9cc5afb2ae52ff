package proc

import (
	"bytes"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// restMonitor has the thread of the Go runtime that looks after the others run when a CPU has nothing else to do. Each time that a guardian has
// something to do, it wakes up some fifty times in the next milliseconds, beside the job: a tenth of the cost of a job of 10 ms. What a guardian
// does must not need it: where a thread blocks in a system call while another one has to run, see exitWithServer. A refusal costs nothing but
// speed.
func restMonitor() {
	if tid := findMonitor(); tid != 0 {
		_ = unix.SchedSetAttr(tid, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}, 0)
	}
}

// findMonitor gives the monitor: the thread that sleeps by the clock, at most for 10 ms at a time, while this one is busy, and the runtime is not
// told of its system calls. All others wait for something.
func findMonitor() (tid int) {
	tasks, _ := os.ReadDir("/proc/self/task")
	told := true // the kernel does tell what threads do
	for end := time.Now().Add(findTime); told && time.Now().Before(end); {
		told = false
		for _, task := range tasks {
			var text [64]byte
			n := quickReadFile("/proc/self/task/"+task.Name()+"/syscall", text[:])
			if bytes.HasPrefix(text[:n], sleeping) {
				tid, _ = strconv.Atoi(task.Name())
				return tid
			}
			told = told || n > 0
		}
	}
	return 0
}

// findTime is for a machine that is so busy that the monitor, once awake, waits for a CPU.
const findTime = 200 * time.Millisecond

// sleeping is how the kernel begins to tell of a thread in nanosleep.
var sleeping = []byte(strconv.Itoa(unix.SYS_NANOSLEEP) + " ")

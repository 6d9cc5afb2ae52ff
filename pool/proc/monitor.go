package proc

import (
	"os"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// The Go runtime has a thread that looks after the others, its monitor. Each time that a guardian has something to do, it wakes up some fifty times in
// the next milliseconds, beside the job: up to a sixth of the cost of a short one. So the threads of a guardian start with a timer slack that
// has the monitor wake up when its CPU is interrupted anyway. Those that fork have the slack of the server, and so have the jobs.
//
// Nothing that a guardian does may need the monitor, or timers of the runtime (a test of the policy looks for them): where a thread blocks in a system
// call while another one has to run, see watchServer; it waits by system calls. A refusal costs nothing but speed.
const (
	monitorSlack  = 100 * time.Millisecond
	slackVariable = "EXPOOL_TIMER_SLACK" // for guardians: the server's, in nanoseconds
)

func timerSlack() (nanoseconds int) {
	nanoseconds, _ = unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	return nanoseconds // 0, which is the one to begin with, where it can't be known
}

func setTimerSlack(nanoseconds int) {
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(nanoseconds), 0, 0, 0)
}

// restMonitor has start make a guardian, whose environment is to have the given variable.
func restMonitor(start func(variable string) (int, error)) (pid int, err error) {
	runtime.LockOSThread() // which makes no threads then: they would have the slack as well
	defer runtime.UnlockOSThread()
	slack := timerSlack()
	setTimerSlack(int(monitorSlack))
	defer setTimerSlack(slack)
	return start(slackVariable + "=" + strconv.Itoa(slack))
}

// keepTime gives this thread the slack of the server.
func keepTime() {
	if slack, err := strconv.Atoi(os.Getenv(slackVariable)); err == nil {
		setTimerSlack(slack)
	}
}

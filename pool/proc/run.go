package proc

import (
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// announceDelay is how long a guardian holds Started back, so that a short job costs one message instead of two.
const announceDelay = 2 * time.Millisecond

// run is an attempt inside its guardian, from the fork to the end of its tree.
type run struct {
	attempt   Attempt
	pid       int
	pidfd     int // -1 once the main process was reaped
	begin     time.Time
	wall      int64
	launch    *launch // nil once the main process executes the command
	announced bool
	output    outputs
	killer    *killer // nil until a hard kill
	softSent  bool
	gone      bool // wait4 has no children left
	ended     bool // the main process has; a debugger that traces it may keep it from being reaped
	exit      Exit
	mem       memGroup  // nil outside of one
	memLook   time.Time // when to look next for what the kernel's killer did; zero for never
	shot      bool      // somebody else killed the main process
	oom       *killerCount
	retire    bool
}

// over says that nothing of the tree is left, or that what is left can't be ended.
func (r *run) over() bool { return r.gone || r.retire }

func (r *run) exited() bool { return r.pidfd < 0 }

// untold is how long Started need not be told yet, or can't, since it is not known whether the command can be executed: on a busy machine, or from a file
// system that hangs.
func (r *run) untold(now time.Time) time.Duration {
	age := now.Sub(r.begin)
	if r.launch != nil {
		return max(announceDelay-age, age/4)
	}
	return announceDelay - age
}

// waitFor adds what to poll, and gives how long to wait for it; negative means without end.
func (r *run) waitFor(fds []unix.PollFd, now time.Time) ([]unix.PollFd, time.Duration) {
	if !r.exited() && !r.ended {
		fds = append(fds, unix.PollFd{Fd: int32(r.pidfd), Events: unix.POLLIN})
	}
	if r.mem != nil && r.killer == nil && r.mem.alarm() >= 0 {
		fds = append(fds, unix.PollFd{Fd: int32(r.mem.alarm()), Events: unix.POLLIN})
	}
	fds, read := r.output.wait(fds, now)
	return fds, r.timeout(now, read)
}

// polled takes note of what was polled.
func (r *run) polled(fds []unix.PollFd) {
	for _, fd := range fds {
		if int(fd.Fd) == r.pidfd && fd.Revents != 0 {
			r.ended = true
		}
	}
}

// orphanPoll is how often a guardian looks for the end of what the main process left behind, or of what a debugger holds.
const orphanPoll = 20 * time.Millisecond

// timeout is how long nothing is to be done by time; negative means without end. For read see outputs.wait.
func (r *run) timeout(now, read time.Time) time.Duration {
	wait := time.Duration(-1)
	sooner := func(d time.Duration) {
		if d = max(d, 0); wait < 0 || d < wait {
			wait = d
		}
	}
	if !r.announced {
		sooner(r.untold(now))
	}
	if !read.IsZero() {
		sooner(read.Sub(now))
	}
	if !r.memLook.IsZero() {
		sooner(r.memLook.Sub(now))
	}
	if r.killer != nil {
		sooner(r.killer.due.Sub(now))
	} else if r.exited() || r.ended {
		sooner(orphanPoll)
	}
	return wait
}

// advance takes output, reaps, and goes on with the end of the tree.
func (r *run) advance(g *guardian) {
	r.output.read()
	r.reap()
	if r.gone {
		return
	}
	r.watchMemory(&g.tree)
	if r.exited() && !r.softSent && r.killer == nil {
		r.hard(&g.tree) // what the main process left behind
	}
	if r.killer == nil || time.Now().Before(r.killer.due) {
		return
	}
	r.pass(g)
	if len(r.killer.refused) > 0 && r.killer.hopeless() {
		r.retire = true
		r.warn(fmt.Sprintf("processes %v could not be ended: %v", r.killer.refused, unix.EPERM))
	}
	r.reap()
}

// pass is one pass of the kill.
func (r *run) pass(g *guardian) {
	defer holdGC()()
	group := r.pid
	if r.exited() {
		group = 0
	}
	r.killer.pass(&g.tree, &g.leaf, group)
}

// soft asks the whole tree to end.
func (r *run) soft(t *tree) {
	r.softSent = true
	if r.killer == nil {
		defer holdGC()()
		t.terminate()
	}
}

// hard kills the whole tree from the next advance on.
func (r *run) hard(t *tree) {
	if r.killer != nil {
		return
	}
	r.killer = &killer{due: time.Now()}
	defer holdGC()()
	if r.exited() || r.mainEnded() {
		r.exit.Leaked = t.living(r.pid)
	}
}

// mainEnded says whether the main process has ended and is not reaped yet.
func (r *run) mainEnded() bool {
	fds := []unix.PollFd{{Fd: int32(r.pidfd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0
}

// reap collects all children that have ended. All of them belong to the job.
func (r *run) reap() {
	for !r.gone {
		var status unix.WaitStatus
		var usage unix.Rusage
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG|unix.WALL, &usage)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			r.gone = true // ECHILD
		case pid == 0:
			return
		default:
			r.account(pid, status, &usage)
		}
	}
}

func (r *run) account(pid int, status unix.WaitStatus, usage *unix.Rusage) {
	x := &r.exit
	x.User += time.Duration(usage.Utime.Nano())
	x.Sys += time.Duration(usage.Stime.Nano())
	x.MaxRSS = max(x.MaxRSS, usage.Maxrss<<10)
	x.ReadBytes += usage.Inblock * 512
	x.WriteBytes += usage.Oublock * 512
	if pid != r.pid || r.exited() {
		return
	}
	x.Duration = time.Since(r.begin)
	x.Code = status.ExitStatus()
	if status.Signaled() {
		x.Code = -int(status.Signal())
	}
	r.shot = r.killer == nil && (x.Code == -int(unix.SIGKILL) || x.Code == 128+int(unix.SIGKILL))
	_ = unix.Close(r.pidfd)
	r.pidfd = -1
}

// warn tells something once, however often the start is tried.
func (r *run) warn(text string) {
	if !slices.Contains(r.exit.Warnings, text) {
		r.exit.Warnings = append(r.exit.Warnings, text)
	}
}

// finish closes what the attempt had, and gives its result.
func (r *run) finish() *exited {
	if !r.exited() { // it was given up
		r.exit.Duration = time.Since(r.begin)
		r.exit.Code = -int(unix.SIGKILL)
		_ = unix.Close(r.pidfd)
		r.pidfd = -1
	}
	r.memory()
	r.exit.PID, r.exit.Wall = r.pid, r.wall
	m := &exited{attempt: r.attempt, exit: r.exit, retire: r.retire}
	m.stdout, m.stderr = r.output.finish()
	return m
}

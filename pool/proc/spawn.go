package proc

import (
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// spawn starts an attempt, or says why it can't.
func (g *guardian) spawn(a Attempt, c *Command) (*run, *Failure) {
	r := &run{attempt: a, pidfd: -1, oom: &g.oom}
	if err := g.prepare(r, c); err != nil {
		r.output.discard()
		return nil, &Failure{Err: err.Error(), Exhausted: exhausted(err)}
	}
	r.output.closeOpened()
	for _, w := range r.output.warnings {
		r.warn(w)
	}
	return r, nil
}

func (g *guardian) prepare(r *run, c *Command) error {
	if err := validate(c); err != nil {
		return err
	}
	env := g.env.merge(c.Env)
	file, err := lookup(c.Args[0], c.Dir, env)
	if err != nil {
		if e := checkDir(c.Dir); e != nil {
			return e // a relative PATH is not to blame then
		}
		return err
	}
	if r.output, err = openOutputs(c); err != nil {
		return err
	}
	err = g.inMemory(r, c, func() error {
		defer g.place(r, c)()
		return g.fork(r, file, c, env)
	})
	if err != nil {
		if exhausted(err) {
			return fmt.Errorf("start %q: %w", c.Args[0], err)
		}
		return explain(err, file, c)
	}
	return nil
}

// fork executes the file in the job's cgroup, or without one where that is refused.
func (g *guardian) fork(r *run, file string, c *Command, env []string) error {
	g.leaf.renew()
	sys := &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL, PidFD: &r.pidfd}
	sys.CgroupFD, sys.UseCgroupFD = g.leaf.fd()
	attr := &syscall.ProcAttr{Dir: c.Dir, Env: env, Sys: sys,
		Files: []uintptr{uintptr(r.output.stdin), uintptr(r.output.stdout), uintptr(r.output.stderr)}}
	g.leaf.used = g.leaf.used || sys.UseCgroupFD
	if r.mem == nil {
		g.oom.note(g.leaf.path)
	}
	err := r.exec(file, c.Args, attr)
	if err == nil || !sys.UseCgroupFD || !refusesCgroup(err) {
		return err
	}
	sys.UseCgroupFD = false
	if retried := r.exec(file, c.Args, attr); retried != nil {
		return retried // the cgroup was not to blame
	}
	r.warn(fmt.Sprintf("run in a cgroup: %v", err))
	g.leaf.disable()
	if _, ok := r.mem.(*group2); ok {
		r.mem = nil
	}
	return nil
}

// refusesCgroup is about the errors that clone3 gives for a cgroup, most of which exec gives as well.
func refusesCgroup(err error) bool {
	switch err {
	case syscall.EACCES, syscall.EPERM, syscall.EBUSY, syscall.EOPNOTSUPP, syscall.ENODEV, syscall.ENOENT, syscall.ENOSYS,
		syscall.E2BIG, syscall.EAGAIN:
		return true
	}
	return false
}

// exec forks and executes. A file that somebody has just written, and whose descriptor a process that was forked at
// that moment still holds, is tried again for most of a second.
func (r *run) exec(file string, args []string, attr *syscall.ProcAttr) error {
	for pause := time.Millisecond; ; pause *= 2 {
		now := time.Now()
		r.begin, r.wall = now, now.UnixMicro()
		pid, err := forkExec(file, args, attr)
		if err == nil {
			r.pid = pid
			return nil
		}
		if err != syscall.ETXTBSY || pause > 256*time.Millisecond || serverGone(pause) {
			return err
		}
	}
}

// forkExec is syscall.ForkExec, with a lack of descriptors told as such: the child moves the descriptors to higher numbers at
// first, and the kernel calls a number beyond the limit a bad one.
func forkExec(file string, args []string, attr *syscall.ProcAttr) (int, error) {
	pid, err := syscall.ForkExec(file, args, attr)
	if err == syscall.EBADF {
		err = syscall.EMFILE
	}
	return pid, err
}

// serverGone waits for a while, and reports whether the server's end of the socket was closed meanwhile.
func serverGone(wait time.Duration) bool {
	fds := []unix.PollFd{{Fd: guardianSock, Events: unix.POLLRDHUP}}
	n, err := unix.Poll(fds, int(wait.Milliseconds()))
	return err == nil && n > 0
}

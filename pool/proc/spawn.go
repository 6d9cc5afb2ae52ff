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
	file, err := lookup(c.Args[0], c.Dir, env.list)
	if err != nil {
		if e := checkDir(c.Dir); e != nil {
			return e // a relative PATH is not to blame then
		}
		return err
	}
	if r.output, err = openOutputs(c, &g.mems); err != nil {
		return err
	}
	err = g.inMemory(r, c, func() error {
		defer g.place(r, c)()
		return g.fork(r, &child{file: file, args: c.Args, env: env.pointers, dir: c.Dir})
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
func (g *guardian) fork(r *run, c *child) error {
	g.leaf.renew()
	c.stdio = [3]int{r.output.stdin, r.output.stdout, r.output.stderr}
	fd, grouped := g.leaf.fd()
	c.cgroup = fd
	g.leaf.used = g.leaf.used || grouped
	if r.mem == nil {
		g.oom.note(g.leaf.path)
	}
	err := r.exec(g.forker, c)
	if err == nil || !grouped || !refusesCgroup(err) {
		return err
	}
	c.cgroup = -1
	if retried := r.exec(g.forker, c); retried != nil {
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
func (r *run) exec(f *forker, c *child) error {
	for pause := time.Millisecond; ; pause *= 2 {
		now := time.Now()
		r.begin, r.wall = now, now.UnixMicro()
		pid, pidfd, err := f.start(c)
		if err == nil {
			r.pid, r.pidfd = pid, pidfd
			return nil
		}
		if err != syscall.ETXTBSY || pause > 256*time.Millisecond || serverGone(pause) {
			return err
		}
	}
}

// serverGone waits for a while, and reports whether the server's end of the socket was closed meanwhile.
func serverGone(wait time.Duration) bool {
	fds := []unix.PollFd{{Fd: guardianOrders, Events: unix.POLLRDHUP}}
	n, err := unix.Poll(fds, int(wait.Milliseconds()))
	return err == nil && n > 0
}

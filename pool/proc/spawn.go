package proc

import (
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// launch is what an attempt needs until its main process executes the command, which may take more than one try.
type launch struct {
	command *Command
	child   child
	pause   time.Duration // before the next try
}

// spawn starts an attempt, or says why it can't. Whether the command can be executed turns out later, see settle.
func (g *guardian) spawn(a Attempt, c *Command) (*run, *Failure) {
	r := &run{attempt: a, pidfd: -1, oom: &g.oom, launch: &launch{command: c, pause: firstTry}}
	if err := g.prepare(r); err != nil {
		return nil, r.fail(err)
	}
	if err := g.fork(r); err != nil {
		return nil, r.fail(err)
	}
	for _, w := range r.output.warnings {
		r.warn(w)
	}
	return r, nil
}

// fail gives up an attempt that never ran.
func (r *run) fail(err error) *Failure {
	r.output.discard()
	return &Failure{Err: err.Error(), Exhausted: exhausted(err)}
}

// prepare finds the command and opens the streams.
func (g *guardian) prepare(r *run) error {
	c := r.launch.command
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
	r.launch.child = child{file: file, args: c.Args, env: env.pointers, dir: c.Dir, stdio: [3]int{r.output.stdin, r.output.stdout, r.output.stderr}}
	return nil
}

// fork has a new process execute the command, where it belongs.
func (g *guardian) fork(r *run) error {
	c := r.launch.command
	err := g.inMemory(r, c, func() error {
		defer g.place(r, c)()
		return g.inLeaf(r, &r.launch.child)
	})
	if err != nil {
		return r.launch.explain(err)
	}
	return nil
}

// explain says in words why the command could not be executed.
func (l *launch) explain(err error) error {
	if exhausted(err) {
		return fmt.Errorf("start %q: %w", l.command.Args[0], err)
	}
	return explain(err, l.child.file, l.command)
}

// inLeaf forks in the job's cgroup, or without one where that is refused.
func (g *guardian) inLeaf(r *run, c *child) error {
	g.leaf.renew()
	fd, grouped := g.leaf.fd()
	c.cgroup = fd
	c.wait = r.mem != nil // what shares this process's memory takes it along if the kernel's killer has to choose it; vfork's children are spared
	g.leaf.used = g.leaf.used || grouped
	if r.mem == nil {
		g.oom.note(g.countedIn())
	}
	err := r.begins(g.forker, c)
	if err == nil || !grouped || !refusesCgroup(err) {
		return err
	}
	c.cgroup = -1
	if retried := r.begins(g.forker, c); retried != nil {
		return retried // the cgroup was not to blame
	}
	r.warn(fmt.Sprintf("run in a cgroup: %v", err))
	if err != syscall.EAGAIN { // which may have been a lack of processes, for a moment
		g.leaf.disable()
	}
	if _, ok := r.mem.(*group2); ok {
		r.mem = nil
	}
	return nil
}

// countedIn is the cgroup where the kernel counts victims of its killer among jobs that want no memory group; "" without one.
func (g *guardian) countedIn() string {
	if g.mem != nil && g.mem.folder() != "" {
		return g.mem.folder()
	}
	return g.leaf.path
}

// refusesCgroup is about the errors that clone3 gives for a cgroup, some of which it gives for other causes as well.
func refusesCgroup(err error) bool {
	switch err {
	case syscall.EACCES, syscall.EPERM, syscall.EBUSY, syscall.EOPNOTSUPP, syscall.ENODEV, syscall.ENOENT, syscall.ENOSYS,
		syscall.E2BIG, syscall.EINVAL, syscall.EAGAIN:
		return true
	}
	return false
}

// begins forks now.
func (r *run) begins(f *forker, c *child) (err error) {
	now := time.Now()
	r.begin, r.wall = now, now.UnixMicro()
	r.pid, r.pidfd, err = f.start(c)
	return err
}

// settle sees whether the main process executes its command by now, or could not.
func (r *run) settle(f *forker) (err error) {
	if r.launch == nil || !f.done() {
		return nil
	}
	if err = f.failure(); err == nil {
		r.output.closeOpened()
		r.launch = nil
	}
	return err
}

const (
	firstTry = time.Millisecond
	lastTry  = 256 * time.Millisecond
)

// retry is for an attempt whose command could not be executed, once its process is gone. A file that somebody has just written, and whose descriptor a process
// that was forked at that moment still holds, is tried again for most of a second.
func (g *guardian) retry(r *run, err error) error {
	pause := r.launch.pause
	if err != syscall.ETXTBSY || pause > lastTry || r.softSent || r.killer != nil || serverGone(pause) {
		return r.launch.explain(err)
	}
	r.launch.pause *= 2
	r.gone, r.ended, r.exit = false, false, Exit{Warnings: r.exit.Warnings}
	return g.fork(r)
}

// serverGone waits for a while, and reports whether the server's end of the socket was closed meanwhile.
func serverGone(wait time.Duration) bool {
	fds := []unix.PollFd{{Fd: guardianOrders, Events: unix.POLLRDHUP}}
	n, err := unix.Poll(fds, int(wait.Milliseconds()))
	return err == nil && n > 0
}

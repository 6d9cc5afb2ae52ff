package proc

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	guardianName = "expool-guardian" // 15 bytes, what the kernel keeps of a name

	// Its descriptors besides the standard ones.
	guardianOrders  = 3 // a socket, for reading
	guardianReports = 4 // a pipe, for writing
)

// guardianEnv makes guardians small and quiet. With what the server tells of itself in variables it is the whole of their environment, and no part
// of a job's.
var guardianEnv = []string{"GOMAXPROCS=1", "GOGC=50", "GODEBUG=asyncpreemptoff=1", "GOTRACEBACK=single"}

// guardianReady says that RunGuardian was called, so that re-executing this program gives a guardian.
var guardianReady atomic.Bool

func init() {
	if isGuardian() {
		runtime.LockOSThread() // in init, which makes it the main thread for the whole of main
	}
}

func isGuardian() bool { return len(os.Args) == 1 && os.Args[0] == guardianName }

// RunGuardian must be called first in main. In a process that the Runner started as a guardian it serves the Runner and
// never returns; anywhere else it returns at once.
func RunGuardian() {
	if !isGuardian() {
		guardianReady.Store(true)
		return
	}
	g, err := newGuardian()
	if err == nil {
		reserveThreads(guardianThreads)
		_ = g.send(appendReady(nil)) // serve sees it too if the server is gone
		err = g.serve()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", guardianName, err)
		syscall.Exit(1)
	}
	syscall.Exit(0) // not os.Exit: there is nothing to flush, and under the race detector that takes a second
}

// guardian is the state of a guardian process. Its main goroutine, on the main thread, owns all of it until it hands that over
// to the thread in a memory cgroup, if there is one.
type guardian struct {
	pid  int
	in   inbox
	out  []byte // reused
	env  environment
	leaf leaf
	mem  memGroup // nil without
	pool *cgroups
	oom  killerCount
	cpus []int // its own affinity
	tree tree
	mems stores

	forker *forker
	run    *run // the attempt, nil while idle
	order  int  // bytes, of the largest one since the memory of a large one was given back
	poll   []unix.PollFd
}

func newGuardian() (*guardian, error) {
	if _, err := unix.GetsockoptInt(guardianOrders, unix.SOL_SOCKET, unix.SO_TYPE); err != nil {
		return nil, errors.New("is started by an execution pool, not by hand: descriptor 3 is no socket")
	}
	if err := ignoreSignals(); err != nil {
		return nil, err
	}
	closeInherited()
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("become a subreaper: %w", err)
	}
	_ = os.WriteFile("/proc/self/comm", []byte(guardianName), 0) // for ps and top; nothing depends on it
	raisePriority()
	keepTime()
	cpus, err := affinity()
	if err != nil {
		return nil, err
	}
	g := &guardian{pid: os.Getpid(), cpus: cpus, pool: inherited(), forker: newForker()}
	g.tree = newTree(g.pid)
	g.leaf = leaf{root: g.pool.pool, name: strconv.Itoa(g.pid)}
	g.mem = newMemGroup(g.pool.memory, &g.leaf)
	return g, nil
}

// closeInherited keeps socket and pipe from the jobs, and closes what the host of the server leaked into it: a pipe that it
// waits for would otherwise never reach its end.
func closeInherited() {
	unix.CloseOnExec(guardianOrders)
	unix.CloseOnExec(guardianReports)
	names, _ := os.ReadDir("/proc/self/fd")
	for _, name := range names {
		fd, err := strconv.Atoi(name.Name())
		if err != nil || fd <= guardianReports {
			continue
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			_ = unix.Close(fd)
		}
	}
}

// serve runs until the socket ends, then ends what runs. It goes on elsewhere once another thread is the one that should fork.
func (g *guardian) serve() error {
	for {
		if g.mem != nil && g.mem.home().elsewhere() {
			var err error
			g.mem.home().do(func() { err = g.serve() })
			return err
		}
		g.forgetOrder()
		alive, err := g.wait()
		if err == nil && alive {
			alive, err = g.receive()
		}
		if err == nil {
			err = g.advance()
		}
		if err != nil || !alive {
			g.abandon()
			return ignoreClosed(err)
		}
	}
}

// wait sleeps until there is something to do: a message, the exit of the main process, output, or time.
// It reports false when the server is gone.
func (g *guardian) wait() (alive bool, err error) {
	timeout := time.Duration(-1)
	g.poll = append(g.poll[:0], unix.PollFd{Fd: guardianOrders, Events: unix.POLLIN})
	if g.run != nil {
		g.poll, timeout = g.run.waitFor(g.poll, time.Now())
	}
	// SIGCHLD interrupts the poll, which tells of orphans that ended. If that comes just before, or this is not the main thread,
	// nothing is lost but time: the exit of the main process is polled, and the rest is looked for by timeout once it counts.
	err = poll(g.poll, timeout)
	if err == unix.EINTR {
		for i := range g.poll {
			g.poll[i].Revents = 0
		}
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("poll: %w", err)
	}
	if g.run != nil {
		g.run.polled(g.poll)
	}
	return true, nil
}

// receive handles all messages that have come.
func (g *guardian) receive() (alive bool, err error) {
	if g.poll[0].Revents == 0 {
		return true, nil
	}
	for {
		space := g.in.space()
		n, _, err := unix.Recvfrom(guardianOrders, space, unix.MSG_DONTWAIT)
		switch {
		case err == unix.EAGAIN || err == unix.EINTR:
			return true, nil
		case err != nil:
			return false, fmt.Errorf("receive: %w", err)
		case n == 0:
			return false, nil
		}
		g.in.received(n)
		if err := g.dispatch(); err != nil {
			return false, err
		}
		if n < len(space) {
			return true, nil
		}
	}
}

func (g *guardian) dispatch() error {
	for {
		k, b, err := g.in.next()
		if err != nil || k == 0 {
			return err
		}
		switch k {
		case kindHello:
			err = g.hello(b)
		case kindStart:
			err = g.start(b)
		case kindSignal:
			err = g.signal(b)
		default:
			err = fmt.Errorf("unexpected message of kind %d", k)
		}
		if err != nil {
			return err
		}
	}
}

func (g *guardian) hello(b []byte) error {
	env, err := parseHello(b)
	if err != nil {
		return err
	}
	g.env = newEnvironment(env)
	return nil
}

func (g *guardian) start(b []byte) error {
	a, c, err := parseStart(b)
	if err != nil {
		return err
	}
	g.order = max(g.order, len(b))
	if g.run != nil {
		return fmt.Errorf("asked to start %v while %v runs", a, g.run.attempt)
	}
	r, failure := g.spawn(a, c)
	if failure != nil {
		return g.send(appendFailed(g.out[:0], a, *failure))
	}
	g.run = r
	return nil
}

// largeOrder is the size of an order above which its memory is given back: the arguments and variables of most jobs have a few kilobytes.
const largeOrder = 256 << 10

// forgetOrder gives the memory of a large order back. The kernel tells the peak of a guardian as that of each smaller job that it starts.
func (g *guardian) forgetOrder() {
	if g.run != nil || g.order <= largeOrder {
		return
	}
	g.order, g.out = 0, nil
	g.in.forget()
	g.forker.forget()
	debug.FreeOSMemory()
	resetPeak()
}

func (g *guardian) signal(b []byte) error {
	a, s, err := parseSignal(b)
	if err != nil {
		return err
	}
	if g.run == nil || g.run.attempt != a {
		return nil // it has ended meanwhile
	}
	if s == Soft {
		g.run.soft(&g.tree)
		return nil
	}
	g.run.hard(&g.tree)
	return g.send(appendKilling(g.out[:0], a))
}

// advance moves the attempt on, and reports what became of it.
func (g *guardian) advance() error {
	r := g.run
	if r == nil {
		return nil
	}
	r.advance(g)
	if err := r.settle(g.forker); err != nil {
		return g.unstarted(r, err)
	}
	g.out = g.out[:0]
	if !r.announced && (r.over() || r.untold(time.Now()) <= 0) {
		r.announced = true
		g.out = appendStarted(g.out, started{r.attempt, r.pid, r.wall, time.Since(r.begin)})
	}
	if !r.over() {
		return g.send(g.out)
	}
	m := r.finish()
	g.run = nil
	if err := g.sendExited(m); err != nil {
		return err
	}
	r.output.forget()
	if m.retire {
		return errRetired
	}
	quickYield()
	return nil
}

// unstarted goes on with an attempt whose command could not be executed.
func (g *guardian) unstarted(r *run, err error) error {
	if !r.over() {
		return nil // it is about to exit
	}
	if err = g.retry(r, err); err == nil {
		return nil
	}
	g.run = nil
	return g.send(appendFailed(g.out[:0], r.attempt, *r.fail(err)))
}

// errRetired ends a guardian that has children which it may not end.
var errRetired = errors.New("processes are left that may not be signalled")

func ignoreClosed(err error) error {
	if errors.Is(err, errRetired) || errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) {
		return nil
	}
	return err
}

// abandon ends everything when the server is gone, or has no more work.
func (g *guardian) abandon() {
	if r := g.run; r != nil {
		r.hard(&g.tree)
		r.announced = true // nobody is left to be told
		for !r.over() {
			fds, timeout := r.waitFor(g.poll[:0], time.Now())
			if poll(fds, timeout) == nil {
				r.polled(fds)
			}
			r.advance(g)
		}
		r.finish()
	}
	if g.mem != nil {
		g.mem.close()
	}
	g.leaf.remove()
	if poolEnded() {
		g.pool.abandon()
	}
}

// poolEnded tells the end of the server, and its word that all guardians are to end, from the one that this guardian is to: that
// shuts one direction of the socket down, not both.
func poolEnded() bool {
	fds := []unix.PollFd{{Fd: guardianOrders}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0 && fds[0].Revents&unix.POLLHUP != 0
}

// exhausted says whether err means that a resource of the system is lacking for now.
func exhausted(err error) bool {
	switch {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.ENOMEM), errors.Is(err, syscall.EMFILE),
		errors.Is(err, syscall.ENFILE):
		return true
	}
	return false
}

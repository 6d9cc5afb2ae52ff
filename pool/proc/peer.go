package proc

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// answerTime is how long a guardian may take to answer a hard kill, or to quit, before it is killed.
const answerTime = time.Second

// peer is the server's side of a guardian.
type peer struct {
	r *Runner

	// Guarded by r.mu.
	work      *work // nil while idle
	condemned bool  // it did not answer, and is being killed

	mu      sync.Mutex
	pid     int // 0 until it was started
	orders  channel
	reports channel
	pending []byte // to be written, when the socket is full or not there yet
	writing bool   // a goroutine writes pending
	ready   bool   // the guardian said so
	quitted bool
	last    bool // the whole pool ends
}

// work is the attempt that a guardian has.
type work struct {
	attempt Attempt
	paths   []string    // of output files
	pid     int         // 0 until it was started
	wall    int64       // of its start
	hard    *time.Timer // ends a guardian that doesn't answer a hard kill

	answered bool // it did; what is left then is to see that it goes on
}

// channel is one direction between the server and a guardian: orders go through a socket, whose end is the guardian's sign to end, and reports
// come through a pipe. A socket for both would wake the server for each order once more, when the guardian has taken it: there is room again then.
type channel struct {
	file *os.File
	conn syscall.RawConn
}

func newChannel(fd int, name string) (c channel, err error) {
	c.file = os.NewFile(uintptr(fd), name)
	c.conn, err = c.file.SyscallConn()
	return c, err
}

func (c *channel) close() {
	if c.file != nil {
		c.file.Close()
	}
}

// narrow makes a pipe as it was, once what it was widened for is out of it.
func (c *channel) narrow() {
	_ = c.conn.Control(func(fd uintptr) { _ = setPipeSize(int(fd), pipeSize) })
}

func newPeer(r *Runner) *peer { return &peer{r: r} }

// run starts the guardian and serves it until it is gone.
func (p *peer) run() {
	if err := p.start(); err != nil {
		p.fail(err)
		return
	}
	p.end(p.receive())
}

// start re-executes this program as a guardian.
func (p *peer) start() (err error) {
	var orders, reports channel
	defer func() {
		if err != nil {
			orders.close()
			reports.close()
		}
	}()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("make a socket: %w", err)
	}
	defer unix.Close(pair[1])
	if orders, err = newChannel(pair[0], "orders"); err != nil {
		return err
	}
	var pipe [2]int
	if err = unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("make a pipe: %w", err)
	}
	defer unix.Close(pipe[1])
	if err = unix.SetNonblock(pipe[0], true); err != nil { // so that no thread waits for it
		unix.Close(pipe[0])
		return fmt.Errorf("make a pipe nonblocking: %w", err)
	}
	if reports, err = newChannel(pipe[0], "reports"); err != nil {
		return err
	}
	if err = p.fork(pair[1], pipe[1]); err != nil {
		return err
	}
	p.connect(orders, reports)
	return nil
}

func (p *peer) fork(orders, reports int) error {
	cfg := &p.r.cfg
	// A guardian that somebody has stopped goes on when the server dies. If the thread that forked it ends before, it gets the
	// signal too, which does nothing then.
	attr := &syscall.ProcAttr{Dir: p.r.moved(), Env: slices.Concat(guardianEnv, p.r.cgroups.environ()),
		Files: []uintptr{p.r.null.Fd(), cfg.HostStdout.Fd(), cfg.HostStderr.Fd(), guardianOrders: uintptr(orders), guardianReports: uintptr(reports)},
		Sys:   &syscall.SysProcAttr{Setsid: true, Pdeathsig: unix.SIGCONT}}
	pid, err := p.r.cgroups.host(func() (int, error) { return p.r.family.start(attr) })
	if err != nil {
		return fmt.Errorf("start a guardian in %s: %w", p.r.dir, err)
	}
	p.mu.Lock()
	p.pid = pid
	p.mu.Unlock()
	return nil
}

// connect sends what has been waiting for the socket.
func (p *peer) connect(orders, reports channel) {
	first := appendHello(nil, p.r.env)
	p.mu.Lock()
	defer p.mu.Unlock()
	waiting := append(first, p.pending...)
	p.pending, p.orders, p.reports = nil, orders, reports
	p.write(waiting)
	if p.quitted {
		p.shutdown()
	}
}

// send writes frames without blocking.
func (p *peer) send(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.orders.file == nil || p.writing {
		p.pending = append(p.pending, b...)
		return
	}
	p.write(b)
}

// write writes what the socket takes at once, and leaves the rest to a goroutine. It is called with p.mu held.
// Errors are left to the reader, which sees the end of the guardian.
func (p *peer) write(b []byte) {
	n := 0
	_ = p.orders.conn.Write(func(fd uintptr) bool {
		for n < len(b) {
			switch m, errno := quickSend(fd, b[n:]); errno {
			case 0:
				n += m
			case unix.EINTR:
			case unix.EAGAIN:
				return true
			default:
				n = len(b)
				return true
			}
		}
		return true
	})
	if n < len(b) {
		p.pending, p.writing = b[n:], true
		p.r.later(p.flush)
	}
}

// flush writes pending until there is none.
func (p *peer) flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.pending) > 0 {
		b := p.pending
		p.pending = nil
		p.mu.Unlock()
		_, err := p.orders.file.Write(b)
		p.mu.Lock()
		if err != nil {
			break // the reader sees it too
		}
	}
	p.pending, p.writing = nil, false
	if p.quitted {
		p.shutdown()
	}
}

// quit tells the guardian to end, with the pool if it is the last thing to do.
func (p *peer) quit(last bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.quitted, p.last = true, last
	if p.orders.file != nil && !p.writing {
		p.shutdown()
	}
}

// shutdown ends our side of the stream; the guardian's end then ends the reader. At the end of the pool it looks to the guardian
// as if the server had died, so that nothing is left if that happens now. It is called with p.mu held.
func (p *peer) shutdown() {
	how := unix.SHUT_WR
	if p.last {
		how = unix.SHUT_RDWR
	}
	_ = p.orders.conn.Control(func(fd uintptr) { _ = unix.Shutdown(int(fd), how) })
	_ = p.reports.file.SetReadDeadline(time.Now().Add(answerTime))
}

// expectKill ends the guardian unless it answers in time, and keeps one that has answered from being stopped. It is called with r.mu held.
func (p *peer) expectKill() {
	w := p.work
	if w.hard == nil {
		w.hard = time.AfterFunc(answerTime, func() { p.condemn(w) })
	}
}

// condemn kills a guardian that did not answer, after the tree of its job, which nobody could find any more without it.
func (p *peer) condemn(w *work) {
	p.mu.Lock()
	pid := p.pid
	p.mu.Unlock()
	p.r.mu.Lock()
	present := p.work == w
	waits := present && !w.answered && pid != 0 // else it is being started
	if present && !waits {
		w.hard.Reset(answerTime)
	}
	p.condemned = p.condemned || waits
	p.r.mu.Unlock()
	switch {
	case waits:
		p.r.family.kill(pid)
	case present:
		p.r.family.goOn(pid)
	}
}

// receive handles messages until the guardian is gone, or misbehaves.
func (p *peer) receive() error {
	var in inbox
	for {
		n, err := p.read(in.space())
		if err != nil {
			return err
		}
		in.received(n)
		for {
			k, b, err := in.next()
			if err != nil {
				return err
			}
			if k == 0 {
				break
			}
			if len(b) > pipeSize {
				p.reports.narrow()
			}
			if err := p.dispatch(k, b); err != nil {
				return err
			}
		}
	}
}

// read waits for something to receive.
func (p *peer) read(b []byte) (n int, err error) {
	var errno syscall.Errno
	if err = p.reports.conn.Read(func(fd uintptr) bool {
		n, errno = quickRead(fd, b)
		return errno != unix.EAGAIN
	}); err != nil {
		return 0, err
	}
	switch {
	case errno != 0:
		return 0, fmt.Errorf("receive from a guardian: %w", errno)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

func (p *peer) dispatch(k kind, b []byte) error {
	switch k {
	case kindStarted:
		return p.started(b)
	case kindFailed:
		return p.failed(b)
	case kindExited:
		return p.exited(b)
	case kindKilling:
		return p.killing(b)
	case kindReady:
		p.mu.Lock()
		defer p.mu.Unlock()
		p.ready = true
		return nil
	}
	return fmt.Errorf("unexpected message of kind %d", k)
}

func (p *peer) started(b []byte) error {
	s, err := parseStarted(b)
	if err != nil {
		return err
	}
	p.r.mu.Lock()
	p.work.pid, p.work.wall = s.pid, s.wall
	p.r.mu.Unlock()
	p.mu.Lock()
	guardian := p.pid
	p.mu.Unlock()
	p.r.handler.Started(s.attempt, Start{PID: s.pid, Guardian: guardian, Wall: s.wall, Age: s.age})
	return nil
}

func (p *peer) failed(b []byte) error {
	a, f, err := parseFailed(b)
	if err != nil {
		return err
	}
	if w, ok := p.r.take(p, true); ok {
		p.r.files.release(w.paths)
		p.r.done(w)
		p.r.failed(a, f)
	}
	return nil
}

func (p *peer) exited(b []byte) error {
	m, err := parseExited(b)
	if err != nil {
		return err
	}
	if w, ok := p.r.take(p, !m.retire); ok {
		p.r.files.release(w.paths)
		p.r.done(w)
		p.r.handler.Exited(m.attempt, m.exit)
	}
	return nil
}

func (p *peer) killing(b []byte) error {
	a, err := parseKilling(b)
	p.r.mu.Lock()
	defer p.r.mu.Unlock()
	if w := p.work; w != nil && w.attempt == a && w.hard != nil {
		w.answered = true
		w.hard.Reset(answerTime)
	}
	return err
}

// fail reports that no guardian could be started.
func (p *peer) fail(err error) {
	p.r.forget(p)
	if w, ok := p.r.take(p, false); ok {
		p.r.files.release(w.paths)
		p.r.done(w)
		p.r.failed(w.attempt, Failure{Err: err.Error(), Exhausted: exhausted(err)})
	}
}

// end cleans up after a guardian, and reports its attempt if it had one.
func (p *peer) end(cause error) {
	p.r.forget(p)
	p.mu.Lock()
	pid, quitted := p.pid, p.quitted
	p.mu.Unlock()
	if !quitted || errors.Is(cause, os.ErrDeadlineExceeded) {
		p.r.family.kill(pid)
	}
	p.orders.close()
	p.reports.close()
	p.r.family.reap(pid)
	p.r.cgroups.leave(pid)
	if w, ok := p.r.take(p, false); ok {
		p.lost(w)
	}
}

// lost reports an attempt whose guardian was killed.
func (p *peer) lost(w *work) {
	if p.r.cfg.Subreaper {
		p.r.family.sweep()
	}
	p.r.files.release(w.paths)
	p.r.done(w)
	if w.pid == 0 {
		p.r.failed(w.attempt, p.unstarted(w))
		return
	}
	p.r.handler.Exited(w.attempt, Exit{PID: w.pid, Code: -int(unix.SIGKILL), Wall: w.wall,
		Duration: time.Duration(max(time.Now().UnixMicro()-w.wall, 0)) * time.Microsecond,
		Warnings: []string{"the guardian process of the job was killed, and the job with it; its cost and output are lost"}})
}

// unstarted says why a guardian that has ended told of no start. One that was never ready may have lacked threads, which others
// can set free; any other may have got as far as starting the command.
func (p *peer) unstarted(w *work) Failure {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ready && w.hard == nil { // and was not killed for being slow
		return Failure{Err: "the guardian process ended before it was ready to start the command, perhaps for lack of processes or memory", Exhausted: true}
	}
	return Failure{Err: "the guardian process was killed while it was starting the command, which may have run for a moment"}
}

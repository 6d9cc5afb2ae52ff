package proc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// The guardian's own descriptors, as the Runner hands them over.
const (
	nullFD       = 0 // /dev/null, readable and writable
	hostStdoutFD = 1
	hostStderrFD = 2
)

// readLimit is how much is taken from a pipe before the guardian looks at its other duties.
const readLimit = 1 << 20

// outputs are the streams of an attempt: what the job gets, until it has it, and what is captured.
type outputs struct {
	stdin, stdout, stderr int
	opened                []int // to be closed once the job has them
	out, err              *capture
	warnings              []string
}

// captures gives the streams that are captured.
func (o *outputs) captures(yield func(*capture) bool) {
	for _, c := range [...]*capture{o.out, o.err} {
		if c != nil && !yield(c) {
			return
		}
	}
}

// wait adds what to poll, and gives the time of the next read that is due whatever comes; the zero time if there is none.
func (o *outputs) wait(fds []unix.PollFd, now time.Time) (all []unix.PollFd, due time.Time) {
	for c := range o.captures {
		switch {
		case c.fd < 0:
		case !c.due.After(now):
			fds = append(fds, unix.PollFd{Fd: int32(c.fd), Events: unix.POLLIN})
		case due.IsZero() || c.due.Before(due):
			due = c.due
		}
	}
	return fds, due
}

func (o *outputs) read() {
	for c := range o.captures {
		c.read(readLimit)
	}
}

// finish gives what was captured, which is valid until forget.
func (o *outputs) finish() (stdout, stderr *captured) {
	if o.out != nil {
		stdout = o.out.finish()
	}
	if o.err != nil {
		stderr = o.err.finish()
	}
	return stdout, stderr
}

func (o *outputs) forget() {
	for c := range o.captures {
		c.forget()
	}
}

// discard closes everything, for a job that could not be started.
func (o *outputs) discard() {
	o.closeOpened()
	for c := range o.captures {
		c.close()
	}
}

func (o *outputs) closeOpened() {
	for _, fd := range o.opened {
		_ = unix.Close(fd)
	}
	o.opened = nil
}

// openOutputs opens the streams of a command.
func openOutputs(c *Command, mem *stores) (o outputs, err error) {
	o.stdin = nullFD
	if c.Stdin != "" {
		if o.stdin, err = openFile(c.Stdin, unix.O_RDONLY); err != nil {
			return o, fmt.Errorf("open stdin %q: %w", c.Stdin, err)
		}
		o.opened = append(o.opened, o.stdin)
	}
	if o.stdout, o.out, err = o.open("stdout", c.Stdout, hostStdoutFD, &mem[0]); err != nil {
		return o, err
	}
	if c.Stderr.Kind == Merge {
		o.stderr = o.stdout
	} else if o.stderr, o.err, err = o.open("stderr", c.Stderr, hostStderrFD, &mem[1]); err != nil {
		return o, err
	}
	if c.Stdout.Kind == File && c.Stderr.Kind == File && sameFile(o.stdout, o.stderr) {
		o.stderr = o.stdout
	}
	o.stamp(c)
	for pipe := range o.captures {
		pipe.narrow = c.MemLimit > 0 || c.MemGroup
	}
	return o, nil
}

func (o *outputs) open(name string, out Output, inherited int, mem *store) (fd int, c *capture, err error) {
	switch out.Kind {
	case Inherit:
		return inherited, nil, nil
	case Null:
		return nullFD, nil, nil
	case Pipe:
		c, fd, err = newPipe(mem)
	case File:
		fd, err = openAppend(out.Path)
		if err != nil {
			err = fmt.Errorf("open %s file %q: %w", name, out.Path, err)
		}
	default:
		err = fmt.Errorf("%s: no such kind of output: %d", name, out.Kind)
	}
	if err == nil {
		o.opened = append(o.opened, fd)
	}
	return fd, c, err
}

// openAppend opens a file for appending, and makes it with its folders.
func openAppend(path string) (int, error) {
	const flags = unix.O_WRONLY | unix.O_APPEND | unix.O_CREAT
	fd, err := openFile(path, flags)
	if !errors.Is(err, unix.ENOENT) {
		return fd, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return -1, err
	}
	return openFile(path, flags)
}

// openFile opens a path. A named pipe blocks until its other end is opened, as in a shell; the guardian still notices then
// that its server died, and the server ends a guardian that does not answer.
func openFile(path string, flags int) (fd int, err error) {
	serverGone := func() bool { return false }
	var st unix.Stat_t
	if unix.Stat(path, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFIFO {
		w := watchServer()
		defer w.stop()
		serverGone = w.gone.Load
	}
	for {
		fd, err = unix.Open(path, flags|unix.O_CLOEXEC|unix.O_NOCTTY, 0o666)
		if err != unix.EINTR || serverGone() {
			return fd, err
		}
	}
}

// stamp writes the time into files that have content. A failure does not keep the job from running.
func (o *outputs) stamp(c *Command) {
	if c.Stdout.Kind == File {
		o.stampFile(o.stdout, c.Stdout.Path)
	}
	if c.Stderr.Kind == File && o.stderr != o.stdout {
		o.stampFile(o.stderr, c.Stderr.Path)
	}
}

func (o *outputs) stampFile(fd int, path string) {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size == 0 {
		return
	}
	line := time.Now().Format("# 2006-01-02T15:04:05-07:00\n")
	if !endsLine(path, st.Size) {
		line = "\n" + line
	}
	if _, err := unix.Write(fd, []byte(line)); err != nil {
		o.warnings = append(o.warnings, fmt.Sprintf("write the time to output file %q: %v", path, err))
	}
}

// endsLine says that a file of a size ends with a line break, or that this can't be seen.
func endsLine(path string, size int64) bool {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return true
	}
	defer unix.Close(fd)
	var last [1]byte
	n, err := unix.Pread(fd, last[:], size-1)
	return n < 1 || err != nil || last[0] == '\n'
}

func sameFile(a, b int) bool {
	var x, y unix.Stat_t
	return unix.Fstat(a, &x) == nil && unix.Fstat(b, &y) == nil && x.Dev == y.Dev && x.Ino == y.Ino
}

// serverWatch interrupts the system call in which this thread is blocked once the server's end of the socket is closed.
type serverWatch struct {
	gone atomic.Bool
	stop func()
}

// interruption is the signal for it, which a guardian has no other use for.
const interruption = unix.SIGURG

func watchServer() *serverWatch {
	w := &serverWatch{stop: func() {}}
	var p [2]int
	if interrupting(interruption) != nil || unix.Pipe2(p[:], unix.O_CLOEXEC) != nil {
		return w
	}
	tid, done := unix.Gettid(), make(chan struct{})
	runtime.GOMAXPROCS(2) // so that a second thread runs although the first one is blocked, without the runtime's monitor
	go func() {
		defer close(done)
		w.watch(tid, p[0])
	}()
	w.stop = func() {
		_ = unix.Close(p[1])
		<-done
		runtime.GOMAXPROCS(1)
		_ = unix.Close(p[0])
	}
	return w
}

// watch runs until the other end of a pipe is closed. It interrupts the thread time and again, as that may be about to block.
func (w *serverWatch) watch(tid, end int) {
	fds := []unix.PollFd{{Fd: int32(end)}, {Fd: guardianOrders, Events: unix.POLLRDHUP}}
	timeout := time.Duration(-1)
	for {
		err := poll(fds, timeout)
		if err != nil && err != unix.EINTR || err == nil && fds[0].Revents != 0 {
			return
		}
		if err == nil && len(fds) > 1 && fds[1].Revents != 0 {
			w.gone.Store(true)
			fds, timeout = fds[:1], 10*time.Millisecond
		}
		if w.gone.Load() {
			_ = unix.Tgkill(unix.Getpid(), tid, interruption)
		}
	}
}

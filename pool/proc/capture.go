package proc

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// captureLimit is how much of the start and of the end of a stream is kept, each.
const captureLimit = 1 << 20

// capture reads a pipe and keeps the two ends of what came.
type capture struct {
	fd    int      // read end, -1 at end of file
	head  [][]byte // in the pieces in which it was read
	kept  int      // bytes in head
	tail  []byte   // a ring once it is full
	at    int      // where the ring continues
	total int64

	last  time.Time     // when something was read
	pause time.Duration // between reads of a stream that goes on; 0 until the pipe was widened
	due   time.Time     // of the next read, unless the job ends before
}

// newPipe makes a capture and the write end for the job.
func newPipe() (*capture, int, error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return nil, -1, fmt.Errorf("make a pipe for the output: %w", err)
	}
	if err := unix.SetNonblock(p[0], true); err != nil {
		_ = unix.Close(p[0])
		_ = unix.Close(p[1])
		return nil, -1, os.NewSyscallError("set a pipe nonblocking", err)
	}
	return &capture{fd: p[0]}, p[1], nil
}

// read takes what the pipe has, up to limit bytes, so that a job that writes all the time can't keep the guardian busy.
func (c *capture) read(buf []byte, limit int) {
	before := c.total
	for limit > 0 && c.fd >= 0 {
		to := c.space(buf)
		n, err := unix.Read(c.fd, to)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			limit = 0
		case err != nil || n == 0:
			c.close()
		default:
			c.add(to[:n])
			limit -= n
		}
	}
	if c.total > before && c.fd >= 0 {
		c.pace(time.Now())
	}
}

const (
	// goesOn is the time between two reads within which a stream counts as one that goes on.
	goesOn = 10 * time.Millisecond
	// A wide pipe is read at intervals in which a fast job fills half of it. Plain users have 64 MiB for all of their pipes (pipe-user-pages-soft).
	widePipe  = 512 << 10
	widePause = 250 * time.Microsecond
)

// pace has a stream that goes on read at intervals: a guardian that wakes for each write takes the job's CPU each time.
func (c *capture) pace(now time.Time) {
	on := now.Sub(c.last) < goesOn
	c.last = now
	if !on {
		return
	}
	if c.pause == 0 {
		if _, err := unix.FcntlInt(uintptr(c.fd), unix.F_SETPIPE_SZ, widePipe); err != nil {
			return
		}
		c.pause = widePause
	}
	c.due = now.Add(c.pause)
}

func (c *capture) close() {
	if c.fd >= 0 {
		_ = unix.Close(c.fd)
		c.fd = -1
	}
}

// A short output needs no more than the first piece.
const (
	firstPiece = 4 << 10
	piece      = 64 << 10
)

// space gives where to read to: the free room of the head, and buf once that is full.
func (c *capture) space(buf []byte) []byte {
	if c.kept == captureLimit {
		return buf
	}
	last := len(c.head) - 1
	if last < 0 || len(c.head[last]) == cap(c.head[last]) {
		size := piece
		if last < 0 {
			size = firstPiece
		}
		c.head = append(c.head, make([]byte, 0, min(size, captureLimit-c.kept)))
		last++
	}
	free := c.head[last]
	return free[len(free):cap(free)]
}

// add takes what was read to the space.
func (c *capture) add(b []byte) {
	c.total += int64(len(b))
	if c.kept < captureLimit {
		last := len(c.head) - 1
		c.head[last] = c.head[last][:len(c.head[last])+len(b)]
		c.kept += len(b)
		return
	}
	n := min(captureLimit-len(c.tail), len(b))
	c.tail = append(c.tail, b[:n]...)
	for b = b[n:]; len(b) > 0; b = b[n:] {
		n = copy(c.tail[c.at:], b)
		c.at = (c.at + n) % captureLimit
	}
}

// finish takes what is still in the pipe and closes it. A process outside of the tree that got hold of the
// write end is not waited for.
func (c *capture) finish(buf []byte) *captured {
	if c.fd >= 0 {
		if n, err := unix.IoctlGetInt(c.fd, unix.TIOCINQ); err == nil {
			c.read(buf, n)
		}
	}
	c.close()
	kept := append(c.head, c.tail[c.at:], c.tail[:c.at])
	return &captured{pieces: kept, head: c.kept, truncated: c.total - int64(c.kept+len(c.tail))}
}

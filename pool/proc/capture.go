package proc

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// captureLimit is how much of the start and of the end of a stream is kept, each.
const captureLimit = 1 << 20

// capture reads a pipe and keeps the two ends of what came.
type capture struct {
	fd    int // read end, -1 at end of file
	head  []byte
	tail  []byte // a ring once it is full
	at    int    // where the ring continues
	total int64
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
	for limit > 0 && c.fd >= 0 {
		to := c.space(buf)
		n, err := unix.Read(c.fd, to)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return
		case err != nil || n == 0:
			c.close()
		default:
			c.add(to[:n])
			limit -= n
		}
	}
}

func (c *capture) close() {
	if c.fd >= 0 {
		_ = unix.Close(c.fd)
		c.fd = -1
	}
}

// space gives where to read to: the free room of the head, and buf once that is full.
func (c *capture) space(buf []byte) []byte {
	if len(c.head) == captureLimit {
		return buf
	}
	if len(c.head) == cap(c.head) {
		grown := make([]byte, len(c.head), min(max(2*len(c.head), firstHead), captureLimit))
		copy(grown, c.head)
		c.head = grown
	}
	return c.head[len(c.head):cap(c.head)]
}

// firstHead is the room for a short output.
const firstHead = 4 << 10

// add takes what was read to the space.
func (c *capture) add(b []byte) {
	c.total += int64(len(b))
	if len(c.head) < captureLimit {
		c.head = c.head[:len(c.head)+len(b)]
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
func (c *capture) finish(buf []byte) *Capture {
	if c.fd >= 0 {
		if n, err := unix.IoctlGetInt(c.fd, unix.TIOCINQ); err == nil {
			c.read(buf, n)
		}
	}
	c.close()
	if len(c.tail) == 0 {
		return &Capture{Data: c.head, Head: len(c.head)}
	}
	data := make([]byte, 0, len(c.head)+len(c.tail))
	data = append(data, c.head...)
	data = append(data, c.tail[c.at:]...)
	data = append(data, c.tail[:c.at]...)
	return &Capture{Data: data, Head: len(c.head), Truncated: c.total - int64(len(data))}
}

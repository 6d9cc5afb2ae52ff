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
	fd    int // read end, -1 at end of file
	mem   store
	total int // bytes that came

	narrow bool          // the pipe stays as it is: what it holds counts as memory of the job
	last   time.Time     // when something was read
	pause  time.Duration // between reads of a stream that goes on; 0 until the pipe was widened
	due    time.Time     // of the next read, unless the job ends before
}

// newPipe makes a capture, and the write end for the job.
func newPipe(mem *store) (*capture, int, error) {
	if err := mem.make(); err != nil {
		return nil, -1, err
	}
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return nil, -1, fmt.Errorf("make a pipe for the output: %w", err)
	}
	if err := unix.SetNonblock(p[0], true); err != nil {
		_ = unix.Close(p[0])
		_ = unix.Close(p[1])
		return nil, -1, os.NewSyscallError("set a pipe nonblocking", err)
	}
	return &capture{fd: p[0], mem: *mem}, p[1], nil
}

// read takes what the pipe has, up to limit bytes, so that a job that writes all the time can't keep the guardian busy.
func (c *capture) read(limit int) {
	before := c.total
	for limit > 0 && c.fd >= 0 {
		to := c.space()
		n, err := unix.Read(c.fd, to[:min(limit, len(to))])
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			limit = 0
		case err != nil || n == 0:
			c.close()
		default:
			c.total += n
			limit -= n
		}
	}
	if c.total > before && c.fd >= 0 {
		c.pace(time.Now())
	}
}

// space gives where to read to.
func (c *capture) space() []byte {
	if c.total < captureLimit {
		return c.mem[c.total:captureLimit]
	}
	return c.mem[captureLimit+c.total%captureLimit:]
}

const (
	// goesOn is the time between two reads within which a stream counts as one that goes on.
	goesOn = 10 * time.Millisecond
	// widePause is the time between two reads of a wide pipe, in which a fast job fills half of it.
	widePause = 250 * time.Microsecond
)

// pace has a stream that goes on read at intervals: a guardian that wakes for each write takes the job's CPU each time.
func (c *capture) pace(now time.Time) {
	on := now.Sub(c.last) < goesOn
	c.last = now
	if !on || c.narrow {
		return
	}
	if c.pause == 0 {
		if setPipeSize(c.fd, captureSize) != nil {
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

// finish takes what is still in the pipe and closes it. A process outside of the tree that got hold of the
// write end is not waited for.
func (c *capture) finish() *captured {
	if c.fd >= 0 {
		if n, err := unix.IoctlGetInt(c.fd, unix.TIOCINQ); err == nil {
			c.read(n)
		}
	}
	c.close()
	if c.total <= len(c.mem) {
		return &captured{pieces: [][]byte{c.mem[:c.total]}, head: min(c.total, captureLimit)}
	}
	oldest := captureLimit + c.total%captureLimit
	return &captured{pieces: [][]byte{c.mem[:captureLimit], c.mem[oldest:], c.mem[captureLimit:oldest]}, head: captureLimit,
		truncated: int64(c.total - len(c.mem))}
}

// store is memory for a stream, of one attempt after another: captureLimit for the start, then as much for the end, which is a ring. It lies
// outside of Go's heap, which would keep what is not used any more: the kernel tells the peak of a guardian as that of each smaller job that it starts.
type store []byte

// stores are those of a guardian's jobs, for stdout and stderr.
type stores [2]store

// make makes the memory at first.
func (s *store) make() error {
	if *s != nil {
		return nil
	}
	mem, err := unix.Mmap(-1, 0, 2*captureLimit, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return fmt.Errorf("make room for the output: %w", err)
	}
	_ = unix.Madvise(mem, unix.MADV_NOHUGEPAGE) // most outputs are short
	*s = mem
	return nil
}

// storeKept is what stays in memory between attempts.
const storeKept = 64 << 10

// forget gives the memory of a large output back.
func (c *capture) forget() {
	if c.total <= storeKept {
		return
	}
	_ = unix.Madvise(c.mem[storeKept:], unix.MADV_DONTNEED)
	resetPeak()
}

// resetPeak sets the peak of this process's memory to what it has.
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

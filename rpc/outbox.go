package rpc

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

const (
	// DefaultHigh is how many unsent bytes put an Outbox under pressure.
	DefaultHigh = 64 << 20

	chunkSize = 64 << 10 // lines are collected, and written, in chunks of this size
	maxSpare  = 16       // chunks kept for reuse; the rest goes back after a burst
)

// OutboxOptions are the settings of an Outbox. The zero value is good.
//
// The functions are called one after another on a goroutine of the Outbox,
// never inside one of its methods. Until one returns, the next has to wait, but
// lines go out all the same.
type OutboxOptions struct {
	// High is how many unsent bytes put it under pressure; 0 for DefaultHigh.
	High int
	// Pressure is told that pressure began, and that it ended, in turns.
	Pressure func(on bool)
	// Closed is told once that lines were lost, and no line gets out any more: a
	// write failed, or Close gave up.
	Closed func(err error)
}

// Outbox writes lines in the order in which they were enqueued, as many at a
// time as there are. Its methods may be called from any goroutine, and none but
// Close ever blocks.
//
// After a write has failed, and after Close, lines are discarded.
type Outbox struct {
	w       io.Writer
	options OutboxOptions
	pressed atomic.Bool
	written chan struct{} // closed when the writer has ended

	mu       sync.Mutex
	work     sync.Cond     // for the writer: there is something to write, or the end
	news     sync.Cond     // for the teller: pressure, err or finished may have changed
	queue    []*segment    // never empty; lines are added to the last one
	spare    [][]byte      // chunks to use again
	unsent   int           // bytes in the queue and in the current write
	relieved chan struct{} // closed when pressure ends; nil without pressure
	closing  bool          // no more lines come
	finished bool          // the writer has ended
	err      error         // of the write that failed
}

// segment is a stretch of the queue. While it is reserved, a line is to come
// before its own, and nothing from it on can be written.
type segment struct {
	chunks   [][]byte // whole lines each
	reserved bool
}

// NewOutbox starts an Outbox that writes to w. Close ends it.
func NewOutbox(w io.Writer, options OutboxOptions) *Outbox {
	if options.High == 0 {
		options.High = DefaultHigh
	}
	o := &Outbox{w: w, options: options, written: make(chan struct{}), queue: []*segment{{}}}
	o.work.L, o.news.L = &o.mu, &o.mu
	go o.write()
	go o.tell()
	return o
}

// Send enqueues a line, which is given without its line break and is copied.
func (o *Outbox) Send(line []byte) { o.enqueue(line, o.add) }

// Take is Send for a long line, which is not copied: its memory is the Outbox's.
func (o *Outbox) Take(line []byte) { o.enqueue(line, addOwn) }

func (o *Outbox) enqueue(line []byte, add func(*segment, []byte)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended() {
		return
	}
	add(o.queue[len(o.queue)-1], line)
	o.grew(len(line) + 1)
}

// Unsent returns how many bytes are enqueued and not yet written.
func (o *Outbox) Unsent() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.unsent
}

// Pressed tells whether the Outbox is under pressure.
func (o *Outbox) Pressed() bool { return o.pressed.Load() }

// relief returns a channel that is closed once there is no pressure.
func (o *Outbox) relief() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.relieved == nil {
		return closedChan
	}
	return o.relieved
}

var closedChan = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// Close waits until all lines are written, or for ctx, and ends the Outbox.
// Places that are still reserved are given up. It returns the error of the
// write that failed, if one did, or says how much was left when ctx ended; a
// write that is stuck then stays so until its writer lets go.
func (o *Outbox) Close(ctx context.Context) error {
	o.mu.Lock()
	o.closing = true
	for _, s := range o.queue {
		s.reserved = false
	}
	o.work.Signal()
	o.mu.Unlock()

	select {
	case <-o.written:
	case <-ctx.Done():
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil && o.unsent > 0 {
		o.fail(fmt.Errorf("closing the output with %d bytes unsent: %w", o.unsent, ctx.Err()))
	}
	return o.err
}

// reserve keeps a place for a line at the end of the queue. Lines that are
// sent later wait for fill or release.
func (o *Outbox) reserve() *segment {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := &segment{reserved: !o.ended()}
	if s.reserved {
		o.queue = append(o.queue, s)
	}
	return s
}

// fill puts a line in its reserved place. It does nothing if the place was
// given up by Close or a failure.
func (o *Outbox) fill(s *segment, line []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !s.reserved || o.ended() {
		return
	}
	s.reserved = false
	chunk := append(append(make([]byte, 0, len(line)+1), line...), '\n')
	s.chunks = append([][]byte{chunk}, s.chunks...)
	o.grew(len(line) + 1)
}

// release gives a reserved place up.
func (o *Outbox) release(s *segment) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s.reserved = false
	o.work.Signal()
}

func (o *Outbox) ended() bool { return o.closing || o.err != nil }

// add appends a line to the last chunk of s, or to a new one.
func (o *Outbox) add(s *segment, line []byte) {
	last := len(s.chunks) - 1
	if last < 0 || len(s.chunks[last])+len(line) >= cap(s.chunks[last]) {
		s.chunks = append(s.chunks, o.chunk(len(line)+1))
		last++
	}
	s.chunks[last] = append(append(s.chunks[last], line...), '\n')
}

// addOwn makes a line a chunk of s.
func addOwn(s *segment, line []byte) { s.chunks = append(s.chunks, append(line, '\n')) }

// chunk returns an empty chunk with room for n bytes.
func (o *Outbox) chunk(n int) []byte {
	if n > chunkSize {
		return make([]byte, 0, n)
	}
	if last := len(o.spare) - 1; last >= 0 {
		c := o.spare[last]
		o.spare = o.spare[:last]
		return c
	}
	return make([]byte, 0, chunkSize)
}

// grew accounts for n bytes more and wakes who has to know.
func (o *Outbox) grew(n int) {
	o.unsent += n
	if o.unsent > o.options.High && o.relieved == nil {
		o.relieved = make(chan struct{})
		o.pressed.Store(true)
		o.news.Signal()
	}
	o.work.Signal()
}

// shrank accounts for n bytes less.
func (o *Outbox) shrank(n int) {
	o.unsent -= n
	if o.relieved != nil && 2*o.unsent < o.options.High {
		close(o.relieved)
		o.relieved = nil
		o.pressed.Store(false)
		o.news.Signal()
	}
}

// fail discards everything and ends the Outbox.
func (o *Outbox) fail(err error) {
	if o.err == nil {
		o.err = err
	}
	o.queue = []*segment{{}}
	o.spare = nil
	o.shrank(o.unsent)
	o.news.Signal()
}

// write is the goroutine that writes.
func (o *Outbox) write() {
	defer o.finish()
	for {
		chunk := o.take()
		if chunk == nil {
			return
		}
		for rest := chunk; len(rest) > 0; {
			piece := rest[:min(len(rest), chunkSize)]
			rest = rest[len(piece):]
			n, err := o.w.Write(piece)
			if err == nil && n < len(piece) {
				err = io.ErrShortWrite
			}
			if !o.wrote(len(piece), err) {
				return
			}
		}
		o.recycle(chunk)
	}
}

// finish ends the goroutine that writes, and with it the other one.
func (o *Outbox) finish() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.finished = true
	o.news.Signal()
	close(o.written)
}

// take waits for a chunk that may be written and removes it from the queue. It
// returns nil at the end.
func (o *Outbox) take() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.err == nil {
		for len(o.queue) > 1 && !o.queue[0].reserved && len(o.queue[0].chunks) == 0 {
			o.queue[0] = nil
			o.queue = o.queue[1:]
		}
		if s := o.queue[0]; !s.reserved && len(s.chunks) > 0 {
			chunk := s.chunks[0]
			s.chunks[0] = nil
			if s.chunks = s.chunks[1:]; len(s.chunks) == 0 {
				s.chunks = nil
			}
			return chunk
		}
		if o.closing {
			return nil
		}
		o.work.Wait()
	}
	return nil
}

// wrote accounts for a write of n bytes and tells whether to go on.
func (o *Outbox) wrote(n int, err error) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil { // Close gave up
		return false
	}
	if err != nil {
		o.fail(fmt.Errorf("writing %d bytes of output: %w", n, err))
		return false
	}
	o.shrank(n)
	return true
}

// recycle keeps a written chunk for reuse.
func (o *Outbox) recycle(chunk []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if cap(chunk) == chunkSize && len(o.spare) < maxSpare {
		o.spare = append(o.spare, chunk[:0])
	}
}

// tell is the goroutine that calls the functions of the options.
func (o *Outbox) tell() {
	told := false
	for {
		pressed, end, err := o.wait(told)
		if pressed != told && o.options.Pressure != nil {
			o.options.Pressure(pressed)
		}
		told = pressed
		if err != nil && o.options.Closed != nil {
			o.options.Closed(err)
		}
		if end || err != nil {
			return
		}
	}
}

// wait waits for something to tell.
func (o *Outbox) wait(told bool) (pressed, end bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for (o.relieved != nil) == told && o.err == nil && !o.finished {
		o.news.Wait()
	}
	return o.relieved != nil, o.finished, o.err
}

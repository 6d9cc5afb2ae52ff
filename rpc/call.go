package rpc

import (
	"encoding/json"
	"sync"
	"sync/atomic"

	"expool/rpc/wire"
)

// Call is one request or notification of the client. It is to be answered
// exactly once, by Reply or Fail, which may be called from any goroutine and at
// any time; a second answer is a fault of the program and is ignored.
type Call struct {
	// Method is its name, known or not.
	Method string
	// Params are as the client wrote them, nil if absent: an object, or
	// anything else that is JSON. They are valid until Handle returns.
	Params json.RawMessage

	id       []byte // as written; nil for a notification
	room     [20]byte
	answered atomic.Bool
	out      *Outbox
	window   window // where it has a place until it is answered, or waits
	batch    *batch // nil for a call by itself
	slot     int    // in the batch
}

// window bounds how many calls are carried out at a time, so that the lines of a fast client wait in its pipe rather than as calls in
// memory, where collecting garbage would take longer and longer. A nil window is none.
type window chan struct{}

// windowSize keeps the pool's loop busy while further lines are read.
const windowSize = 1024

// enter waits for a place.
func (w window) enter() { w <- struct{}{} }

func (w window) leave() {
	if w != nil {
		<-w
	}
}

// Notification tells whether the client wants no answer. Reply and Fail then
// send nothing, but may be called alike.
func (c *Call) Notification() bool { return c.id == nil }

// Waits says that the call will be answered only after events that the client
// has to get before. It must be called inside Handle. Without it, the events
// that follow a batch would wait for the response of the batch.
func (c *Call) Waits() {
	c.window.leave()
	c.window = nil
	if c.batch != nil {
		c.batch.release()
	}
}

// Reply answers with a result.
func (c *Call) Reply(result wire.Appender) { c.answer(result, nil) }

// Fail answers with an error.
func (c *Call) Fail(err *wire.Error) { c.answer(nil, err) }

// answeredTwice is called on a second answer. Tests replace it by a panic.
var answeredTwice = func(*Call) {}

func (c *Call) answer(result wire.Appender, err *wire.Error) {
	if c.answered.Swap(true) {
		answeredTwice(c)
		return
	}
	c.window.leave()
	if c.id == nil {
		return
	}
	line := scratch.Get().(*[]byte)
	*line = appendResponse((*line)[:0], c.id, result, err)
	if c.batch == nil {
		send(c.out, line)
		return
	}
	c.batch.put(c.slot, *line)
	if cap(*line) <= chunkSize {
		scratch.Put(line)
	}
}

// send sends a line whose buffer is from scratch, and gives that back; one that has grown large it gives away.
func send(out *Outbox, line *[]byte) {
	if cap(*line) > chunkSize {
		out.Take(*line)
		return
	}
	out.Send(*line)
	scratch.Put(line)
}

// scratch holds buffers for lines.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

// appendResponse appends a response to the id as it was written; with an error,
// that is the answer.
func appendResponse(b, id []byte, result wire.Appender, err *wire.Error) []byte {
	b = append(b, `{"jsonrpc":"2.0","id":`...)
	b = append(b, id...)
	if err != nil {
		b = err.Append(append(b, `,"error":`...))
	} else {
		b = result.Append(append(b, `,"result":`...))
	}
	return append(b, '}')
}

// batch collects the responses to the elements of a batch.
type batch struct {
	out *Outbox

	mu        sync.Mutex
	responses [][]byte // by slot, in the order of the calls
	left      int      // how many are still missing
	place     *segment // where the response goes; nil for the end of the queue
}

// newBatch reserves the place for the response to n calls.
func newBatch(out *Outbox, n int) *batch {
	return &batch{out: out, responses: make([][]byte, n), left: n, place: out.reserve()}
}

// put adds the response of a slot, which is copied, and sends all after the
// last one.
func (b *batch) put(slot int, response []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.responses[slot] = append([]byte(nil), response...)
	if b.left--; b.left > 0 {
		return
	}
	line := b.join()
	b.responses = nil
	if b.place != nil {
		b.out.fill(b.place, line)
	} else {
		b.out.Send(line)
	}
}

func (b *batch) join() []byte {
	size := len(b.responses) + 1
	for _, r := range b.responses {
		size += len(r)
	}
	line := append(make([]byte, 0, size), '[')
	for i, r := range b.responses {
		if i > 0 {
			line = append(line, ',')
		}
		line = append(line, r...)
	}
	return append(line, ']')
}

// release lets the batch reply at its end.
func (b *batch) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.place != nil {
		b.out.release(b.place)
		b.place = nil
	}
}

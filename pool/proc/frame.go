package proc

import (
	"encoding/binary"
	"fmt"
)

// A frame is four bytes of length (little-endian, counting what follows), one byte of kind, and fields without names:
// varints, and strings and lists that start with their length as a uvarint. Both ends are the same binary, so the format has
// no version.

// kind is the type of a frame.
type kind byte

const (
	kindHello   kind = iota + 1 // server to guardian, once: the environment of jobs
	kindStart                   // server to guardian: attempt, command
	kindSignal                  // server to guardian: attempt, signal
	kindStarted                 // guardian to server: attempt, pid, wall
	kindFailed                  // guardian to server: attempt, failure
	kindExited                  // guardian to server: attempt, exit
	kindKilling                 // guardian to server: attempt; a hard kill was received and is being carried out
	kindReady                   // guardian to server, once: nothing; it has all that it needs for starting commands
)

const (
	frameHeader = 5
	// frameLimit bounds what a broken peer can make us allocate. The kernel takes 6 MB of arguments at most.
	frameLimit = 256 << 20
)

// encoder appends frames to a buffer.
type encoder struct {
	b     []byte
	start int // of the current frame
}

func (e *encoder) begin(k kind) {
	e.start = len(e.b)
	e.b = append(e.b, 0, 0, 0, 0, byte(k))
}

func (e *encoder) end() { e.endBefore(0) }

// endBefore ends what is appended of a frame, to which n bytes more belong.
func (e *encoder) endBefore(n int) {
	binary.LittleEndian.PutUint32(e.b[e.start:], uint32(len(e.b)-e.start-4+n))
}

func (e *encoder) int(v int64) { e.b = binary.AppendVarint(e.b, v) }

func (e *encoder) bool(v bool) {
	if v {
		e.b = append(e.b, 1)
	} else {
		e.b = append(e.b, 0)
	}
}

func (e *encoder) str(s string) {
	e.b = binary.AppendUvarint(e.b, uint64(len(s)))
	e.b = append(e.b, s...)
}

func (e *encoder) strs(list []string) {
	e.b = binary.AppendUvarint(e.b, uint64(len(list)))
	for _, s := range list {
		e.str(s)
	}
}

// decoder takes fields off a frame. After the first error it returns zero values, so that callers check once.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail(what string) {
	if d.err == nil {
		d.err = fmt.Errorf("malformed frame: %s", what)
	}
	d.b = nil
}

func (d *decoder) int() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail("bad integer")
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) bool() bool {
	if len(d.b) == 0 {
		d.fail("bad boolean")
		return false
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v != 0
}

// size reads the length of a string or list, each of whose elements takes a byte at least.
func (d *decoder) size() int {
	v, n := binary.Uvarint(d.b)
	if n <= 0 || v > uint64(len(d.b)-n) {
		d.fail("bad length")
		return 0
	}
	d.b = d.b[n:]
	return int(v)
}

func (d *decoder) str() string { return string(d.take(d.size())) }

// take returns a part of the frame itself, not a copy.
func (d *decoder) take(n int) []byte {
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v
}

// keep returns n bytes for good.
func (d *decoder) keep(n int) []byte {
	if n < 0 || n > len(d.b) {
		d.fail("bad length")
		return nil
	}
	v := d.take(n)
	if n <= inboxSize {
		v = append([]byte{}, v...) // the frame's memory is used again
	}
	return v
}

func (d *decoder) strs() []string {
	n := d.size()
	if n == 0 {
		return nil
	}
	list := make([]string, 0, n)
	for range n {
		list = append(list, d.str())
	}
	return list
}

// finish reports the first error, trailing bytes included.
func (d *decoder) finish() error {
	if d.err == nil && len(d.b) != 0 {
		d.fail("trailing bytes")
	}
	return d.err
}

// inbox cuts a stream of bytes into frames.
type inbox struct {
	buf        []byte
	start, end int // what was received and not yet taken
}

const inboxSize = 8 << 10

// space returns where to receive into; received says how much came.
func (in *inbox) space() []byte {
	if in.start == in.end {
		in.start, in.end = 0, 0
		if len(in.buf) != inboxSize { // also gives back the memory of a large frame
			in.buf = make([]byte, inboxSize)
		}
		return in.buf
	}
	if in.start > 0 {
		in.end = copy(in.buf, in.buf[in.start:in.end])
		in.start = 0
	}
	if need := in.pending(); len(in.buf) < need {
		in.buf = append(make([]byte, 0, need), in.buf[:in.end]...)[:need]
	}
	return in.buf[in.end:]
}

func (in *inbox) received(n int) { in.end += n }

// forget gives the memory back, unless there is something in it.
func (in *inbox) forget() {
	if in.start == in.end {
		*in = inbox{}
	}
}

// pending is the size of the frame at the front as far as known, and never below what is needed to know it.
func (in *inbox) pending() int {
	if in.end-in.start < frameHeader {
		return frameHeader
	}
	size := 4 + int(binary.LittleEndian.Uint32(in.buf[in.start:]))
	return max(frameHeader, min(size, frameLimit))
}

// next returns the next frame, which is valid until space is called, or for good if it is larger than inboxSize; kind 0 means that none is complete.
func (in *inbox) next() (kind, []byte, error) {
	if in.end-in.start < frameHeader {
		return 0, nil, nil
	}
	size := 4 + int64(binary.LittleEndian.Uint32(in.buf[in.start:]))
	if size < frameHeader || size > frameLimit {
		return 0, nil, fmt.Errorf("malformed frame: %d bytes long", size)
	}
	if int64(in.end-in.start) < size {
		return 0, nil, nil
	}
	f := in.buf[in.start : in.start+int(size)]
	in.start += int(size)
	return kind(f[4]), f[frameHeader:], nil
}

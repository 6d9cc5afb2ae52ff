package rpc

import (
	"bytes"
	"errors"
	"io"
)

const (
	// MaxLine is how many bytes a line may have, without its line break.
	MaxLine = 64 << 20

	readSize   = 64 << 10 // the least room for a read
	keepBuffer = 1 << 20  // a larger buffer is given back after its line
	emptyReads = 100      // reads of nothing after which the input is at fault
)

// errTooLong is the error for a line that was skipped.
var errTooLong = errors.New("line too long")

// lineReader splits an input into lines.
type lineReader struct {
	in  io.Reader
	max int // bytes of a line

	buf        []byte
	start, end int   // what was read and not yet returned
	searched   int   // how much of that has no line break
	err        error // of the input, after all that was read
}

// next returns the next line without its line break, LF or CRLF; it is valid
// until the next call. The last line needs none. A line beyond max is skipped
// without being kept, and errTooLong is returned for it.
func (r *lineReader) next() ([]byte, error) {
	r.shrink()
	for {
		unsearched := r.buf[r.start+r.searched : r.end]
		if i := bytes.IndexByte(unsearched, '\n'); i >= 0 {
			return r.cut(r.searched+i, 1)
		}
		r.searched = r.end - r.start
		if r.searched > r.max+len("\r") {
			return nil, r.skip()
		}
		if r.err != nil && r.searched > 0 {
			return r.cut(r.searched, 0)
		}
		if r.err != nil {
			return nil, r.err
		}
		r.fill()
	}
}

// cut returns the first n bytes as a line and moves past them and the line
// break.
func (r *lineReader) cut(n, lineBreak int) ([]byte, error) {
	line := bytes.TrimSuffix(r.buf[r.start:r.start+n], []byte("\r"))
	r.start += n + lineBreak
	r.searched = 0
	if len(line) > r.max {
		return nil, errTooLong
	}
	return line, nil
}

// skip moves past the line break that ends the line in the buffer.
func (r *lineReader) skip() error {
	r.buf = make([]byte, readSize)
	r.searched = 0
	for {
		r.start, r.end = 0, 0
		if r.err != nil {
			return errTooLong
		}
		r.fill()
		if i := bytes.IndexByte(r.buf[:r.end], '\n'); i >= 0 {
			r.start = i + 1
			return errTooLong
		}
	}
}

// fill reads once, or sets err.
func (r *lineReader) fill() {
	r.makeRoom()
	for range emptyReads {
		n, err := r.in.Read(r.buf[r.end:])
		r.end += n
		r.err = err
		if n > 0 || err != nil {
			return
		}
	}
	r.err = io.ErrNoProgress
}

// makeRoom sees to it that something can be read.
func (r *lineReader) makeRoom() {
	if r.start == r.end {
		r.start, r.end = 0, 0
	}
	if len(r.buf)-r.end >= readSize/2 {
		return
	}
	to := r.buf
	if r.end-r.start >= len(r.buf)/2 { // moving alone would not help for long
		to = make([]byte, max(readSize, min(2*len(r.buf), r.max+readSize)))
	}
	r.end = copy(to, r.buf[r.start:r.end])
	r.start = 0
	r.buf = to
}

// shrink gives back what a long line needed.
func (r *lineReader) shrink() {
	if rest := r.end - r.start; len(r.buf) > keepBuffer && rest <= readSize/2 {
		small := make([]byte, readSize)
		r.end = copy(small, r.buf[r.start:r.end])
		r.start = 0
		r.buf = small
	}
}

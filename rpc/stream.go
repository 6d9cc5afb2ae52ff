package rpc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/sourcegraph/jsonrpc2"

	"expool/rpc/wire"
)

// Handler is what the calls of a client are for. Its methods are called on the
// reading goroutine, in the order of the lines: no further line is read until
// they return.
type Handler interface {
	// Handle carries a call out, or sees to it, so that the call is answered
	// once, then or later.
	Handle(c *Call)

	// LineDone follows the calls of a line. It may wait, as Handle may not: the
	// events that a batch causes are held back until all of it is answered.
	LineDone()

	// Response takes the client's answer to the request with that id: a result,
	// which is valid until it returns, or an error. The id may be unknown, or
	// answered before. Answers to ids that are no strings don't come here, as
	// our requests have none.
	Response(id string, result json.RawMessage, err *wire.Error)
}

// Serve reads lines from in and has h carry them out, until in ends. It returns
// nil at its end, the error of a read that failed, or that of ctx. It does not
// wait for calls that are not yet answered, nor, once ctx has ended, for a read
// from in: its goroutine then ends with that read, and carries nothing out.
func Serve(ctx context.Context, in io.Reader, out *Outbox, h Handler) error {
	s := &lineStream{
		ctx:    ctx,
		reader: lineReader{in: in, max: MaxLine},
		out:    out,
		h:      h,
		ended:  make(chan struct{}),
		closed: make(chan struct{}),
	}
	return s.serve()
}

// lineStream is the connection's stream and, since the library gets nothing
// but an envelope, the other end of it as well: ReadObject parses a line, and
// Handle, which follows on the same goroutine, carries it out.
type lineStream struct {
	ctx    context.Context
	reader lineReader
	out    *Outbox
	h      Handler

	begun    bool      // the first line was read
	messages []message // of the line at hand; refer to the reader's buffer
	isBatch  bool
	envelope envelope
	method   string // the last one, to share its string

	ended  chan struct{} // closed when ReadObject has returned an error
	err    error         // that error, once ended is closed
	closed chan struct{} // closed by Close
}

var (
	_ jsonrpc2.ObjectStream = (*lineStream)(nil)
	_ jsonrpc2.Handler      = (*lineStream)(nil)
)

func (s *lineStream) serve() error {
	jsonrpc2.NewConn(s.ctx, s, s, jsonrpc2.SetLogger(noLogger{}))
	select {
	case <-s.ended:
		<-s.closed
		if errors.Is(s.err, io.EOF) {
			return nil
		}
		return fmt.Errorf("reading calls: %w", s.err)
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

// noLogger keeps the library from writing to stderr: Serve returns what there
// is to say.
type noLogger struct{}

func (noLogger) Printf(string, ...any) {}

// ReadObject reads the next line that is a message or a batch, and puts the
// envelope into v. It answers anything else by itself.
func (s *lineStream) ReadObject(v any) error {
	for {
		err := s.read()
		if err == nil && len(s.messages) > 0 {
			err = s.envelope.putInto(v)
		}
		if err != nil {
			s.err = err
			close(s.ended)
			return err
		}
		if len(s.messages) > 0 {
			return nil
		}
	}
}

// read reads one line, as soon as there is no pressure. Without messages there
// is nothing more to do for it.
func (s *lineStream) read() error {
	s.forget()
	s.awaitRelief()
	line, err := s.reader.next()
	if s.ctx.Err() != nil {
		return s.ctx.Err()
	}
	if errors.Is(err, errTooLong) {
		s.refuse(wire.Errorf(wire.CodeInvalidRequest,
			"invalid request: a line of more than %d bytes: split it up", s.reader.max))
		return nil
	}
	if err != nil {
		return err
	}
	if !s.begun {
		s.begun = true
		line = bytes.TrimPrefix(line, []byte("\uFEFF"))
	}
	if len(bytes.TrimSpace(line)) == 0 {
		return nil
	}
	var failure *wire.Error
	if s.messages, s.isBatch, failure = parseLine(line, s.messages); failure != nil {
		s.refuse(failure)
	}
	return nil
}

// awaitRelief waits while the client does not read what it is sent.
func (s *lineStream) awaitRelief() {
	if s.out.Pressed() {
		select {
		case <-s.out.relief():
		case <-s.ctx.Done():
		}
	}
}

// forget drops the messages of the last line; their room is used again unless
// it is large.
func (s *lineStream) forget() {
	if cap(s.messages) > 64 {
		s.messages = nil
	}
	clear(s.messages)
	s.messages = s.messages[:0]
}

// refuse answers a line as a whole.
func (s *lineStream) refuse(err *wire.Error) { s.out.Send(appendResponse(nil, nullID, nil, err)) }

// Handle carries out the line that ReadObject read.
func (s *lineStream) Handle(context.Context, *jsonrpc2.Conn, *jsonrpc2.Request) {
	var b *batch
	if n := s.answers(); s.isBatch && n > 0 {
		b = newBatch(s.out, n)
	}
	slot := 0
	for i := range s.messages {
		m := &s.messages[i]
		if m.isResponse() {
			s.respond(m)
			continue
		}
		c := s.call(m)
		if m.wantsAnswer() {
			c.batch, c.slot = b, slot
			slot++
		}
		if m.invalid != nil {
			c.Fail(m.invalid)
		} else {
			s.h.Handle(c)
		}
	}
	s.h.LineDone()
}

// answers is how many responses the line is to get.
func (s *lineStream) answers() (n int) {
	for i := range s.messages {
		if s.messages[i].wantsAnswer() {
			n++
		}
	}
	return n
}

// call makes the call of a message.
func (s *lineStream) call(m *message) *Call {
	c := &Call{Params: m.params, out: s.out}
	if m.id != nil {
		c.id = append(c.room[:0], m.id...)
	}
	if m.invalid == nil {
		if name := text(m.method); name != s.method {
			s.method = name
		}
		c.Method = s.method
	}
	return c
}

// respond passes on the answer to a request of ours.
func (s *lineStream) respond(m *message) {
	if m.id == nil || m.id[0] != '"' {
		return
	}
	if m.failure != nil {
		s.h.Response(text(m.id), nil, failureOf(m.failure))
		return
	}
	s.h.Response(text(m.id), m.result, nil)
}

// WriteObject sends what is said through the connection itself.
func (s *lineStream) WriteObject(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding a message: %w", err)
	}
	s.out.Send(line)
	return nil
}

// Close is called once by the connection, at its end.
func (s *lineStream) Close() error {
	close(s.closed)
	return nil
}

package rpc

import (
	"context"
	"errors"
	"syscall"
	"time"

	"expool/pool"
	"expool/pool/sched"
)

// ending is why the server ends.
type ending struct {
	cause  cause
	signal int
}

// cause orders the causes of an end: the weightiest one counts for the exit status.
type cause uint8

const (
	notEnding  cause = iota
	byInput          // the input has ended
	byShutdown       // a call
	byHost           // the process that started the server has ended
	byOutput         // nobody can read the output any more
	bySignal         // a signal to the server
)

// unreadPatience bounds how long a client that does not read holds up a server that was told to end by a signal, or whose host has ended.
const unreadPatience = time.Second

// end begins the end of the server, or adds a cause to it. A second signal cuts the grace of what is ending.
func (s *Server) end(why ending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.why.cause == notEnding {
		close(s.ended)
		s.backlog.end()
	}
	if why.cause == bySignal || why.cause == byHost {
		s.abandon()
	}
	if s.pool != nil {
		s.endPool(why)
	}
	if why.cause > s.why.cause {
		s.why = why
	}
}

// endPool is called with the lock. A shutdown has told the pool by itself.
func (s *Server) endPool(why ending) {
	switch {
	case why.cause == bySignal && s.why.cause == bySignal:
		tell(s.pool, sched.Hurry{})
	case why.cause != byShutdown:
		tell(s.pool, sched.EndInput{Now: why.cause != byInput || s.settings.TerminateOnEOF})
	}
}

func tell(p *pool.Pool, e sched.Event) {
	p.Submit(func(sched.CallID) sched.Event { return e }, nil)
}

// OutputClosed says that nobody can read the output any more: everything ends. A reader that has gone when all was done has missed nothing, unless
// a write fails as well.
func (s *Server) OutputClosed() {
	if p := s.poolIfAny(); p == nil || !isDone(p) {
		s.end(ending{cause: byOutput})
	}
}

func isDone(p *pool.Pool) bool {
	select {
	case <-p.Done():
		return true
	default:
		return false
	}
}

// outputFailed says that a write has failed: lines are lost, and everything ends.
func (s *Server) outputFailed(err error) {
	s.lose(err)
	s.end(ending{cause: byOutput})
}

// inputEnded says that there are no more lines: an input that can't be read any more has ended as well.
func (s *Server) inputEnded(err error) {
	s.lose(err)
	s.end(ending{cause: byInput})
}

// lose notes the first error.
func (s *Server) lose(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost == nil {
		s.lost = err
	}
}

// InputClosed says that nobody writes to the input any more, although what was written may still have to be read. If everything ends with the
// input, no line waits for jobs that are queued.
func (s *Server) InputClosed() {
	if s.settings.TerminateOnEOF {
		s.backlog.end()
	}
}

// HostEnded says that the process that started the server has ended: everything ends.
func (s *Server) HostEnded() { s.end(ending{cause: byHost}) }

// Signal says that a signal told the server to end: everything ends. The second one cuts the grace.
func (s *Server) Signal(sig syscall.Signal) { s.end(ending{cause: bySignal, signal: int(sig)}) }

func (s *Server) cause() ending {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.why
}

// flush writes out what was told. A client that is slow to read holds up the exit, so that nothing is lost.
func (s *Server) flush() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stop := context.AfterFunc(s.unread, func() { time.AfterFunc(unreadPatience, cancel) })
	defer stop()
	if err := s.out.Close(ctx); err != nil {
		s.outputFailed(err) // which the Outbox may be just about to tell
	}
}

// ioStatus is the exit status when the input can't be read or the output not be written, for another reason than that the other side has gone
// (EX_IOERR of sysexits.h).
const ioStatus = 74

// result is the exit status and, if lines were lost by a fault of input or output, that.
func (s *Server) result() (int, error) {
	s.mu.Lock()
	lost := s.lost
	s.mu.Unlock()
	status := s.status()
	gone := errors.Is(lost, syscall.EPIPE) || errors.Is(lost, syscall.ECONNRESET) || errors.Is(lost, context.Canceled)
	if lost == nil || gone || s.cause().cause == bySignal {
		return status, nil
	}
	return ioStatus, lost
}

// status is the exit status, once there are no calls any more.
func (s *Server) status() int {
	p := s.poolIfAny()
	switch why := s.cause(); {
	case why.cause == bySignal:
		return 128 + why.signal
	case why.cause == byOutput:
		return 128 + int(syscall.SIGPIPE)
	case s.settings.TerminateOnEOF || why.cause == byShutdown:
		return 0
	case p != nil && p.Final().EverFails > 0, s.poolless:
		return 1
	}
	return 0
}

// hold keeps new attempts from starting while the client does not read.
func (s *Server) hold(on bool) {
	if p := s.poolIfAny(); p != nil {
		tell(p, sched.Hold{On: on})
	}
}

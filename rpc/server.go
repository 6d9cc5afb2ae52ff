package rpc

import (
	"context"
	"encoding/json"
	"io"
	"sync"
	"time"

	"expool/numa"
	"expool/pool"
	"expool/rpc/wire"
)

// Settings are what the flags of expool-rpc say; initialize can change the pool's.
type Settings struct {
	Pool           pool.Config // without OnChange
	TerminateOnEOF bool        // the end of input means that the host is gone: end everything
	MaxQueued      int         // no further line is read while so many jobs wait for their first attempt; 0: always

	Notify []string // what is sent; nil: all. Requests to confirm a start are sent in any case
}

// Server is one conversation with a client: calls come in, responses and notifications go out, and a pool does the work. The
// pool is made by the first call. Its methods can be called from any goroutine.
type Server struct {
	settings Settings // not changed once there is a pool
	out      *Outbox
	backlog  *backlog
	window   window
	started  time.Time
	ended    chan struct{}   // closed when an end has begun
	unread   context.Context // ends when an end has begun that does not wait for the client to read
	abandon  func()          // ends it

	mu   sync.Mutex
	pool *pool.Pool // nil until the first call
	why  ending     // the weightiest cause so far
	lost error      // of the read or write that failed first

	poolless bool // the last try to make a pool failed
}

// NewServer makes a server that writes to out.
func NewServer(settings Settings, out io.Writer) *Server {
	if settings.Pool.Topology == nil {
		settings.Pool.Topology = numa.ReadHost
	}
	if settings.Notify == nil {
		settings.Notify = wire.Notifications
	}
	settings.Pool.Topology = sync.OnceValues(settings.Pool.Topology) // the pool's own affinity must not show in it
	s := &Server{settings: settings, backlog: newBacklog(settings.MaxQueued), window: make(window, windowSize), started: time.Now(), ended: make(chan struct{})}
	s.unread, s.abandon = context.WithCancel(context.Background())
	s.out = NewOutbox(out, OutboxOptions{Pressure: s.hold, Closed: s.outputFailed})
	return s
}

// Run reads calls until the server has ended, and gives its exit status: 0, or 1 if the input has ended and a job has failed, or none could be run for want of a pool,
// or 128+n after signal n, which for a closed output is SIGPIPE. With an error, lines are lost because the input can't be read or the output not be written.
func (s *Server) Run(in io.Reader) (int, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		if err := Serve(ctx, in, s.out, s); ctx.Err() == nil {
			s.inputEnded(err)
		}
	}()
	<-s.ended
	if p := s.poolIfAny(); p != nil {
		<-p.Done()
	}
	s.flush()
	return s.result()
}

// Handle carries out a call; see [Handler].
func (s *Server) Handle(c *Call) {
	s.window.enter()
	c.window = s.window
	m, ok := methods[c.Method]
	if !ok {
		c.Fail(wire.Errorf(wire.CodeMethodNotFound, "there is no method %q: protocol.md lists those that there are", c.Method))
		return
	}
	m(s, c)
}

// LineDone waits while too many jobs are queued; see [Handler].
func (s *Server) LineDone() { s.backlog.wait() }

// Response takes the client's answer to a confirmation request; see [Handler].
func (s *Server) Response(id string, _ json.RawMessage, refusal *wire.Error) {
	job, attempt, ok := parseConfirmID(id)
	p := s.poolIfAny()
	if !ok || p == nil {
		return
	}
	problem := ""
	if refusal != nil {
		problem = "the client refused the start: " + refusal.Message
	}
	p.Confirm(job, attempt, problem)
}

func (s *Server) poolIfAny() *pool.Pool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pool
}

// need gives the pool to a call, and makes it with the settings if this is the first call. Without a pool it answers the call
// and gives nil.
func (s *Server) need(c *Call) *pool.Pool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pool == nil {
		if err := s.makePool(s.settings.Pool); err != nil {
			c.Fail(err)
			return nil
		}
	}
	return s.pool
}

// makePool is called with the lock. A server that ends makes none, since nobody would see to the end of that.
func (s *Server) makePool(cfg pool.Config) *wire.Error {
	if s.why.cause != notEnding {
		return wireError(pool.ErrClosed)
	}
	cfg.OnChange = s.publish
	p, err := pool.New(cfg)
	if s.poolless = err != nil; s.poolless {
		return affinityError("affinity.", err)
	}
	s.pool = p
	return nil
}

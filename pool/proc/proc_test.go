package proc

import (
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	RunGuardian()
	if len(os.Args) > 1 && os.Args[1] == helperMark {
		runHelper(os.Args[2], os.Args[3:])
		return
	}
	goleak.VerifyTestMain(m)
}

// event is one call of the Handler.
type event struct {
	attempt Attempt
	started bool
	pid     int
	wall    int64
	failure *Failure
	exit    *Exit
}

// recorder is a Handler that keeps all calls in order, and lets tests wait for them.
type recorder struct {
	mu     sync.Mutex
	events []event
	more   chan struct{} // holds a token when there are new events
}

func newRecorder() *recorder { return &recorder{more: make(chan struct{}, 1)} }

func (r *recorder) add(e event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	select {
	case r.more <- struct{}{}:
	default:
	}
}

func (r *recorder) Started(a Attempt, s Start) {
	r.add(event{attempt: a, started: true, pid: s.PID, wall: s.Wall})
}
func (r *recorder) Failed(a Attempt, f Failure) { r.add(event{attempt: a, failure: &f}) }
func (r *recorder) Exited(a Attempt, e Exit)    { r.add(event{attempt: a, exit: &e}) }

// patience bounds what tests wait for; it is only reached when they fail.
const patience = 20 * time.Second

func (e event) begun() bool { return e.started || e.failure != nil }
func (e event) ended() bool { return e.exit != nil || e.failure != nil }

// find returns the first event of an attempt that fits.
func (r *recorder) find(a Attempt, fits func(event) bool) *event {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, e := range r.events {
		if e.attempt == a && fits(e) {
			return &r.events[i]
		}
	}
	return nil
}

// next waits for an event that came after it was called last. Only one goroutine may use a recorder.
func (r *recorder) next() { <-r.more }

// await is find, and waits.
func (r *recorder) await(t testing.TB, a Attempt, fits func(event) bool) event {
	t.Helper()
	late := time.After(patience)
	for {
		if e := r.find(a, fits); e != nil {
			return *e
		}
		select {
		case <-r.more:
		case <-late:
			t.Fatalf("%v: waited in vain; events: %+v", a, r.events)
		}
	}
}

// pool is a Runner with a recorder, as tests use it.
type pool struct {
	*Runner
	*recorder
	t    testing.TB
	last int64
}

func newPool(t testing.TB, cfg Config) *pool {
	t.Helper()
	rec := newRecorder()
	r, err := New(cfg, rec)
	if err != nil {
		t.Fatal(err)
	}
	p := &pool{Runner: r, recorder: rec, t: t}
	t.Cleanup(func() {
		if err := r.Close(); err != nil && err != errClosed {
			t.Errorf("close: %v", err)
		}
	})
	return p
}

// start starts a command as the first attempt of a new job.
func (p *pool) start(c Command) Attempt {
	p.last++
	a := Attempt{Job: p.last, N: 1}
	p.Start(a, &c)
	return a
}

func (p *pool) started(a Attempt) int {
	p.t.Helper()
	e := p.await(p.t, a, event.begun)
	if e.failure != nil {
		p.t.Fatalf("%v failed: %s", a, e.failure.Err)
	}
	return e.pid
}

func (p *pool) exited(a Attempt) Exit {
	p.t.Helper()
	e := p.await(p.t, a, event.ended)
	if e.failure != nil {
		p.t.Fatalf("%v failed: %s", a, e.failure.Err)
	}
	return *e.exit
}

func (p *pool) failed(a Attempt) Failure {
	p.t.Helper()
	e := p.await(p.t, a, event.ended)
	if e.exit != nil {
		p.t.Fatalf("%v ran: %+v", a, *e.exit)
	}
	return *e.failure
}

// run starts a command and waits for its end.
func (p *pool) run(c Command) Exit {
	p.t.Helper()
	return p.exited(p.start(c))
}

// shell is a command of sh with both streams captured.
func shell(script string, args ...string) Command {
	return Command{Args: append([]string{"/bin/sh", "-c", script, "sh"}, args...), Stdout: Output{Kind: Pipe}, Stderr: Output{Kind: Pipe}}
}

func TestExitCodesAndSignalsAreToldApart(t *testing.T) {
	p := newPool(t, Config{})
	for _, test := range []struct {
		script string
		code   int
	}{
		{"exit 0", 0},
		{"exit 3", 3},
		{"exit 255", 255},
		{"exit 137", 137},
		{"kill -9 $$", -9},
		{"kill -15 $$", -15},
		{"kill -11 $$", -11},
	} {
		a := p.start(shell(test.script))
		pid, x := p.started(a), p.exited(a)
		if x.Code != test.code || x.PID != pid || x.Leaked != 0 || len(x.Warnings) != 0 {
			t.Errorf("%q: got %+v, want code %d of process %d", test.script, x, test.code, pid)
		}
	}
}

func TestStreamsAreCapturedApart(t *testing.T) {
	p := newPool(t, Config{})
	x := p.run(shell("echo out; echo err >&2"))
	if string(x.Stdout.Data) != "out\n" || string(x.Stderr.Data) != "err\n" {
		t.Errorf("got %q and %q", x.Stdout.Data, x.Stderr.Data)
	}
}

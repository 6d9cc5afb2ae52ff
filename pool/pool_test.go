package pool

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"expool/pool/proc"
	"expool/pool/sched"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	RunGuardian()
	goleak.VerifyTestMain(m)
}

// fakeRunner records what it is asked to do, in order; tests send its news themselves.
type fakeRunner struct {
	news  proc.Handler
	asked chan string
}

func (r *fakeRunner) Start(a proc.Attempt, c *proc.Command) {
	r.asked <- fmt.Sprintf("start %v %v stdout=%d:%s stderr=%d:%s", a, c.Args, c.Stdout.Kind, c.Stdout.Path, c.Stderr.Kind, c.Stderr.Path)
}

func (r *fakeRunner) Signal(a proc.Attempt, s proc.Signal) {
	r.asked <- fmt.Sprintf("signal %v %d", a, s)
}

func (r *fakeRunner) Close() error {
	r.asked <- "close"
	return nil
}

// fakeClock stands still until a test moves it.
type fakeClock struct {
	mu   sync.Mutex
	now  time.Duration
	wake time.Duration
	c    chan struct{}
}

func (c *fakeClock) Now() sched.Now {
	c.mu.Lock()
	defer c.mu.Unlock()
	return sched.Now{Mono: c.now, Wall: c.now.Microseconds() + 1}
}

func (c *fakeClock) Wake(at time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wake = at
	c.fire()
}

// await waits until the loop wants to be woken at the given time.
func (c *fakeClock) await(at time.Duration) {
	for asked := time.Duration(0); asked != at; runtime.Gosched() {
		c.mu.Lock()
		asked = c.wake
		c.mu.Unlock()
	}
}

func (c *fakeClock) C() <-chan struct{} { return c.c }

func (c *fakeClock) Close() {}

// advance moves the clock, and fires the wake that has come.
func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += d
	c.fire()
}

func (c *fakeClock) fire() {
	if c.wake > 0 && c.now >= c.wake {
		c.wake = 0
		select {
		case c.c <- struct{}{}:
		default:
		}
	}
}

// bench is a pool on fakes.
type bench struct {
	*Pool
	t       *testing.T
	runner  *fakeRunner
	clock   *fakeClock
	changes chan *Change
}

func newBench(t *testing.T, cfg Config) *bench {
	b := &bench{t: t, clock: &fakeClock{c: make(chan struct{}, 1)}, changes: make(chan *Change, 1000)}
	cfg.Clock = b.clock
	cfg.OnChange = func(ch *Change) { b.changes <- ch }
	cfg.NewRunner = func(h proc.Handler) (Runner, error) {
		b.runner = &fakeRunner{news: h, asked: make(chan string, 1000)}
		return b.runner, nil
	}
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b.Pool = p
	return b
}

// expect takes the next thing that the runner is asked.
func (b *bench) expect(want string) {
	b.t.Helper()
	select {
	case got := <-b.runner.asked:
		if got != want {
			b.t.Fatalf("the runner is asked %q, not %q", got, want)
		}
	case <-time.After(time.Minute):
		b.t.Fatalf("the runner is not asked %q", want)
	}
}

// close ends the pool; nothing may be left unasserted.
func (b *bench) close() {
	b.t.Helper()
	if err := b.Close(); err != nil {
		b.t.Error(err)
	}
	b.expect("close")
	if len(b.runner.asked) > 0 {
		b.t.Errorf("the runner was also asked %q", <-b.runner.asked)
	}
}

func first(job int64) proc.Attempt { return proc.Attempt{Job: job, N: 1} }

func TestTheLoopCarriesOutWhatTheSchedulerSays(t *testing.T) {
	ctx := context.Background()
	grace := time.Second
	b := newBench(t, Config{Workers: 1, Grace: &grace})
	id, err := b.Execute(ctx, Job{Name: "slow", Args: []string{"sleep", "9"}, Timeout: 5 * time.Second})
	if err != nil || id != 1 {
		t.Fatal(id, err)
	}
	b.expect("start job 1 attempt 1 [sleep 9] stdout=0: stderr=0:")
	b.runner.news.Started(first(1), proc.Start{PID: 42, Wall: 1})
	waitFor(t, b.changes, sched.Spawned)
	b.clock.advance(5 * time.Second)
	b.expect("signal job 1 attempt 1 1")
	b.clock.advance(time.Second)
	b.expect("signal job 1 attempt 1 2")
	b.runner.news.Exited(first(1), proc.Exit{Code: -9, PID: 42, Leaked: 2, Stdout: &proc.Capture{Data: []byte("x")}})
	sum, err := b.Join(ctx, 0)
	if err != nil || sum.Failed != 1 || len(sum.Failures) != 1 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if r := sum.Failures[0]; r.Reason != sched.TimedOut || r.Exit.Code != -9 || r.Exit.Leaked != 2 || string(r.Exit.Stdout.Data) != "x" {
		t.Errorf("%+v", r)
	}
	b.close()
}

func waitFor(t *testing.T, changes chan *Change, what sched.What) *Change {
	t.Helper()
	for {
		select {
		case ch := <-changes:
			if ch.What == what {
				return ch
			}
		case <-time.After(time.Minute):
			t.Fatalf("no change %v", what)
		}
	}
}

// A job ends in time while the process of the pool is stopped; another one does not.
func TestNewsOfATimeInWhichTheLoopDidNotRunComeBeforeDeadlines(t *testing.T) {
	b := newBench(t, Config{Workers: 2})
	if _, err := b.ExecuteAll(context.Background(), []*Job{{Name: "a", Args: []string{"a"}, Timeout: time.Second}, {Name: "b", Args: []string{"b"}, Timeout: time.Second}}); err != nil {
		t.Fatal(err)
	}
	for id := range int64(2) {
		<-b.runner.asked
		b.runner.news.Started(first(id+1), proc.Start{PID: 42, Wall: 1})
		waitFor(t, b.changes, sched.Spawned)
	}
	b.clock.advance(10 * time.Second)
	b.clock.await(10*time.Second + settling)
	b.runner.news.Exited(first(1), proc.Exit{PID: 42})
	if ch := waitFor(t, b.changes, sched.OnFinish); ch.Reason != sched.Exited {
		t.Errorf("job %d: %v", ch.Job, ch.Reason)
	}
	b.clock.advance(settling)
	b.expect("signal job 2 attempt 1 1")
	b.runner.news.Exited(first(2), proc.Exit{Code: -15, PID: 42})
	if ch := waitFor(t, b.changes, sched.OnFinish); ch.Reason != sched.TimedOut {
		t.Errorf("job %d: %v", ch.Job, ch.Reason)
	}
	b.close()
}

func TestTheOutputOfAJobIsThatOfItsNearestTask(t *testing.T) {
	ctx := context.Background()
	b := newBench(t, Config{Workers: 3})
	outer, err := b.AddTask(ctx, Task{Name: "outer", Stdout: Output{Kind: ToFile, Path: "o"}, Stderr: Output{Kind: Discard}})
	if err != nil {
		t.Fatal(err)
	}
	inner, err := b.AddTask(ctx, Task{Name: "inner", Parent: outer, Stderr: Output{Kind: Merge}})
	if err != nil {
		t.Fatal(err)
	}
	jobs := []*Job{{Name: "a", Args: []string{"a"}, Task: inner}, {Name: "b", Args: []string{"b"}, Task: outer},
		{Name: "c", Args: []string{"c"}, Task: inner, Stdout: Output{Kind: Capture}, Stderr: Output{Kind: Inherit}}}
	if _, err := b.ExecuteAll(ctx, jobs); err != nil {
		t.Fatal(err)
	}
	b.expect("start job 1 attempt 1 [a] stdout=4:o stderr=3:")
	b.expect("start job 2 attempt 1 [b] stdout=4:o stderr=1:")
	b.expect("start job 3 attempt 1 [c] stdout=2: stderr=0:")
	go func() {
		for id := range int64(3) {
			b.runner.news.Failed(first(id+1), proc.Failure{Err: "no"})
		}
	}()
	if sum, err := b.Join(ctx, 0); err != nil || sum.Failed != 3 {
		t.Errorf("%+v, %v", sum, err)
	}
	b.close()
}

func TestRepliesComeBeforeTheirChanges(t *testing.T) {
	var order []string
	done := make(chan bool)
	p, err := New(Config{Workers: 1, OnChange: func(ch *Change) { order = append(order, ch.What.String()) },
		NewRunner: func(proc.Handler) (Runner, error) { return &fakeRunner{asked: make(chan string, 10)}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	p.SubmitJobs([]*Job{{Name: "stub"}}, false, func(any, error) { order = append(order, "execute") })
	p.Submit(func(c sched.CallID) sched.Event { return sched.Join{Call: c} }, func(any, error) {
		order = append(order, "join")
		close(done)
	})
	<-done
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if want := []string{"execute", "queued", "onstart", "ondone", "onfinish", "join", "ended"}; !slices.Equal(order, want) {
		t.Errorf("got %v, want %v", order, want)
	}
}

func TestAClosedPoolRefusesCalls(t *testing.T) {
	b := newBench(t, Config{})
	b.close()
	if _, err := b.Execute(context.Background(), Job{Name: "a"}); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if b.Look(func(*sched.Core) { t.Error("looked") }) {
		t.Error("a look was taken")
	}
}

func TestImpossibleJobsAreRefusedByField(t *testing.T) {
	b := newBench(t, Config{})
	for field, job := range map[string]Job{"name": {}, "args": {Name: "a", Args: []string{}}, "timeout": {Name: "a", Timeout: -1},
		"startdelay": {Name: "a", StartDelay: -1}, "size": {Name: "a", Size: -1}, "slowdown": {Name: "a", Slowdown: math.NaN()}, "memlim": {Name: "a", MemLimit: -1}} {
		var refused *Error
		if _, err := b.Execute(context.Background(), job); !errors.As(err, &refused) || refused.Field != field {
			t.Errorf("%+v: %v", job, err)
		}
	}
	_, err := b.ExecuteAll(context.Background(), []*Job{{Name: "a"}, {}})
	if err == nil || !strings.HasPrefix(err.Error(), "jobs[1].name:") {
		t.Error(err)
	}
	b.close()
}

func TestAnAbandonedCallTakesPlaceAllTheSame(t *testing.T) {
	b := newBench(t, Config{Workers: 1})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := b.Join(ctx, 0); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := b.ExecuteAll(context.Background(), []*Job{{Name: "stub"}}); err != nil {
		t.Error(err)
	}
	b.close()
}

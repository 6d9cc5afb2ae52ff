package proc

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// Runner executes attempts, as many at once as are started. Its methods may be called from any goroutine.
type Runner struct {
	cfg     Config
	handler Handler
	dir     string      // the server's folder when the Runner was made
	folder  os.FileInfo // the same
	env     []string    // its environment then
	null    *os.File
	adopted bool  // this process was made a subreaper
	cpus    []int // this process's before it was confined to OwnCPUs; nil if it was not

	wg    sync.WaitGroup // goroutines
	files fileUse

	mu        sync.Mutex
	changed   *sync.Cond // attempts has become empty
	closed    bool
	attempts  map[Attempt]*peer
	idle      []*peer // the last one was used last
	guardians map[*peer]struct{}

	family  family
	cgroups cgroups
}

// New makes a Runner. It fails when RunGuardian was not called in this process, and when the host lacks what it needs.
func New(cfg Config, h Handler) (*Runner, error) {
	if !guardianReady.Load() {
		return nil, errors.New("make a runner: this program doesn't call proc.RunGuardian first in main, so it can't be re-executed as a guardian")
	}
	dir, err := os.Readlink(ownFolder) // which also works where it was removed, or may not be reached by its path
	if err != nil {
		return nil, fmt.Errorf("make a runner: find the working folder: %w", err)
	}
	folder, err := os.Stat(ownFolder)
	if err != nil {
		return nil, fmt.Errorf("make a runner: look at the working folder: %w", err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("make a runner: %w", err)
	}
	r := &Runner{cfg: withDefaults(cfg), handler: h, dir: dir, folder: folder, env: os.Environ(), null: null,
		attempts: map[Attempt]*peer{}, guardians: map[*peer]struct{}{}}
	r.changed = sync.NewCond(&r.mu)
	if cfg.Subreaper {
		if err := r.adopt(); err != nil {
			null.Close()
			return nil, err
		}
	}
	if cfg.NoCgroup {
		r.cgroups.switchOff()
	} else {
		r.cgroups.find()
	}
	r.confine()
	reserveThreads(serverThreads + runtime.GOMAXPROCS(0))
	return r, nil
}

// ownFolder leads to the folder that this process is in.
const ownFolder = "/proc/self/cwd"

// moved is the path of the server's folder if this process has left it since; else empty, and guardians inherit it, whatever its path is now.
func (r *Runner) moved() string {
	if now, err := os.Stat(ownFolder); err == nil && os.SameFile(now, r.folder) {
		return ""
	}
	return r.dir
}

// confine keeps this process off the CPUs of the jobs. Where the kernel refuses, it stays where it is.
func (r *Runner) confine() {
	if r.cfg.OwnCPUs == nil {
		return
	}
	cpus, err := affinity()
	if err != nil {
		return
	}
	if confine(r.cfg.OwnCPUs) != nil {
		_ = confine(cpus)
		return
	}
	r.cpus = cpus
}

func withDefaults(cfg Config) Config {
	if cfg.HostStdout == nil {
		cfg.HostStdout = os.Stderr
	}
	if cfg.HostStderr == nil {
		cfg.HostStderr = os.Stderr
	}
	if cfg.Idle == 0 {
		cfg.Idle = runtime.NumCPU()
	}
	return cfg
}

// adopt makes this process a subreaper until Close.
func (r *Runner) adopt() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("make a runner: become a subreaper: %w", err)
	}
	r.adopted = true
	return nil
}

// Capabilities says what was found on this host.
func (r *Runner) Capabilities() Capabilities {
	g := &r.cgroups
	c := Capabilities{Cgroup: "none", Reason: g.reason, Subreaper: r.cfg.Subreaper, Children: haveChildren(),
		Memory: g.memory.version, MemoryReason: g.memory.reason}
	if g.pool != "" {
		c.Cgroup, c.CgroupDir = "v2", g.pool
	}
	return c
}

// Start starts an attempt. It never blocks: the result comes to the Handler. An attempt must not be started twice.
func (r *Runner) Start(a Attempt, c *Command) {
	if c.CPUs == nil && r.cpus != nil {
		everywhere := *c
		everywhere.CPUs = r.cpus
		c = &everywhere
	}
	message := appendStart(nil, a, c)
	paths := r.files.acquire(r.dir, c)
	p, fresh, err := r.assign(a, paths, message)
	if err != nil {
		r.files.release(paths)
		go r.handler.Failed(a, Failure{Err: err.Error()}) // not waited for: Close may have returned
		return
	}
	if fresh {
		r.later(p.run)
	}
}

// later runs f in a goroutine that Close waits for. It must be called while an attempt keeps Close from returning.
func (r *Runner) later(f func()) {
	r.wg.Add(1)
	go func() {
		defer r.wg.Done()
		f()
	}()
}

var errClosed = errors.New("the runner is closed")

// assign gives an attempt a guardian: the one that was used last, or a new one. Its order is sent before a signal can be.
func (r *Runner) assign(a Attempt, paths []string, order []byte) (p *peer, fresh bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, false, errClosed
	}
	if r.attempts[a] != nil {
		return nil, false, fmt.Errorf("%v runs already", a)
	}
	if n := len(r.idle); n > 0 {
		p, r.idle = r.idle[n-1], r.idle[:n-1]
	} else {
		p, fresh = newPeer(r), true
		r.guardians[p] = struct{}{}
	}
	p.work = &work{attempt: a, paths: paths}
	r.attempts[a] = p
	p.send(order)
	return p, fresh, nil
}

// Signal ends an attempt. It never blocks; attempts that are unknown or have ended are ignored.
func (r *Runner) Signal(a Attempt, s Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.attempts[a]; p != nil {
		r.signal(p, a, s)
	}
}

// signal is called with r.mu held. The guardian of an attempt whose end is just being told has no work, or the next one.
func (r *Runner) signal(p *peer, a Attempt, s Signal) {
	if p.work == nil || p.work.attempt != a {
		return
	}
	p.send(appendSignal(nil, a, s))
	if s == Hard {
		p.expectKill()
	}
}

// take ends the attempt of a guardian, and says what it was; ok is false when the guardian has none, or another one. The
// guardian is kept for the next attempt if it may be.
func (r *Runner) take(p *peer, reusable bool) (w *work, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w = p.work
	if w == nil {
		return nil, false
	}
	p.work = nil
	if w.hard != nil {
		w.hard.Stop()
	}
	if reusable && !r.closed && !p.condemned && len(r.idle) < r.cfg.Idle {
		r.idle = append(r.idle, p)
	} else {
		p.quit(false)
	}
	return w, true
}

// failed tells the Handler that an attempt could not be started.
func (r *Runner) failed(a Attempt, f Failure) {
	if f.Exhausted {
		r.shed()
	}
	r.handler.Failed(a, f)
}

// shed ends the idle guardians but the one that was used last, when something could not be started for lack of processes or the like: each has
// some threads, which may be all that is lacking.
func (r *Runner) shed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := max(len(r.idle)-1, 0)
	for _, p := range r.idle[:last] {
		p.quit(false)
	}
	r.idle = slices.Delete(r.idle, 0, last)
}

// done forgets an attempt, before the Handler learns of its end.
func (r *Runner) done(w *work) {
	r.mu.Lock()
	delete(r.attempts, w.attempt)
	empty := len(r.attempts) == 0
	r.mu.Unlock()
	if empty {
		r.changed.Broadcast()
	}
}

// forget drops a guardian that is gone.
func (r *Runner) forget(p *peer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.guardians, p)
	for i, q := range r.idle {
		if q == p {
			r.idle = append(r.idle[:i], r.idle[i+1:]...)
			break
		}
	}
}

// Close kills whatever runs, gives the Handler the ends, and returns when all guardians are gone.
func (r *Runner) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return errClosed
	}
	r.closed = true
	for a, p := range r.attempts {
		r.signal(p, a, Hard)
	}
	for len(r.attempts) > 0 {
		r.changed.Wait()
	}
	for p := range r.guardians {
		p.quit(true)
	}
	r.mu.Unlock()
	r.wg.Wait()
	return r.cleanUp()
}

func (r *Runner) cleanUp() error {
	if r.cpus != nil {
		_ = confine(r.cpus)
	}
	if r.cfg.Subreaper {
		r.family.sweep()
	}
	if r.adopted {
		_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
	}
	return errors.Join(r.null.Close(), r.cgroups.close())
}

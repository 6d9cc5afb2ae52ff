package pool

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"expool/numa"
	"expool/pool/proc"
	"expool/pool/sched"
)

// Defaults of a Config.
const (
	DefaultGrace   = 2 * time.Second
	DefaultHistory = 10_000

	DefaultVMSShare = 0.1
)

// DefaultWorkers is one less than the CPUs that this process may use, and at least 1.
func DefaultWorkers() int { return max(runtime.NumCPU()-1, 1) }

// Config holds the settings of a Pool. The zero value of a field is its default.
type Config struct {
	Workers   int            // how many attempts run at once; DefaultWorkers
	Grace     *time.Duration // from the soft signal to the hard kill; DefaultGrace
	Unchained bool           // no chained termination
	History   int            // how many finished jobs are kept, successes and failures apart; DefaultHistory

	// OnChange gets every change of state, in order, on the loop's goroutine. It must not block: of the pool's methods it may call those
	// that do not wait, Submit, SubmitJobs, SubmitTask, Confirm and Look.
	OnChange func(*Change)

	MemLimit int64         // bytes for all jobs together; 0: none
	VMSShare *float64      // of VMS in the figure for memory, the rest is RSS, from 0 to 1; DefaultVMSShare
	Latency  time.Duration // the longest time between two looks at memory that is limited; 0: sched.DefaultLatency

	Affinity *Affinity                      // where jobs run; anywhere
	Topology func() (*numa.Topology, error) // of the machine, for Affinity; numa.ReadHost
	KeepOff  bool                           // keep this program's threads, and guardians, off the CPUs of Affinity where that is possible

	Stdout, Stderr *os.File // the streams of Inherit; os.Stderr
	NoCgroup       bool     // make no cgroups

	// Subreaper is for a program that starts no processes but those of one pool. It then gets what is left of a job whose guardian was killed, and
	// ends all children of its own that are no guardians.
	Subreaper bool

	// For tests, and for jobs that run elsewhere.
	Meter     Meter                                // the host's memory
	Clock     Clock                                // the host's
	NewRunner func(h proc.Handler) (Runner, error) // that of package proc
}

func (c *Config) setDefaults() {
	if c.Topology == nil {
		c.Topology = numa.ReadHost
	}
	if c.Workers == 0 {
		c.Workers = DefaultWorkers()
	}
	if c.Grace == nil {
		grace := DefaultGrace
		c.Grace = &grace
	}
	if c.History == 0 {
		c.History = DefaultHistory
	}
	if c.OnChange == nil {
		c.OnChange = func(*Change) {}
	}
	if c.Meter == nil {
		c.Meter = &hostMeter{vms: share(c.VMSShare)}
	}
}

// Pool executes jobs. Its methods can be called from any goroutine.
type Pool struct {
	cfg      Config
	warnings []string // of making it
	limits   sched.Memory
	meter    Meter
	core     *sched.Core // owned by the loop
	runner   Runner
	clock    Clock

	mu     sync.Mutex
	inbox  []item // for the loop, in order
	closed bool   // the loop takes no more
	signal chan struct{}
	done   chan struct{} // closed when the loop has ended

	calls    map[sched.CallID]func(any, error) // owned by the loop, as is all that follows
	lastCall sched.CallID
	settled  time.Duration // until then no deadline is told; 0: none waits for that
	quit     bool
	looks    sync.WaitGroup // of goroutines that measure
	final    sched.Status
	err      error // of closing the runner
}

// New makes a pool and starts its loop.
func New(cfg Config) (*Pool, error) {
	if cfg.Workers < 0 {
		return nil, fmt.Errorf("making a pool of %d workers: at least 1 is needed", cfg.Workers)
	}
	asked := cfg.Workers
	cfg.setDefaults()
	p := &Pool{cfg: cfg, clock: cfg.Clock, meter: cfg.Meter, signal: make(chan struct{}, 1), done: make(chan struct{}), calls: map[sched.CallID]func(any, error){}}
	place, own, err := p.place(asked)
	if err != nil {
		return nil, err
	}
	if p.limits, err = p.memory(); err != nil {
		return nil, err
	}
	if p.clock == nil {
		if p.clock, err = newHostClock(); err != nil {
			return nil, fmt.Errorf("making a pool: %w", err)
		}
	}
	if p.runner, err = p.makeRunner(own); err != nil {
		p.clock.Close()
		return nil, fmt.Errorf("making a pool: %w", err)
	}
	p.core = sched.New(sched.Config{Workers: p.cfg.Workers, Grace: *cfg.Grace, Unchained: cfg.Unchained, History: cfg.History, Placement: place, Memory: p.limits})
	go p.loop()
	return p, nil
}

// makeRunner makes the runner, with this process's own threads on the given CPUs; nil leaves them where they are.
func (p *Pool) makeRunner(own []int) (Runner, error) {
	c := &p.cfg
	if c.NewRunner != nil {
		return c.NewRunner(handler{p})
	}
	return proc.New(proc.Config{HostStdout: c.Stdout, HostStderr: c.Stderr, Idle: c.Workers, Subreaper: c.Subreaper, NoCgroup: c.NoCgroup,
		OwnCPUs: own}, handler{p})
}

// Warnings tell in words what differs from what was asked for.
func (p *Pool) Warnings() []string { return p.warnings }

// Workers is how many attempts run at once.
func (p *Pool) Workers() int { return p.cfg.Workers }

// Grace is the time from the soft signal to the hard kill.
func (p *Pool) Grace() time.Duration { return *p.cfg.Grace }

// Capabilities is what this host gives to execute jobs with; the zero value if the runner does not tell.
func (p *Pool) Capabilities() proc.Capabilities {
	if r, ok := p.runner.(interface{ Capabilities() proc.Capabilities }); ok {
		return r.Capabilities()
	}
	return proc.Capabilities{}
}

// Done is closed when the pool has ended for good.
func (p *Pool) Done() <-chan struct{} { return p.done }

// Final is the status at the end; call it after Done.
func (p *Pool) Final() sched.Status { <-p.done; return p.final }

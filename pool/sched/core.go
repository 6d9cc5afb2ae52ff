package sched

import (
	"math"
	"time"
)

// startsPerStep bounds the attempts that one step starts, so that neither a step nor its actions grow with the queue; the
// rest starts at the next step, which Deadline asks for at once.
const startsPerStep = 256

// Core is the state of a pool. The zero value is not usable; see [New].
type Core struct {
	cfg Config
	now Now
	out []Action
	seq int64

	lastJob  JobID
	lastTask TaskID
	jobs     map[JobID]*job   // live
	tasks    map[TaskID]*task // live
	byID     list[job]        // live jobs, by id
	taskByID list[task]       // live tasks, by id

	restarts list[job] // queued for another attempt: ahead of
	queue    list[job] // the others
	later    list[job] // postponed: those that may run beside more come first
	sync     list[job] // synchronous jobs that can't start just now
	passed   list[job] // of the first three, those that others go past: since the longest time first

	occupied   int       // attempts that hold a worker
	active     list[job] // attempts that the runner has: Start was sent, Ended or NotStarted has not come
	narrowed   int       // of them, those that were postponed
	narrow     int       // how many may run after some were postponed, until one has finished or narrowing fires; 0: all
	narrowing  timer     // set for as long as the longest of them had run
	promised   int64     // bytes expected of the attempts that await a confirmation
	starts     int64     // attempts sent so far
	watch      watch
	byState    [numStates]int64
	categories map[string]*category
	places     places
	timers     timers
	delay      timer // until then no queued job starts but delayedBy
	delayedBy  JobID

	held    bool // the user does not read
	lack    lack
	again   bool   // more could start at once
	ended   Reason // why the pool is not alive; NoReason while it is
	closing bool   // shutdown or the end of input: no new work
	mute    bool   // nobody can confirm a start
	quit    bool   // Quit was sent

	shutdowns []CallID
	joins     list[joinCall]
	done      int64 // since the start or the last clear
	failed    int64
	everFails int64 // since the start
	epoch     epoch
	history   history
}

// New makes a scheduler with nothing to do. Workers below 1 count as 1; workers beyond the groups of a placement get none.
func New(cfg Config) *Core {
	cfg.Workers = max(cfg.Workers, 1)
	if cfg.Memory.Latency <= 0 {
		cfg.Memory.Latency = DefaultLatency
	}
	if cfg.Memory.HalfLife <= 0 {
		cfg.Memory.HalfLife = DefaultHalfLife
	}
	if n := len(cfg.Placement.Groups); n > 0 {
		cfg.Workers = min(cfg.Workers, n)
	}
	c := &Core{
		cfg:        cfg,
		jobs:       map[JobID]*job{},
		tasks:      map[TaskID]*task{},
		byID:       list[job]{at: func(j *job) *link[job] { return &j.inAll }},
		restarts:   list[job]{at: func(j *job) *link[job] { return &j.inQueue }},
		queue:      list[job]{at: func(j *job) *link[job] { return &j.inQueue }},
		sync:       list[job]{at: func(j *job) *link[job] { return &j.inQueue }},
		later:      list[job]{at: func(j *job) *link[job] { return &j.inQueue }},
		passed:     list[job]{at: func(j *job) *link[job] { return &j.inPassed }},
		active:     list[job]{at: func(j *job) *link[job] { return &j.inActive }},
		taskByID:   list[task]{at: func(t *task) *link[task] { return &t.inAll }},
		joins:      list[joinCall]{at: func(j *joinCall) *link[joinCall] { return &j.in }},
		categories: map[string]*category{},
	}
	c.history = newHistory(cfg.History)
	c.places = newPlaces(cfg.Placement)
	c.watch.limit = math.MaxInt64
	if cfg.Memory.Limit > 0 {
		c.watch.limit = cfg.Memory.Limit
	}
	return c
}

// Step takes an event and gives what is to be done now. The slice is valid until the next step.
//
// Timers fire with [Tick] only: an exit that is told before it was in time, however late the tick comes.
func (c *Core) Step(now Now, e Event) []Action {
	clear(c.out)
	c.now, c.out, c.again = now, c.out[:0], false
	c.handle(e)
	c.pump()
	c.settle()
	return c.out
}

// Advance says how late it is now to the questions that follow: Status, Jobs, Tasks and Explain. Step does so by itself.
func (c *Core) Advance(now Now) { c.now = now }

// Deadline is when Step wants to be called with Tick, if no other event comes first; false if it need not.
func (c *Core) Deadline() (time.Duration, bool) {
	if c.again {
		return c.now.Mono, true
	}
	if len(c.timers.heap) == 0 {
		return 0, false
	}
	return c.timers.heap[0].at, true
}

func (c *Core) handle(e Event) {
	switch e := e.(type) {
	case Execute:
		c.execute(e)
	case AddTask:
		c.addTask(e)
	case CloseTask:
		c.closeTask(e)
	case Cancel:
		c.cancel(e)
	case Join:
		c.join(e)
	case Clear:
		c.clear(e)
	case Terminate:
		c.replyCount(e.Call, func() int64 { return c.endAll(Terminated) })
	case Shutdown:
		c.shutdown(e)
	case EndInput:
		c.endInput(e)
	case Hurry:
		c.hurry()
	case Hold:
		c.held = e.On
	case Tick:
		c.tick()
	case Confirmed:
		c.confirmed(e)
	case Started:
		c.started(e)
	case NotStarted:
		c.notStarted(e)
	case Ended:
		c.endedAttempt(e)
	case Looked:
		c.looked(e)
	}
}

func (c *Core) tick() {
	for t := c.timers.due(c.now.Mono); t != nil; t = c.timers.due(c.now.Mono) {
		c.fire(t)
	}
}

func (c *Core) fire(t *timer) {
	switch {
	case t.job != nil:
		c.jobTimer(t.job)
	case t.task != nil:
		c.endTask(t.task, TaskTimeout)
	case t.join != nil:
		c.endAll(PoolTimeout)
	case t == &c.watch.timer:
		c.look()
	case t == &c.narrowing:
		c.widen()
	} // else it was the delay: the pump follows
}

func (c *Core) do(a Action) { c.out = append(c.out, a) }

func (c *Core) reply(call CallID, result any, err *Error) {
	if call == 0 {
		return
	}
	if err != nil {
		c.do(Reply{Call: call, Err: err})
		return
	}
	c.do(Reply{Call: call, Result: result})
}

// publish gives a change its number, keeps it and tells it.
func (c *Core) publish(ch Change) {
	c.seq++
	ch.Seq, ch.Wall = c.seq, c.now.Wall
	c.history.addChange(&ch)
	c.do(Publish{&ch})
}

// settle ends the waiting of those who wait for an idle pool, once it is.
func (c *Core) settle() {
	if len(c.jobs) > 0 {
		return
	}
	for j := range c.joins.all {
		c.joins.remove(j)
		c.timers.stop(&j.timer)
		c.reply(j.call, c.summary(), nil)
		c.epoch.joined = true
	}
	for _, call := range c.shutdowns {
		c.reply(call, nil, nil)
	}
	c.shutdowns = nil
	if c.closing && !c.quit {
		c.quit = true
		c.do(Quit{})
	}
}

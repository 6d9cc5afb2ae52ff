package sched

import (
	"math"
	"time"
)

// Memory is how the memory of jobs is watched and limited.
type Memory struct {
	Limit    int64         // bytes for all jobs together; 0: none
	Latency  time.Duration // the longest time between two looks while something is limited; 0: DefaultLatency
	HalfLife time.Duration // of a job's figure while its use falls; 0: DefaultHalfLife
}

// Defaults of Memory.
const (
	DefaultLatency  = 500 * time.Millisecond
	DefaultHalfLife = 5 * time.Second
)

const (
	soonestLook  = 5 * time.Millisecond   // the shortest time between two looks
	longestDelay = 100 * time.Millisecond // that balance reckons with
	firstLook    = 10 * time.Millisecond  // after the start of an attempt, whose growth is unknown

	// paceHalfLife is how fast looks forget growth that is not seen any more. Programs grow in steps: two looks a few ms apart may see none, and
	// the next look would be late by a whole Latency.
	paceHalfLife = 100 * time.Millisecond
)

// Look asks for the memory that attempts use now; the answer is Looked.
type Look struct{ Targets []Target }

// Target is an attempt to look at.
type Target struct {
	Job     JobID
	Attempt int
	PID     int
	Parent  int   // Started.Parent
	Kind    uint8 // Spec.MemKind
}

func (Look) action() {}

// Looked answers Look.
type Looked struct {
	Used []Used
	// Free is what the host, or the container that this runs in, could still give without falling into its reserve, in
	// bytes; negative if it has fallen into it.
	Free int64
}

// Used is the memory that an attempt uses.
type Used struct {
	Job     JobID
	Attempt int
	Bytes   int64
}

func (Looked) event() {}

// watch is what the scheduler knows of the memory of the running attempts.
type watch struct {
	timer   timer         // of the next look
	asked   bool          // an answer to Look is awaited
	since   time.Duration // when Look was asked for
	limit   int64         // the pool's, reduced to what the host has; math.MaxInt64 without one
	load    load
	learned learned
}

// load is the memory of the running attempts in sum, kept up to date so that no start has to look at all of them.
type load struct {
	used     int64 // bytes, by those that are not being killed
	reserved int64 // bytes that these use or are expected to use, whichever is more
	seen     int64 // attempts that were looked at
	seenUse  int64 // bytes that these use
}

// weigh adds an attempt to the load, or takes it out with sign -1. It stands around every change of what load is made of.
func (c *Core) weigh(j *job, sign int64) {
	r, l := j.run, &c.watch.load
	if !r.hard {
		l.used += sign * r.mem
		l.reserved += sign * max(r.mem, r.expected)
	}
	if r.seen > 0 {
		l.seen += sign
		l.seenUse += sign * r.mem
	}
}

// limitOf is the limit of the job's own use: its memlim or, when that is larger or missing, the pool's. 0 is none.
func (c *Core) limitOf(s *Spec) int64 {
	pool := c.cfg.Memory.Limit
	if pool > 0 && (s.MemLimit == 0 || s.MemLimit > pool) {
		return pool
	}
	return s.MemLimit
}

// Status of the memory: what is used, as seen at the last look, and the limit as it is now; 0 is none.
func (c *Core) memoryNow() (used, limit int64) {
	if c.cfg.Memory.Limit > 0 {
		limit = c.watch.limit
	}
	return c.watch.load.used, limit
}

// watched says that the attempt is looked at: it is limited, by itself or with the others.
func (c *Core) watched(j *job) bool { return c.limitOf(j.spec) > 0 && j.run.started }

// planLook sets the time of the next look, at the latest in the given time.
func (c *Core) planLook(in time.Duration) {
	at := c.now.Mono + in
	if c.watch.asked || c.watch.timer.pos > 0 && c.watch.timer.at <= at {
		return
	}
	c.timers.set(&c.watch.timer, at)
}

// look asks for the use of all that is watched.
func (c *Core) look() {
	var targets []Target
	for j := range c.active.all {
		if c.watched(j) {
			targets = append(targets, Target{Job: j.id, Attempt: j.attempt, PID: j.run.pid, Parent: j.run.parent, Kind: j.spec.MemKind})
		}
	}
	if len(targets) > 0 {
		c.watch.asked, c.watch.since = true, c.now.Mono
		c.do(Look{targets})
	}
}

// looked takes the figures of a look, and ends what breaks a limit.
func (c *Core) looked(e Looked) {
	c.watch.asked = false
	for _, u := range e.Used {
		if j := c.sentAttempt(u.Job, u.Attempt); j != nil && c.watched(j) {
			c.use(j, u.Bytes)
		}
	}
	for j := range c.active.all {
		if limit := c.limitOf(j.spec); c.watched(j) && j.run.use > limit && limit > 0 {
			c.breach(j)
		}
	}
	if c.cfg.Memory.Limit > 0 {
		c.watch.limit = min(c.cfg.Memory.Limit, max(c.watch.load.used+e.Free, 0))
		c.balance()
	}
	c.planNext()
}

// breach ends an attempt that is above its own limit. One that is ending anyway has lost its grace.
func (c *Core) breach(j *job) {
	if j.cause != NoReason {
		c.kill(j)
		return
	}
	c.endNow(j, MemLimit)
	c.chainMemory(j)
}

// use notes what an attempt uses now. The figure follows at once when that grows, and by the half-life when it falls.
func (c *Core) use(j *job, bytes int64) {
	r := j.run
	since := c.now.Mono - r.seen
	if r.seen > 0 && since > 0 {
		r.growth = max(float64(bytes-r.use)/since.Seconds(), 0)
		r.pace = max(r.growth, r.pace*math.Exp2(-since.Seconds()/paceHalfLife.Seconds()))
	}
	half := c.cfg.Memory.HalfLife
	c.weigh(j, -1)
	faded := float64(r.mem) * math.Exp2(-since.Seconds()/half.Seconds())
	r.use, r.mem, r.seen = bytes, max(bytes, int64(faded)), c.now.Mono
	c.weigh(j, +1)
	j.mem = max(j.mem, bytes)
}

// planNext sets the next look: before growth as it was could cross a limit half-way.
func (c *Core) planNext() {
	next := c.cfg.Memory.Latency
	room, pace, any := float64(c.watch.limit-c.watch.load.used), 0.0, false
	sooner := func(d time.Duration) { next = min(next, max(d, soonestLook)) }
	for j := range c.active.all {
		if !c.watched(j) || j.run.hard {
			continue
		}
		any = true
		pace += j.run.pace
		sooner(max(c.now.Mono-j.run.begun, firstLook)) // as long again as it has run
		if limit := c.limitOf(j.spec); limit > 0 && j.run.pace > 0 {
			sooner(halfway(float64(limit-j.run.use), j.run.pace))
		}
	}
	if pace > 0 && c.cfg.Memory.Limit > 0 {
		sooner(halfway(room, pace))
	}
	if any {
		c.planLook(next)
	}
}

// halfway is half the time in which growth, in bytes a second, takes the room.
func halfway(room, pace float64) time.Duration {
	return time.Duration(min(max(room, 0)/pace/2, 3600) * float64(time.Second))
}

package pool

import (
	"time"

	"expool/pool/proc"
	"expool/pool/sched"
)

// Runner starts and signals processes; package proc has the real one. None of its methods but Close may block. What
// becomes of an attempt comes to the proc.Handler that it was made with.
type Runner interface {
	Start(a proc.Attempt, c *proc.Command)
	Signal(a proc.Attempt, s proc.Signal)
	Close() error
}

// Clock tells the time and wakes the loop.
type Clock interface {
	Now() sched.Now
	// Wake makes C receive at the given monotonic time; an earlier wake that has not come is dropped.
	Wake(at time.Duration)
	C() <-chan time.Time
}

// hostClock is the host's clock.
type hostClock struct {
	start time.Time // with a monotonic reading
	timer *time.Timer
}

func newHostClock() *hostClock {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &hostClock{start: time.Now(), timer: t}
}

func (c *hostClock) Now() sched.Now {
	now := time.Now()
	return sched.Now{Mono: now.Sub(c.start), Wall: now.UnixMicro()}
}

func (c *hostClock) Wake(at time.Duration) { c.timer.Reset(time.Until(c.start.Add(at))) }

func (c *hostClock) C() <-chan time.Time { return c.timer.C }

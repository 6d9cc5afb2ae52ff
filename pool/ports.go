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
	// Wake makes C receive at the given monotonic time. An earlier wake that has not come is dropped, unless it is just coming.
	Wake(at time.Duration)
	C() <-chan struct{}
	// Close is called when the loop has ended.
	Close()
}

// hostClock is the host's clock.
type hostClock struct {
	*proc.Alarm
	start time.Time     // with a monotonic reading
	at    time.Duration // the last wake; negative before
}

func newHostClock() (Clock, error) {
	alarm, err := proc.NewAlarm()
	if err != nil {
		return nil, err
	}
	return &hostClock{Alarm: alarm, start: time.Now(), at: -1}, nil
}

func (c *hostClock) Now() sched.Now {
	now := time.Now()
	return sched.Now{Mono: now.Sub(c.start), Wall: now.UnixMicro()}
}

func (c *hostClock) Wake(at time.Duration) {
	if at != c.at { // else it is yet to come, or C has it
		c.at = at
		c.Set(time.Until(c.start.Add(at)))
	}
}

package sched

import (
	"fmt"
	"time"
)

// Action is what the caller of Step must do.
type Action interface{ action() }

// Reply answers a call: with Result, whose type the call's event names, or with Err, which is then an *Error.
type Reply struct {
	Call   CallID
	Result any
	Err    error
}

// Publish tells the readers of the event log of a change.
type Publish struct{ Change *Change }

// Start asks the runner to start an attempt.
type Start struct {
	Job     JobID
	Attempt int
	Spec    *Spec
	Group   *Group // where to run; nil: anywhere
	Limit   int64  // bytes that it may use by itself; 0: any
}

// Kill asks the runner to signal the whole tree of an attempt: softly, or for good.
type Kill struct {
	Job     JobID
	Attempt int
	Hard    bool
}

// Quit says that the pool has ended for good: nothing is queued or running, nothing more will be accepted.
type Quit struct{}

func (Reply) action()   {}
func (Publish) action() {}
func (Start) action()   {}
func (Kill) action()    {}
func (Quit) action()    {}

// Accepted answers Execute.
type Accepted struct {
	First JobID // the jobs have the ids from First on, in their order
	State State // of the first one: Starting, or Queued
}

// Summary answers Join.
type Summary struct {
	Completed bool // false after a pool timeout or Terminate
	Done      int64
	Failed    int64
	Duration  time.Duration // from the first job's scheduling to the last one's end
	Failures  []*Record     // those that are still kept
}

// ErrorKind tells the errors of calls apart.
type ErrorKind uint8

// The kinds of errors.
const (
	ErrInvalid  ErrorKind = iota // a parameter can't be taken
	ErrNotAlive                  // the pool was ended, and not cleared since
	ErrUnknown                   // no such job or task
	ErrBusy                      // jobs are queued, running or ending
)

// Error is why a call was refused.
type Error struct {
	Kind    ErrorKind
	Field   string // the parameter at fault; empty if none is
	Problem string // what is wrong and what to do
}

func (e *Error) Error() string {
	if e.Field == "" {
		return e.Problem
	}
	return fmt.Sprintf("%s: %s", e.Field, e.Problem)
}

package sched

import "time"

// JobID and TaskID are positive, given in order, and never used twice in the life of a Core.
type (
	JobID  int64
	TaskID int64
)

// CallID names a call of the pool's user that wants a [Reply]. Zero wants none.
type CallID uint64

// Now is the time of a step.
type Now struct {
	Mono time.Duration // monotonic, since any fixed moment; every decision rests on it
	Wall int64         // Unix microseconds; only copied into changes and records
}

// State is where a job or a task is in its life.
type State uint8

// A job goes from Queued over Starting and Running, and Ending when it is being ended, to Done or Failed. A task is Queued
// until its first job starts, then Running, or Ending when it is being ended as a whole.
const (
	Queued   State = iota // waits for its turn
	Starting              // a confirmation or the spawn is awaited
	Running
	Ending // was told to end; its processes are not all gone yet
	Done   // succeeded
	Failed // ended in any other way
	numStates
)

var stateNames = [numStates]string{"queued", "starting", "running", "ending", "done", "failed"}

// String gives the state's name on the wire.
func (s State) String() string { return stateNames[s] }

// ParseState is the reverse of String.
func ParseState(name string) (State, bool) {
	for s, n := range stateNames {
		if n == name {
			return State(s), true
		}
	}
	return 0, false
}

// Live says that the job or task has not finished.
func (s State) Live() bool { return s < Done }

// Reason says why a job or a task ended. NoReason stands while it has not.
type Reason uint8

// The reasons of section "Records" of protocol.md.
const (
	NoReason       Reason = iota
	Exited                // by itself, with any exit code
	Signaled              // by a signal that the pool did not send
	TimedOut              // its own timeout
	TaskTimeout           // the timeout of a task that it belongs to
	PoolTimeout           // the timeout of a join
	MemLimit              // its own memory limit, or the pool's by this job alone
	OOM                   // the kernel's out-of-memory killer
	ChainedTimeout        // a related, lighter job broke its timeout
	ChainedMemory         // a related, lighter job broke a memory limit
	Cancelled             // by a call of cancel
	Terminated            // the whole pool was ended
	StartFailed           // it could not be started
	Rejected              // its start was not confirmed
	numReasons
)

var reasonNames = [numReasons]string{"", "exited", "signaled", "timeout", "task_timeout", "pool_timeout", "memlimit", "oom",
	"chained_timeout", "chained_memory", "cancelled", "terminated", "start_failed", "rejected"}

// String gives the reason's name on the wire; NoReason is empty.
func (r Reason) String() string { return reasonNames[r] }

// ParseReason is the reverse of String.
func ParseReason(name string) (Reason, bool) {
	for r, n := range reasonNames {
		if n == name && r != 0 {
			return Reason(r), true
		}
	}
	return 0, false
}

// Spec is what the scheduler needs to know of a job. It is never changed after Execute.
type Spec struct {
	Name       string
	Task       TaskID        // 0: none
	Timeout    time.Duration // of each attempt, from its start; 0: none
	Restart    bool          // start again on timeout, instead of failing
	StartDelay time.Duration // how long after its start no other queued job starts
	Confirm    bool          // each attempt starts only after Confirmed
	Stub       bool          // runs nothing and succeeds at once
	Sync       bool          // starts at once, beside the workers; Execute replies with its record

	OmitAffinity bool // runs outside of the affinity groups

	MemKind  uint8 // whose memory counts: 0 the main process, 1 the heaviest of its tree, 2 the whole tree
	MemLimit int64 // bytes; 0: none

	// Category, Size and Slowdown relate jobs for chained termination. Without a category, or with size 0, a job
	// neither starts nor joins a chain.
	Category string
	Size     float64
	Slowdown float64

	Payload any // for the runner and the readers of changes; the scheduler does not look inside
}

// weight is how heavy the job is in time, relative to others of its category.
func (s *Spec) weight() float64 { return s.Size * s.Slowdown }

func (s *Spec) chains() bool { return s.Category != "" && s.Size > 0 }

// TaskSpec is what the scheduler needs to know of a task.
type TaskSpec struct {
	Name    string
	Parent  TaskID        // 0: none
	Timeout time.Duration // from the start of its first job; 0: none
	Payload any           // for the readers of changes
}

// Config holds the settings of a Core.
type Config struct {
	Workers   int           // how many attempts run at once, at least 1
	Grace     time.Duration // from the soft signal to the hard kill; 0: hard at once
	Unchained bool          // no chained termination
	Memory    Memory
	Placement Placement // the affinity groups; at least as many as workers, or none
	History   int       // how many finished successes, and as many failures and tasks, are kept; events four times as many
}

package sched

import "time"

// What tells the changes of state apart.
type What uint8

// The changes. Those named On... are the notifications of the wire.
const (
	Added       What = iota // a job was queued, a task was made
	OnStart                 // an attempt is about to run; the first job of a task is about to start
	Spawned                 // an attempt runs
	EndBegun                // a job or task was told to end; Reason says why
	Requeued                // the job waits for another attempt; Reason says why
	TaskClosed              // nothing more will be added to the task
	OnDone                  // successful completion
	OnFinish                // any end
	PoolEnded               // the pool was ended and is not alive; Reason says why
	PoolCleared             // the pool was made ready for reuse
)

var whatNames = [...]string{"queued", "onstart", "running", "ending", "requeued", "closed", "ondone", "onfinish", "ended", "cleared"}

// String gives the change's name on the wire.
func (w What) String() string { return whatNames[w] }

// Change is one change of state: an entry of the event log. It is never changed once published.
type Change struct {
	Seq    int64 // from 1, without gaps
	Wall   int64 // Unix microseconds
	What   What
	Reason Reason

	Confirm bool      // of OnStart: the attempt waits for Confirmed
	Attempt int       // of a job
	PID     int       // of Spawned
	CPUs    []int     // of OnStart: the CPUs to run on; nil: any
	Job     JobID     // 0: the change is not a job's
	Task    TaskID    // the task that changed, or the one that the job belongs to; 0: none
	Spec    *Spec     // of a job
	Group   *TaskSpec // of a task

	Record     *Record     // of OnDone and OnFinish, of a job
	TaskRecord *TaskRecord // of OnDone and OnFinish, of a task
}

// Exit is what is known of an attempt when its processes are gone.
type Exit struct {
	PID       int
	Code      int   // exit code, or the negative number of the signal that ended it
	Wall      int64 // of the start, Unix microseconds
	Duration  time.Duration
	User, Sys time.Duration // CPU time of the whole tree
	Peak      int64         // bytes
	PeakFrom  string        // how Peak was obtained
	Read      int64         // bytes from storage, by the whole tree
	Write     int64         // bytes to storage
	Limited   bool          // the kernel ended it for the limit that Start gave
	OOM       bool          // the kernel's out-of-memory killer ended it for another reason
	Unbound   bool          // it could not run on the CPUs of its group, or not on all
	Leaked    int           // processes that outlived the main one and were ended
	Stdout    *Capture      // nil unless captured
	Stderr    *Capture
	Warnings  []string
}

// Capture is captured output. If it was long, Data is its head and its tail, and a reader wants to be told so: print Data[:Head], the number of bytes left
// out, and Data[Head:].
type Capture struct {
	Data      []byte
	Head      int   // how much of Data stands before the cut, if there is one
	Truncated int64 // bytes left out at the cut
}

// Record is what is known of a job.
type Record struct {
	Job      JobID
	Spec     *Spec
	State    State
	Reason   Reason
	Attempts int
	CPUs     []int    // of the last attempt; nil if it was not placed
	Shared   []string // what it shared with other jobs of the pool: levels as "core", "l3", or Unpinned; nil if it was not placed
	Reduced  int64    // the limit of its memory, where that is the pool's, below its own; else 0
	Mem      int64    // of the last attempt, smoothed, bytes; 0: it was not looked at
	Started  bool     // an attempt ran: TStart and PID (unless a stub) are known
	Ended    bool     // that attempt's main process has ended: Exit is known
	TStart   int64    // of the last attempt, Unix microseconds
	TStop    int64    // Unix microseconds; 0 while live
	Exit     Exit     // of the last attempt
	Problem  string   // why it did not start, or was rejected
}

// TaskRecord is what is known of a task.
type TaskRecord struct {
	Task     TaskID
	Spec     *TaskSpec
	State    State
	Reason   Reason
	Closed   bool
	Added    int64 // direct jobs and subtasks
	Done     int64 // of them, those that succeeded
	Term     int64 // of them, those that ended in any other way
	TStart   int64 // Unix microseconds; 0: never started
	TStop    int64 // Unix microseconds; 0 while live
	Duration time.Duration
}

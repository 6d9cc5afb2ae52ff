package sched

import "time"

// Event is what happened: a call of the pool's user, or news from the runner or the clock.
type Event interface{ event() }

// Execute schedules jobs, all of them or, when one is refused, none. The reply is an [Accepted] at once or, for a single
// job with Sync, its [Record] when it has finished.
type Execute struct {
	Call CallID
	Jobs []*Spec
	List bool // a list was given: errors name the job by its index
}

// AddTask makes a task. The reply is its TaskID.
type AddTask struct {
	Call CallID
	Spec *TaskSpec
}

// CloseTask says that nothing more will be added to a task, nor to its subtasks. The reply is nil.
type CloseTask struct {
	Call CallID
	Task TaskID
}

// Cancel ends a job or, with its subtasks and for good, a task. The reply is the number of jobs that it ends.
type Cancel struct {
	Call CallID
	Job  JobID  // 0: Task is meant
	Task TaskID // 0: Job is meant
}

// Join closes the tasks present and waits until no job is queued or running. The reply is a [Summary].
type Join struct {
	Call    CallID
	Timeout time.Duration // since the first job was scheduled; 0: none
}

// Clear forgets what has finished and makes the pool alive again. The reply is nil, or ErrBusy.
type Clear struct{ Call CallID }

// Terminate ends everything; the pool is not alive until Clear. The reply is the number of jobs that it ends.
type Terminate struct{ Call CallID }

// Shutdown refuses new work, ends everything if Now is set, and waits for the rest. The reply is nil, then [Quit] follows.
type Shutdown struct {
	Call CallID
	Now  bool
}

// EndInput says that no more calls will come, so that nobody can confirm a start: like a Shutdown that nobody waits for.
type EndInput struct{ Now bool }

// Hurry cuts the grace of everything that is ending.
type Hurry struct{}

// Hold stops new attempts from starting while On (the user does not read what the pool tells). Nothing else is delayed.
type Hold struct{ On bool }

// Tick says that time has passed; see [Core.Deadline].
type Tick struct{}

// Confirmed is the user's answer to the onstart of a job with Confirm.
type Confirmed struct {
	Job     JobID
	Attempt int
	OK      bool
	Problem string // why not, for the record
}

// Started says that an attempt's process runs.
type Started struct {
	Job     JobID
	Attempt int
	PID     int
	Parent  int           // pid of the process that is parent of all that the attempt leaves behind; 0: unknown
	Wall    int64         // of the start, Unix microseconds
	Age     time.Duration // since the start
}

// NotStarted says that an attempt could not be started.
type NotStarted struct {
	Job       JobID
	Attempt   int
	Problem   string
	Exhausted bool // for lack of descriptors, processes or memory: worth another try when something has ended
}

// Ended says that the processes of an attempt are all gone.
type Ended struct {
	Job     JobID
	Attempt int
	Exit    Exit
}

func (Execute) event()    {}
func (AddTask) event()    {}
func (CloseTask) event()  {}
func (Cancel) event()     {}
func (Join) event()       {}
func (Clear) event()      {}
func (Terminate) event()  {}
func (Shutdown) event()   {}
func (EndInput) event()   {}
func (Hurry) event()      {}
func (Hold) event()       {}
func (Tick) event()       {}
func (Confirmed) event()  {}
func (Started) event()    {}
func (NotStarted) event() {}
func (Ended) event()      {}

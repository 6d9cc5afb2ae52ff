package wire

import (
	"strconv"
	"time"
)

// Empty is the result {}.
type Empty struct{}

// Append appends the result.
func (Empty) Append(b []byte) []byte { return append(b, "{}"...) }

// JobID is the result of execute for one job.
type JobID struct {
	Job   int64
	State State // Starting or Queued
}

// Append appends the result.
func (r JobID) Append(b []byte) []byte {
	b = append(b, `{"job":`...)
	b = strconv.AppendInt(b, r.Job, 10)
	b = append(b, `,"state":`...)
	return append(appendWord(b, r.State), '}')
}

// JobIDs is the result of execute for a list of jobs, in its order.
type JobIDs []int64

// Append appends the result.
func (r JobIDs) Append(b []byte) []byte {
	if r == nil {
		r = JobIDs{}
	}
	b = append(b, `{"jobs":`...)
	return append(appendInts(b, r), '}')
}

// TaskID is the result of task.
type TaskID int64

// Append appends the result.
func (r TaskID) Append(b []byte) []byte { return appendCount(b, "task", int64(r)) }

// CancelledCount is the result of cancel: how many jobs are being ended.
type CancelledCount int

// Append appends the result.
func (r CancelledCount) Append(b []byte) []byte { return appendCount(b, "cancelled", int64(r)) }

// TerminatedCount is the result of terminate: how many jobs are being ended.
type TerminatedCount int

// Append appends the result.
func (r TerminatedCount) Append(b []byte) []byte { return appendCount(b, "terminated", int64(r)) }

func appendCount(b []byte, name string, n int64) []byte {
	b = append(b, '{', '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	return append(strconv.AppendInt(b, n, 10), '}')
}

// Joined is the result of join.
type Joined struct {
	Completed bool // false when the pool's timeout or terminate ended it
	Done      int
	Failed    int
	Duration  time.Duration
	Failures  []Record
}

// Append appends the result.
func (r Joined) Append(b []byte) []byte {
	b = append(b, `{"completed":`...)
	b = strconv.AppendBool(b, r.Completed)
	b = append(b, `,"done":`...)
	b = strconv.AppendInt(b, int64(r.Done), 10)
	b = append(b, `,"failed":`...)
	b = strconv.AppendInt(b, int64(r.Failed), 10)
	b = append(b, `,"duration":`...)
	b = AppendSeconds(b, r.Duration)
	b = append(b, `,"failures":`...)
	b = appendList(b, r.Failures, func(b []byte, r *Record) []byte { return r.Append(b) })
	return append(b, '}')
}

// JobList is the result of jobs.
type JobList struct {
	Jobs []Record
	More bool // the limit left some out: ask again after the last id
}

// Append appends the result.
func (r JobList) Append(b []byte) []byte {
	b = append(b, `{"jobs":`...)
	b = appendList(b, r.Jobs, func(b []byte, r *Record) []byte { return r.Append(b) })
	b = append(b, `,"more":`...)
	return append(strconv.AppendBool(b, r.More), '}')
}

// TaskList is the result of tasks. More is on the wire only when it is true.
type TaskList struct {
	Tasks []TaskRecord
	More  bool // the limit left some out: ask again after the last id
}

// Append appends the result.
func (r TaskList) Append(b []byte) []byte {
	b = append(b, `{"tasks":`...)
	b = appendList(b, r.Tasks, func(b []byte, r *TaskRecord) []byte { return r.Append(b) })
	if r.More {
		b = append(b, `,"more":true`...)
	}
	return append(b, '}')
}

// EventList is the result of events.
type EventList struct {
	Events []Event
	First  uint64 // the sequence number of the oldest event that is kept
	Last   uint64 // that of the newest; 0 before the first event
}

// Append appends the result.
func (r EventList) Append(b []byte) []byte {
	b = append(b, `{"events":`...)
	b = appendList(b, r.Events, func(b []byte, e *Event) []byte { return e.Append(b) })
	b = append(b, `,"first":`...)
	b = strconv.AppendUint(b, r.First, 10)
	b = append(b, `,"last":`...)
	return append(strconv.AppendUint(b, r.Last, 10), '}')
}

// Status is the result of status.
type Status struct {
	Alive    bool
	Workers  int
	Counts   Counts
	MemUsed  Opt[int64] // bytes; unset while nothing is measured
	MemLimit int64      // bytes; 0 for none
	Uptime   time.Duration
}

// Snapshot is what a state file holds.
type Snapshot struct {
	Status          Status
	Running, Queued []Record
}

// Append appends the object.
func (s *Snapshot) Append(b []byte) []byte {
	record := func(b []byte, r *Record) []byte { return r.Append(b) }
	b = s.Status.Append(append(b, `{"status":`...))
	b = appendList(append(b, `,"running":`...), s.Running, record)
	b = appendList(append(b, `,"queued":`...), s.Queued, record)
	return append(b, '}')
}

// Counts is the number of jobs in each state.
type Counts struct{ Queued, Starting, Running, Ending, Done, Failed int }

// Append appends the result.
func (r Status) Append(b []byte) []byte {
	b = append(b, `{"alive":`...)
	b = strconv.AppendBool(b, r.Alive)
	b = append(b, `,"workers":`...)
	b = strconv.AppendInt(b, int64(r.Workers), 10)
	c := r.Counts
	for i, n := range []int{c.Queued, c.Starting, c.Running, c.Ending, c.Done, c.Failed} {
		b = append(b, ',')
		b = AppendString(b, string(States[i]))
		b = append(b, ':')
		b = strconv.AppendInt(b, int64(n), 10)
	}
	b = append(b, `,"memory":{"used":`...)
	b = appendOpt(b, r.MemUsed)
	b = append(b, `,"limit":`...)
	b = strconv.AppendInt(b, r.MemLimit, 10)
	b = append(b, `},"uptime":`...)
	return append(AppendSeconds(b, r.Uptime), '}')
}

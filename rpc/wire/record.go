package wire

import (
	"encoding/json"
	"strconv"
	"time"
)

// State is where a job or a task is in its life.
type State string

// The states. Starting means that a confirmation or the spawn is awaited.
const (
	Queued   State = "queued"
	Starting State = "starting"
	Running  State = "running"
	Ending   State = "ending"
	Done     State = "done"
	Failed   State = "failed"
)

// States are all states in the order of a life.
var States = []State{Queued, Starting, Running, Ending, Done, Failed}

// Reason is why a job or a task ended: the first cause.
type Reason string

// The reasons.
const (
	Exited         Reason = "exited"
	Signaled       Reason = "signaled"
	Timeout        Reason = "timeout"
	TaskTimeout    Reason = "task_timeout"
	PoolTimeout    Reason = "pool_timeout"
	MemLimit       Reason = "memlimit"
	OOM            Reason = "oom"
	ChainedTimeout Reason = "chained_timeout"
	ChainedMemory  Reason = "chained_memory"
	Cancelled      Reason = "cancelled"
	Terminated     Reason = "terminated"
	StartFailed    Reason = "start_failed"
	Rejected       Reason = "rejected"
)

// Reasons are all reasons.
var Reasons = []Reason{
	Exited, Signaled, Timeout, TaskTimeout, PoolTimeout, MemLimit, OOM,
	ChainedTimeout, ChainedMemory, Cancelled, Terminated, StartFailed, Rejected,
}

// Record is what is known of a job. Every field of it is on the wire, as null
// where it is unknown or does not apply; Stdout, Stderr, Truncated and Warnings
// are left out where there is nothing to say.
type Record struct {
	Job      int64
	Name     string
	Task     int64  // 0 for none
	Category string // empty for none
	State    State
	Reason   Reason   // empty before the end
	Code     Opt[int] // negative signal number when a signal ended it
	Attempts int
	Start    time.Time          // of the last attempt; zero if never started
	Stop     time.Time          // of the last attempt; zero before its end
	Duration Opt[time.Duration] // of the last attempt
	CPU      Opt[CPUTime]       // of the last attempt's whole tree
	Mem      Opt[int64]         // bytes, smoothed; what balancing uses
	Peak     MemPeak
	IO       Opt[IO]
	PID      int   // 0 for none
	CPUs     []int // nil for no placement
	// Interference is what a placed job shared with others: levels such as
	// "core" or "l3"; nil without placement.
	Interference []string
	Leaked       int // processes that outlived the job and were ended
	Stdout       []byte
	Stderr       []byte // as Stdout: nil if not captured
	// CutStdout and CutStderr are the bytes that were left out of the captured
	// streams.
	CutStdout int64
	CutStderr int64
	Params    json.RawMessage // nil for none
	Warnings  []string
}

// CPUTime is the processor time used.
type CPUTime struct{ User, Sys time.Duration }

// IO is the bytes read and written.
type IO struct{ Read, Write int64 }

// MemPeak is the most memory that was in use, and how that was obtained. The
// zero value is no figure, with source "none".
type MemPeak struct {
	Bytes  int64
	Source string // empty for no figure
}

// Append appends the record as an object.
func (r *Record) Append(b []byte) []byte {
	return append(r.appendFields(append(b, '{')), '}')
}

// appendFields appends the members without the braces.
func (r *Record) appendFields(b []byte) []byte {
	b = append(b, `"job":`...)
	b = appendID(b, r.Job)
	b = append(b, `,"name":`...)
	b = AppendString(b, r.Name)
	b = append(b, `,"task":`...)
	b = appendID(b, r.Task)
	b = append(b, `,"category":`...)
	b = appendWord(b, r.Category)
	b = append(b, `,"state":`...)
	b = appendWord(b, r.State)
	b = append(b, `,"reason":`...)
	b = appendWord(b, r.Reason)
	b = append(b, `,"code":`...)
	b = appendOpt(b, r.Code)
	b = append(b, `,"attempts":`...)
	b = strconv.AppendInt(b, int64(r.Attempts), 10)
	b = appendSpan(b, r.Start, r.Stop, r.Duration)
	b = r.appendUsage(b)
	b = append(b, `,"pid":`...)
	b = appendID(b, int64(r.PID))
	b = append(b, `,"cpus":`...)
	b = appendInts(b, r.CPUs)
	if r.Interference != nil {
		b = appendStrings(append(b, `,"interference":`...), r.Interference)
	}
	b = append(b, `,"leaked":`...)
	b = strconv.AppendInt(b, int64(r.Leaked), 10)
	b = r.appendCapture(b)
	b = append(b, `,"params":`...)
	b = appendRaw(b, r.Params)
	return appendWarnings(b, r.Warnings)
}

func appendOpt[T int | int64](b []byte, v Opt[T]) []byte {
	if !v.Set {
		return append(b, "null"...)
	}
	return strconv.AppendInt(b, int64(v.Value), 10)
}

func appendSpan(b []byte, start, stop time.Time, took Opt[time.Duration]) []byte {
	b = append(b, `,"tstart":`...)
	b = AppendTime(b, start)
	b = append(b, `,"tstop":`...)
	b = AppendTime(b, stop)
	b = append(b, `,"duration":`...)
	if !took.Set {
		return append(b, "null"...)
	}
	return AppendSeconds(b, took.Value)
}

// appendUsage appends what the job used. The objects are always there, so that
// a client may look inside without a check.
func (r *Record) appendUsage(b []byte) []byte {
	if r.CPU.Set {
		b = append(b, `,"cputime":{"user":`...)
		b = AppendSeconds(b, r.CPU.Value.User)
		b = append(b, `,"sys":`...)
		b = AppendSeconds(b, r.CPU.Value.Sys)
		b = append(b, '}')
	} else {
		b = append(b, `,"cputime":{"user":null,"sys":null}`...)
	}
	b = append(b, `,"mem":`...)
	b = appendOpt(b, r.Mem)
	b = r.Peak.append(b)
	if r.IO.Set {
		b = append(b, `,"io":{"read":`...)
		b = strconv.AppendInt(b, r.IO.Value.Read, 10)
		b = append(b, `,"write":`...)
		b = strconv.AppendInt(b, r.IO.Value.Write, 10)
		return append(b, '}')
	}
	return append(b, `,"io":{"read":null,"write":null}`...)
}

func (p MemPeak) append(b []byte) []byte {
	if p.Source == "" {
		return append(b, `,"mempeak":{"bytes":null,"source":"none"}`...)
	}
	b = append(b, `,"mempeak":{"bytes":`...)
	b = strconv.AppendInt(b, p.Bytes, 10)
	b = append(b, `,"source":`...)
	b = AppendString(b, p.Source)
	return append(b, '}')
}

func (r *Record) appendCapture(b []byte) []byte {
	if r.Stdout != nil {
		b = append(b, `,"stdout":`...)
		b = AppendText(b, r.Stdout)
	}
	if r.Stderr != nil {
		b = append(b, `,"stderr":`...)
		b = AppendText(b, r.Stderr)
	}
	if r.CutStdout > 0 || r.CutStderr > 0 {
		b = append(b, `,"truncated":{"stdout":`...)
		b = strconv.AppendInt(b, r.CutStdout, 10)
		b = append(b, `,"stderr":`...)
		b = strconv.AppendInt(b, r.CutStderr, 10)
		b = append(b, '}')
	}
	return b
}

func appendWarnings(b []byte, warnings []string) []byte {
	if len(warnings) == 0 {
		return b
	}
	return appendStrings(append(b, `,"warnings":`...), warnings)
}

func appendStrings(b []byte, list []string) []byte {
	return appendList(b, list, func(b []byte, s *string) []byte { return AppendString(b, *s) })
}

// TaskRecord is what is known of a task. Its fields are on the wire as those of
// Record.
type TaskRecord struct {
	Task       int64
	Parent     int64 // 0 for none
	Name       string
	State      State
	Reason     Reason             // empty before the end
	Start      time.Time          // zero if never started
	Stop       time.Time          // zero before its end
	Duration   Opt[time.Duration] // unset before its end
	Added      int                // direct jobs and subtasks, all
	Done       int                // those that succeeded
	Terminated int                // those that ended otherwise
	Params     json.RawMessage    // nil for none
	Warnings   []string
}

// Append appends the record as an object.
func (r *TaskRecord) Append(b []byte) []byte {
	return append(r.appendFields(append(b, '{')), '}')
}

func (r *TaskRecord) appendFields(b []byte) []byte {
	b = append(b, `"task":`...)
	b = appendID(b, r.Task)
	b = append(b, `,"parent":`...)
	b = appendID(b, r.Parent)
	b = append(b, `,"name":`...)
	b = AppendString(b, r.Name)
	b = append(b, `,"state":`...)
	b = appendWord(b, r.State)
	b = append(b, `,"reason":`...)
	b = appendWord(b, r.Reason)
	b = appendSpan(b, r.Start, r.Stop, r.Duration)
	b = append(b, `,"numadded":`...)
	b = strconv.AppendInt(b, int64(r.Added), 10)
	b = append(b, `,"numdone":`...)
	b = strconv.AppendInt(b, int64(r.Done), 10)
	b = append(b, `,"numterm":`...)
	b = strconv.AppendInt(b, int64(r.Terminated), 10)
	b = append(b, `,"params":`...)
	b = appendRaw(b, r.Params)
	return appendWarnings(b, r.Warnings)
}

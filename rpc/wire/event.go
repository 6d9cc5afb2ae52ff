package wire

import (
	"encoding/json"
	"strconv"
	"time"
)

// The kinds of what an event is about.
const (
	KindJob  = "job"
	KindTask = "task"
	KindPool = "pool" // in the log only
)

// The notifications.
const (
	OnStart  = "onstart"  // before an attempt of a job, and once per task
	OnDone   = "ondone"   // after success
	OnFinish = "onfinish" // after any end
)

// Notifications are all that there are.
var Notifications = []string{OnStart, OnDone, OnFinish}

// Event is one entry of the event log. The client gets it as a notification or
// a request, by AppendLine, and in the result of the method events, by Append.
type Event struct {
	Name    string // OnStart and so on
	Seq     uint64
	Time    time.Time
	Attempt int    // for OnStart of a job; 0 leaves it and CPUs out
	CPUs    []int  // for OnStart of a job; nil for no placement
	PID     int    // when a process has been started; 0 leaves it out
	Reason  Reason // why, of what was caused; empty leaves it out

	// What the event is about. With a record, it says the same there, and these
	// are not used.
	Job    int64           // 0 for an event of a task
	Task   int64           // of the job, or the task itself; 0 for none
	Title  string          // the name of the job or task
	Params json.RawMessage // nil for none

	// One of these for OnFinish.
	Record     *Record
	TaskRecord *TaskRecord
}

// AppendLine appends the whole message, without a line break: a notification,
// or a request with that id if the id is not empty.
func (e *Event) AppendLine(b []byte, id string) []byte {
	b = append(b, `{"jsonrpc":"2.0",`...)
	if id != "" {
		b = append(b, `"id":`...)
		b = AppendString(b, id)
		b = append(b, ',')
	}
	b = append(b, `"method":`...)
	b = AppendString(b, e.Name)
	b = append(b, `,"params":{`...)
	return append(e.appendParams(b), "}}"...)
}

// Append appends the event as an object: its params and its name in event.
func (e *Event) Append(b []byte) []byte {
	b = append(b, `{"event":`...)
	b = AppendString(b, e.Name)
	b = append(b, ',')
	return append(e.appendParams(b), '}')
}

func (e *Event) appendParams(b []byte) []byte {
	b = append(b, `"seq":`...)
	b = strconv.AppendUint(b, e.Seq, 10)
	b = append(b, `,"time":`...)
	b = AppendTime(b, e.Time)
	switch {
	case e.Record != nil:
		return e.Record.appendFields(append(b, `,"kind":"job",`...))
	case e.TaskRecord != nil:
		return e.TaskRecord.appendFields(append(b, `,"kind":"task",`...))
	}
	return e.appendSubject(b)
}

func (e *Event) appendSubject(b []byte) []byte {
	b = append(b, `,"kind":"`...)
	b = append(b, e.kind()...)
	b = append(b, '"')
	if e.kind() != KindPool {
		b = append(b, `,"name":`...)
		b = AppendString(b, e.Title)
	}
	if e.Job != 0 {
		b = append(b, `,"job":`...)
		b = strconv.AppendInt(b, e.Job, 10)
	}
	if e.Task != 0 {
		b = append(b, `,"task":`...)
		b = strconv.AppendInt(b, e.Task, 10)
	}
	if e.Attempt != 0 {
		b = append(b, `,"attempt":`...)
		b = strconv.AppendInt(b, int64(e.Attempt), 10)
		b = append(b, `,"cpus":`...)
		b = appendInts(b, e.CPUs)
	}
	if e.PID != 0 {
		b = append(b, `,"pid":`...)
		b = strconv.AppendInt(b, int64(e.PID), 10)
	}
	if e.Reason != "" {
		b = append(b, `,"reason":`...)
		b = appendWord(b, e.Reason)
	}
	if e.kind() == KindPool {
		return b
	}
	b = append(b, `,"params":`...)
	return appendRaw(b, e.Params)
}

func (e *Event) kind() string {
	switch {
	case e.Job != 0:
		return KindJob
	case e.Task != 0:
		return KindTask
	}
	return KindPool
}

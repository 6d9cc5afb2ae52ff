package wire

import (
	"encoding/json"
	"math"
	"time"
)

// Task is the params of the method task.
type Task struct {
	Name    string          // not empty
	Parent  int64           // the id of the task that it is a part of; 0 for none
	Timeout time.Duration   // 0 for none
	Params  json.RawMessage // echoed in notifications, without white space; nil if absent
	Stdout  Output          // the default of its jobs
	Stderr  Output          // the default of its jobs
}

var taskFields = fieldsOf(
	field[Task]{"name", func(d *decoder, t *Task) { t.Name = d.filled() }},
	field[Task]{"task", func(d *decoder, t *Task) { t.Parent = d.id() }},
	field[Task]{"timeout", func(d *decoder, t *Task) { t.Timeout = d.seconds() }},
	field[Task]{"params", func(d *decoder, t *Task) { t.Params = d.any() }},
	field[Task]{"stdout", func(d *decoder, t *Task) { t.Stdout = d.output(false) }},
	field[Task]{"stderr", func(d *decoder, t *Task) { t.Stderr = d.output(true) }},
)

// DecodeTask decodes the params of task.
func DecodeTask(raw json.RawMessage) (t Task, err *Error) {
	err = decode(raw, taskFields, &t, func(d *decoder, t *Task, _ seen) {
		if t.Name == "" {
			d.rejectField("name", "is missing: every task needs one")
		}
	})
	return t, err
}

// Close is the params of the method close.
type Close struct {
	Task int64 // not 0
}

var closeFields = fieldsOf(
	field[Close]{"task", func(d *decoder, c *Close) { c.Task = d.requiredID() }},
)

// DecodeClose decodes the params of close.
func DecodeClose(raw json.RawMessage) (c Close, err *Error) {
	err = decode(raw, closeFields, &c, func(d *decoder, c *Close, _ seen) {
		if c.Task == 0 {
			d.rejectField("task", "is missing: give the id of the task to close")
		}
	})
	return c, err
}

// Join is the params of the method join.
type Join struct {
	Timeout time.Duration // since the first job was scheduled; 0 for none
}

var joinFields = fieldsOf(
	field[Join]{"timeout", func(d *decoder, j *Join) { j.Timeout = d.seconds() }},
)

// DecodeJoin decodes the params of join.
func DecodeJoin(raw json.RawMessage) (j Join, err *Error) {
	err = decode(raw, joinFields, &j, nil)
	return j, err
}

// Cancel is the params of the method cancel. Exactly one of the two is set.
type Cancel struct {
	Job  int64
	Task int64
}

var cancelFields = fieldsOf(
	field[Cancel]{"job", func(d *decoder, c *Cancel) { c.Job = d.id() }},
	field[Cancel]{"task", func(d *decoder, c *Cancel) { c.Task = d.id() }},
)

// DecodeCancel decodes the params of cancel.
func DecodeCancel(raw json.RawMessage) (c Cancel, err *Error) {
	err = decode(raw, cancelFields, &c, func(d *decoder, c *Cancel, _ seen) {
		switch {
		case c.Job == 0 && c.Task == 0:
			d.rejectField("job", "is missing: give the id of a job, or of a task in task")
		case c.Job != 0 && c.Task != 0:
			d.rejectField("task", "is not allowed beside job: give one of them")
		}
	})
	return c, err
}

// Filter is the params of the methods jobs and tasks: which records to return.
// Empty values let everything pass.
type Filter struct {
	State    State
	Name     string
	Category string
	Task     int64 // the task that they are direct parts of
	Reason   Reason
	Limit    int   // how many at most; default DefaultLimit
	After    int64 // only ids above this one
}

// DefaultLimit is how many records or events a method returns at most when
// nothing else is asked for.
const DefaultLimit = 1000

var filterFields = fieldsOf(
	field[Filter]{"state", func(d *decoder, f *Filter) { f.State = choice(d, States...) }},
	field[Filter]{"name", func(d *decoder, f *Filter) { f.Name = d.filled() }},
	field[Filter]{"category", func(d *decoder, f *Filter) { f.Category = d.filled() }},
	field[Filter]{"task", func(d *decoder, f *Filter) { f.Task = d.id() }},
	field[Filter]{"reason", func(d *decoder, f *Filter) { f.Reason = choice(d, Reasons...) }},
	field[Filter]{"limit", func(d *decoder, f *Filter) { f.Limit = optional(d, (*decoder).limit).Or(DefaultLimit) }},
	field[Filter]{"after", func(d *decoder, f *Filter) { f.After = d.integer(0, math.MaxInt64) }},
)

func (d *decoder) limit() int { return int(d.integer(1, math.MaxInt32)) }

// DecodeFilter decodes the params of jobs.
func DecodeFilter(raw json.RawMessage) (Filter, *Error) {
	f := Filter{Limit: DefaultLimit}
	err := decode(raw, filterFields, &f, nil)
	return f, err
}

// DecodeTaskFilter decodes the params of tasks.
func DecodeTaskFilter(raw json.RawMessage) (Filter, *Error) {
	f := Filter{Limit: DefaultLimit}
	err := decode(raw, filterFields, &f, func(d *decoder, f *Filter, got seen) {
		if filterFields.has(got, "category") {
			d.rejectField("category", "is of jobs, not of tasks: leave it out")
		}
	})
	return f, err
}

// Explain is the params of the method explain.
type Explain struct {
	Job int64 // not 0
}

var explainFields = fieldsOf(
	field[Explain]{"job", func(d *decoder, e *Explain) { e.Job = d.requiredID() }},
)

// DecodeExplain decodes the params of explain.
func DecodeExplain(raw json.RawMessage) (e Explain, err *Error) {
	err = decode(raw, explainFields, &e, func(d *decoder, e *Explain, _ seen) {
		if e.Job == 0 {
			d.rejectField("job", "is missing: give the id of the job to explain")
		}
	})
	return e, err
}

// Events is the params of the method events.
type Events struct {
	After uint64 // the sequence number of the last event that is known; default 0
	Limit int    // how many at most; default DefaultLimit
}

var eventsFields = fieldsOf(
	field[Events]{"after", func(d *decoder, e *Events) { e.After = uint64(d.integer(0, math.MaxInt64)) }},
	field[Events]{"limit", func(d *decoder, e *Events) { e.Limit = optional(d, (*decoder).limit).Or(DefaultLimit) }},
)

// DecodeEvents decodes the params of events.
func DecodeEvents(raw json.RawMessage) (Events, *Error) {
	e := Events{Limit: DefaultLimit}
	err := decode(raw, eventsFields, &e, nil)
	return e, err
}

// Mode says what to do with the jobs that remain.
type Mode string

// The modes of shutdown.
const (
	ModeFinish    Mode = "finish"    // run all of them
	ModeTerminate Mode = "terminate" // end all of them
)

// Shutdown is the params of the method shutdown.
type Shutdown struct {
	Mode Mode // default ModeFinish
}

var shutdownFields = fieldsOf(
	field[Shutdown]{"mode", func(d *decoder, s *Shutdown) {
		s.Mode = optional(d, func(d *decoder) Mode { return choice(d, ModeFinish, ModeTerminate) }).Or(ModeFinish)
	}},
)

// DecodeShutdown decodes the params of shutdown.
func DecodeShutdown(raw json.RawMessage) (Shutdown, *Error) {
	s := Shutdown{Mode: ModeFinish}
	err := decode(raw, shutdownFields, &s, nil)
	return s, err
}

// DecodeNone decodes the params of a method that has none: clear, terminate,
// status, topology.
func DecodeNone(raw json.RawMessage) *Error {
	var none struct{}
	return decode(raw, noFields, &none, nil)
}

var noFields = fieldsOf[struct{}]()

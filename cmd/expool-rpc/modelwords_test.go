package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// The lines of the server are compared with what the model expects as a few words each: without times, process ids and whatever else the model does
// not know.

func jobEnd(what string, job, task int64, state, reason string, attempts int, code string) string {
	return fmt.Sprintf("%s %s code=%s", what, jobWords(job, task, state, reason, attempts), code)
}

func jobWords(job, task int64, state, reason string, attempts int) string {
	return fmt.Sprintf("job %d in %d %s %s attempts=%d", job, task, state, reason, attempts)
}

func recordEnd(what string, r record) string {
	code := "null"
	if r.Code != nil {
		code = fmt.Sprint(*r.Code)
	}
	return jobEnd(what, r.Job, taskID(r), r.State, r.Reason, r.Attempts, code)
}

func taskID(r record) int64 {
	if r.Task == nil {
		return 0
	}
	return *r.Task
}

// fits says that a line in words is the expected one. Where the exit code may be any, it ends in a question mark.
func fits(got, want string) bool {
	if any, ok := strings.CutSuffix(want, "code=?"); ok {
		return strings.HasPrefix(got, any+"code=")
	}
	return got == want
}

// noticeWords tells a notification, or a request to confirm.
func noticeWords(m message) string {
	p := m.Params
	what := m.Method
	if m.ID != nil {
		what = "confirm"
	}
	switch {
	case p.Kind == "task" && m.Method == "onfinish":
		return fmt.Sprintf("onfinish task %d %s %s added=%d done=%d term=%d", taskID(p.record), p.State, p.Reason, p.NumAdded, p.NumDone, p.NumTerm)
	case p.Kind == "task":
		return fmt.Sprintf("%s task %d", what, taskID(p.record))
	case m.Method == "onfinish":
		return recordEnd(what, p.record)
	case m.Method == "onstart":
		return fmt.Sprintf("%s job %d attempt %d", what, p.Job, p.Attempt)
	}
	return fmt.Sprintf("%s job %d", what, p.Job)
}

// replyWords tells the response to a call.
func (m *model) replyWords(c *call, reply message) string {
	what := "reply " + c.id + " "
	if reply.Error != nil {
		return fmt.Sprintf("%serror %d", what, reply.Error.Code)
	}
	switch {
	case c.method == "execute" && !c.list && c.jobs[0].wait != "":
		return recordEnd(strings.TrimSpace(what), decoded[record](reply.Result))
	case c.method == "join":
		return what + joinWords(reply.Result)
	case c.method == "status":
		return what + m.statusWords(reply.Result)
	case c.method == "explain":
		return what + m.explainWords(c.target, reply.Result)
	case c.method == "jobs":
		return what + m.jobsWords(reply.Result)
	case c.method == "tasks":
		return what + tasksWords(reply.Result)
	}
	return what + string(reply.Result)
}

func decoded[T any](raw json.RawMessage) (v T) {
	if err := json.Unmarshal(raw, &v); err != nil {
		panic(fmt.Sprintf("%.300s: %v", raw, err))
	}
	return v
}

func joinWords(raw json.RawMessage) string {
	r := decoded[struct {
		Completed    bool
		Done, Failed int
		Failures     []record
	}](raw)
	var failures []int64
	for _, f := range r.Failures {
		failures = append(failures, f.Job)
	}
	return fmt.Sprintf("completed=%v done=%d failed=%d failures=%v", r.Completed, r.Done, r.Failed, failures)
}

// statusWords counts jobs that have begun to end by themselves, unknown to the model, as active.
func (m *model) statusWords(raw json.RawMessage) string {
	r := decoded[struct {
		Alive                                           bool
		Queued, Starting, Running, Ending, Done, Failed int
	}](raw)
	active, sure := r.Starting+r.Running, m.counts()["ending"]
	if more := r.Ending - sure; more > 0 && more <= m.unsure() {
		active, r.Ending = active+more, sure
	}
	return fmt.Sprintf("alive=%v queued=%d active=%d ending=%d done=%d failed=%d", r.Alive, r.Queued, active, r.Ending, r.Done, r.Failed)
}

func (m *model) explainWords(id int64, raw json.RawMessage) string {
	r := decoded[struct{ State, Constraint string }](raw)
	if c := r.Constraint; c == "none" || c == "spawn" || c == "ending" && m.mayBeEnding(id) {
		return "active"
	}
	return r.Constraint
}

// mayBeEnding says that the model does not know whether an active job is ending by itself.
func (m *model) mayBeEnding(id int64) bool {
	j := m.jobs[id]
	return j != nil && j.state == "active" && (j.kind == timed || j.kind == looping)
}

func (m *model) jobsWords(raw json.RawMessage) string {
	var list []string
	for _, r := range decoded[struct{ Jobs []record }](raw).Jobs {
		j := m.jobs[r.Job]
		switch {
		case r.State == "starting" && j != nil && j.state == "asked":
			r.State = "asked"
		case r.State == "starting" || r.State == "running":
			r.State = "active"
		case r.State == "ending" && m.mayBeEnding(r.Job):
			r.State, r.Reason = "active", ""
		case r.State == "ending" && j != nil && len(j.ends) > 1:
			r.Reason = ""
		}
		list = append(list, jobWords(r.Job, taskID(r), r.State, r.Reason, r.Attempts))
	}
	return strings.Join(list, "; ")
}

func tasksWords(raw json.RawMessage) string {
	var list []string
	for _, r := range decoded[struct{ Tasks []record }](raw).Tasks {
		list = append(list, fmt.Sprintf("%d %s %d/%d/%d", taskID(r), r.State, r.NumAdded, r.NumDone, r.NumTerm))
	}
	return strings.Join(list, "; ")
}

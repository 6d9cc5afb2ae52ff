package main

import "fmt"

// ledger checks what must be true of the messages of any server: numbers that rise, one end for each job, starts before ends, success told
// before the end and only then, responses before what they caused.
type ledger struct {
	seq      int64
	starts   map[int64]int // attempts announced
	success  map[int64]bool
	ended    map[int64]bool
	problems []string
}

func (l *ledger) init() {
	l.starts, l.success, l.ended = map[int64]int{}, map[int64]bool{}, map[int64]bool{}
}

func (l *ledger) problem(format string, args ...any) {
	if len(l.problems) < mostFailures {
		l.problems = append(l.problems, fmt.Sprintf(format, args...))
	}
}

func (l *ledger) enter(m Message) {
	if m.Method == "" {
		return
	}
	if m.Params.Seq <= l.seq {
		l.problem("seq %d after %d: %.300s", m.Params.Seq, l.seq, m.Line)
	}
	l.seq = m.Params.Seq
	if m.Params.Kind != "job" {
		return
	}
	job := m.Params.Job
	if l.ended[job] {
		l.problem("job %d had ended: %.300s", job, m.Line)
	}
	switch m.Method {
	case "onstart":
		l.starts[job]++
		if m.Params.Attempt != l.starts[job] {
			l.problem("attempt %d of job %d is its %d. start", m.Params.Attempt, job, l.starts[job])
		}
	case "ondone":
		l.success[job] = true
	case "onfinish":
		l.finish(m)
	}
}

func (l *ledger) finish(m Message) {
	r := m.Params.Record
	l.ended[r.Job] = true
	done := r.State == "done"
	if done != l.success[r.Job] || done != (r.Reason == "exited" && r.Code != nil && *r.Code == 0) {
		l.problem("the end of job %d contradicts itself: %.300s", r.Job, m.Line)
	}
	if r.Attempts != l.starts[r.Job] {
		l.problem("job %d has %d attempts, and %d were told: %.300s", r.Job, r.Attempts, l.starts[r.Job], m.Line)
	}
}

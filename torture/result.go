package main

import (
	"fmt"
	"time"
)

// mostFailures is how many failures of a case are told before it is given up.
const mostFailures = 3

// Result is what became of a case.
type Result struct {
	Case     Case
	tries    int
	failures []failure // the first ones
	broken   int       // how many there were
	skipped  string    // why it could not be tried
	figures  []figure
	notes    []note
	took     time.Duration
}

type failure struct {
	try  int
	text string
}

// figure is the longest that something took.
type figure struct {
	what  string
	worst time.Duration
}

type note struct{ name, value string }

func (r *Result) fail(try int, text string) {
	r.broken++
	if len(r.failures) < mostFailures {
		r.failures = append(r.failures, failure{try, text})
	}
}

func (r *Result) measure(what string, took time.Duration) {
	for i := range r.figures {
		if f := &r.figures[i]; f.what == what {
			f.worst = max(f.worst, took)
			return
		}
	}
	r.figures = append(r.figures, figure{what, took})
}

func (r *Result) note(name, value string) {
	for i := range r.notes {
		if r.notes[i].name == name {
			r.notes[i].value = value
			return
		}
	}
	r.notes = append(r.notes, note{name, value})
}

// verdict is a word for the table.
func (r *Result) verdict() string {
	switch {
	case r.broken > 0:
		return fmt.Sprintf("**broken** (%d times)", r.broken)
	case r.skipped != "":
		return "not tried: " + r.skipped
	}
	return "kept"
}

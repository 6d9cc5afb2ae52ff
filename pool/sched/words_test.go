package sched

import (
	"bufio"
	"strconv"
	"strings"
	"testing"
	"time"
)

// words is a command line: a verb, words, and key=value pairs. Each may be used once, and all must be.
type words struct {
	t    *testing.T
	line string
	verb string
	rest []string
	keys map[string]string
}

func parseWords(t *testing.T, line string) *words {
	w := &words{t: t, line: line, keys: map[string]string{}}
	scan := bufio.NewScanner(strings.NewReader(line))
	scan.Split(bufio.ScanWords)
	for scan.Scan() {
		word := scan.Text()
		key, value, isKey := strings.Cut(word, "=")
		switch {
		case w.verb == "":
			w.verb = word
		case isKey:
			w.keys[key] = value
		default:
			w.rest = append(w.rest, word)
		}
	}
	return w
}

func (w *words) done() {
	if len(w.rest) > 0 || len(w.keys) > 0 {
		w.t.Fatalf("%q: not understood: %v %v", w.line, w.rest, w.keys)
	}
}

func (w *words) take() string {
	if len(w.rest) == 0 {
		w.t.Fatalf("%q: a word is missing", w.line)
	}
	first := w.rest[0]
	w.rest = w.rest[1:]
	return first
}

func (w *words) all() string {
	s := strings.Join(w.rest, " ")
	w.rest = nil
	return s
}

// flag says whether the word stands in the line.
func (w *words) flag(name string) bool {
	for i, word := range w.rest {
		if word == name {
			w.rest = append(w.rest[:i:i], w.rest[i+1:]...)
			return true
		}
	}
	return false
}

func (w *words) key(name string) string {
	v := w.keys[name]
	delete(w.keys, name)
	return v
}

func (w *words) number(text string) float64 {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		w.t.Fatalf("%q: %v", w.line, err)
	}
	return f
}

func (w *words) float(name string, otherwise float64) float64 {
	if v := w.key(name); v != "" {
		return w.number(v)
	}
	return otherwise
}

func (w *words) num(name string, otherwise int64) int64 {
	return int64(w.float(name, float64(otherwise)))
}

func (w *words) dur(name string) time.Duration {
	v := w.key(name)
	if v == "" {
		return 0
	}
	d, err := time.ParseDuration(v)
	if err != nil {
		w.t.Fatalf("%q: %v", w.line, err)
	}
	return d
}

func (w *words) span() time.Duration {
	d, err := time.ParseDuration(w.take())
	if err != nil {
		w.t.Fatalf("%q: %v", w.line, err)
	}
	return d
}

func (w *words) id() int64 { return int64(w.number(w.take())) }

// attempt parses JOB.ATTEMPT.
func (w *words) attempt() (JobID, int) {
	job, attempt, _ := strings.Cut(w.take(), ".")
	return JobID(w.number(job)), int(w.number(attempt))
}

func (w *words) filter() Filter {
	f := Filter{Name: w.key("name"), Category: w.key("category"), Task: TaskID(w.num("task", 0)), After: w.num("after", 0), Limit: int(w.num("limit", 1000))}
	if s, ok := ParseState(w.key("state")); ok {
		f.State = &s
	}
	f.Reason, _ = ParseReason(w.key("reason"))
	return f
}

func (w *words) specs() []*Spec {
	base := Spec{Task: TaskID(w.num("task", 0)), Timeout: w.dur("timeout"), StartDelay: w.dur("startdelay"), Category: w.key("category"),
		Size: w.float("size", 0), Slowdown: w.float("slowdown", 1), Restart: w.flag("restart"), Confirm: w.flag("confirm"),
		Stub: w.flag("stub"), Sync: w.flag("sync"), OmitAffinity: w.flag("omitafn"),
		MemLimit: w.num("memlim", 0), MemKind: uint8(w.num("memkind", 0))}
	var specs []*Spec
	for len(w.rest) > 0 {
		s := base
		s.Name = w.take()
		specs = append(specs, &s)
	}
	return specs
}

// event is the event that the command stands for; nil for the other commands.
func (w *words) event(call CallID) Event {
	switch w.verb {
	case "execute":
		specs := w.specs()
		return Execute{Call: call, Jobs: specs, List: len(specs) > 1}
	case "task":
		return AddTask{Call: call, Spec: &TaskSpec{Name: w.take(), Parent: TaskID(w.num("parent", 0)), Timeout: w.dur("timeout")}}
	case "close":
		return CloseTask{Call: call, Task: TaskID(w.id())}
	case "cancel":
		return Cancel{Call: call, Job: JobID(w.num("job", 0)), Task: TaskID(w.num("task", 0))}
	case "join":
		return Join{Call: call, Timeout: w.dur("timeout")}
	case "clear":
		return Clear{Call: call}
	case "terminate":
		return Terminate{Call: call}
	case "shutdown":
		return Shutdown{Call: call, Now: w.flag("now")}
	case "endinput":
		return EndInput{Now: w.flag("now")}
	case "hold", "release":
		return Hold{On: w.verb == "hold"}
	case "hurry":
		return Hurry{}
	}
	return w.news()
}

// news is the event of the runner, or of the confirming client, that the command stands for.
func (w *words) news() Event {
	switch w.verb {
	case "confirm":
		job, n := w.attempt()
		why := w.key("no")
		return Confirmed{Job: job, Attempt: n, OK: why == "", Problem: why}
	case "started":
		job, n := w.attempt()
		return Started{Job: job, Attempt: n, PID: 1000 + int(job), Wall: 1, Age: w.dur("age")}
	case "notstarted":
		job, n := w.attempt()
		exhausted := w.flag("exhausted")
		return NotStarted{Job: job, Attempt: n, Exhausted: exhausted, Problem: w.all()}
	case "ended":
		job, n := w.attempt()
		code, unbound := 0, w.flag("unbound")
		if len(w.rest) > 0 {
			code = int(w.number(w.take()))
		}
		return Ended{Job: job, Attempt: n, Exit: Exit{PID: 1000 + int(job), Code: code, Wall: 1, Unbound: unbound}}
	}
	return nil
}

// placement makes groups of one CPU each, and what they share.
func (w *words) placement() Placement {
	var p Placement
	for i := range w.num("groups", 0) {
		p.Groups = append(p.Groups, Group{CPUs: []int{int(i)}})
	}
	for _, level := range []string{"core", "l2", "l3"} {
		list := w.key(level)
		if list == "" {
			continue
		}
		for _, g := range strings.Split(list, ",") {
			group := &p.Groups[int(w.number(g))]
			group.Domains = append(group.Domains, len(p.Domains))
		}
		p.Domains = append(p.Domains, level)
	}
	return p
}

// looked is the answer to a look, about the current attempts of the jobs that are named.
func (w *words) looked(c *Core) Looked {
	e := Looked{Free: w.num("free", 1<<40)}
	for id := JobID(1); id <= c.lastJob; id++ {
		if v := w.key(strconv.Itoa(int(id))); v != "" {
			e.Used = append(e.Used, Used{Job: id, Attempt: c.jobs[id].attempt, Bytes: int64(w.number(v))})
		}
	}
	return e
}

package sched

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

var rewrite = flag.Bool("rewrite", false, "write what the scheduler does into the traces, instead of comparing")

// TestTraces runs the traces in testdata: each is a conversation with one scheduler in virtual time. A block is a comment,
// or a command, a line "----", and all that the scheduler does, up to an empty line:
//
//	pool workers=2 grace=2s history=100 unchained        a new scheduler; the first command
//	execute NAME [NAME...] [key=value...]                timeout, startdelay, task, category, size, slowdown, and the flags
//	                                                     restart, confirm, stub, sync
//	task NAME [timeout=1s] [parent=1]
//	close TASK | cancel job=1 | cancel task=1 | join [timeout=1s] | clear | terminate | shutdown [now] | endinput [now]
//	hold | release | hurry
//	confirm JOB.ATTEMPT [no=why]
//	started JOB.ATTEMPT
//	notstarted JOB.ATTEMPT [exhausted] why
//	ended JOB.ATTEMPT [code]
//	wait 5s                                              time passes; timers fire on their way
//	status | explain JOB | jobs [state=...] | tasks | events [after=N]
//
// The invariants of Core.Check hold after every step.
func TestTraces(t *testing.T) {
	files, err := filepath.Glob("testdata/*.trace")
	if err != nil || len(files) == 0 {
		t.Fatalf("no traces: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".trace")
		t.Run(name, func(t *testing.T) { runTrace(t, file) })
	}
}

func runTrace(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tr := &tracer{t: t}
	var got strings.Builder
	for _, block := range strings.Split(strings.TrimSpace(string(text)), "\n\n") {
		if got.Len() > 0 {
			got.WriteString("\n")
		}
		command, _, found := strings.Cut(block, "\n----")
		got.WriteString(command + "\n")
		if !found {
			continue // a comment
		}
		got.WriteString("----\n")
		got.WriteString(tr.run(command[strings.LastIndex(command, "\n")+1:]))
	}
	if *rewrite {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	diff(t, string(text), got.String())
}

func diff(t *testing.T, want, got string) {
	t.Helper()
	w, g := strings.Split(strings.TrimSpace(want), "\n"), strings.Split(strings.TrimSpace(got), "\n")
	for i := range max(len(w), len(g)) {
		a, b := "", ""
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			b = g[i]
		}
		if a != b {
			t.Fatalf("line %d\nwant: %s\ngot:  %s\n\nall:\n%s", i+1, a, b, got)
		}
	}
}

// tracer drives one scheduler from commands.
type tracer struct {
	t    *testing.T
	core *Core
	now  time.Duration
	call CallID
	out  strings.Builder
}

func (tr *tracer) at() Now { return Now{Mono: tr.now, Wall: tr.now.Microseconds() + 1} }

func (tr *tracer) step(e Event) {
	for _, a := range tr.core.Step(tr.at(), e) {
		tr.out.WriteString(renderAction(a) + "\n")
	}
	if err := tr.core.Check(); err != nil {
		tr.t.Fatalf("after %#v: %v", e, err)
	}
}

// wait lets time pass, with a tick at each deadline.
func (tr *tracer) wait(d time.Duration) {
	end := tr.now + d
	for {
		at, ok := tr.core.Deadline()
		if !ok || at > end {
			tr.now = end
			return
		}
		if at > tr.now {
			tr.now = at
			fmt.Fprintf(&tr.out, "@%v\n", at)
		}
		tr.step(Tick{})
	}
}

func (tr *tracer) run(line string) string {
	tr.out.Reset()
	w := parseWords(tr.t, line)
	if w.verb == "pool" {
		tr.core = New(Config{Workers: int(w.num("workers", 1)), Grace: w.dur("grace"), Unchained: w.flag("unchained"),
			History: int(w.num("history", 100))})
		return ""
	}
	tr.call++
	if e := w.event(tr.call); e != nil {
		tr.step(e)
	} else {
		tr.ask(w)
	}
	w.done()
	return tr.out.String()
}

// ask runs the commands that are not events.
func (tr *tracer) ask(w *words) {
	switch w.verb {
	case "wait":
		d, err := time.ParseDuration(w.take())
		if err != nil {
			tr.t.Fatal(err)
		}
		tr.wait(d)
	case "status":
		fmt.Fprintf(&tr.out, "%+v\n", tr.core.Status())
	case "explain":
		x, err := tr.core.Explain(JobID(w.id()))
		if err != nil {
			fmt.Fprintf(&tr.out, "error %d %v\n", err.Kind, err)
			return
		}
		fmt.Fprintf(&tr.out, "%s %s %v: %s\n", x.State, x.Constraint, x.WaitsFor, x.Text)
	case "jobs":
		records, more := tr.core.Jobs(w.filter())
		for _, r := range records {
			fmt.Fprintln(&tr.out, renderRecord(r))
		}
		fmt.Fprintf(&tr.out, "more %t\n", more)
	case "tasks":
		records, more := tr.core.Tasks(w.filter())
		for _, r := range records {
			fmt.Fprintln(&tr.out, renderTask(r))
		}
		fmt.Fprintf(&tr.out, "more %t\n", more)
	case "events":
		changes, first, last := tr.core.Events(w.num("after", 0), int(w.num("limit", 1000)))
		for _, ch := range changes {
			fmt.Fprintln(&tr.out, renderChange(ch))
		}
		fmt.Fprintf(&tr.out, "first %d last %d\n", first, last)
	default:
		tr.t.Fatalf("unknown command %q", w.verb)
	}
}

func renderAction(a Action) string {
	switch a := a.(type) {
	case Reply:
		return fmt.Sprintf("reply %d %s", a.Call, renderResult(a))
	case Publish:
		return renderChange(a.Change)
	case Start:
		return fmt.Sprintf("  start %d.%d", a.Job, a.Attempt)
	case Kill:
		return fmt.Sprintf("  kill %d.%d hard=%t", a.Job, a.Attempt, a.Hard)
	case Quit:
		return "  quit"
	}
	return fmt.Sprintf("?%#v", a)
}

func renderResult(r Reply) string {
	if r.Err != nil {
		e := r.Err.(*Error)
		return fmt.Sprintf("error %d %v", e.Kind, e)
	}
	switch v := r.Result.(type) {
	case Accepted:
		return fmt.Sprintf("jobs from %d %s", v.First, v.State)
	case *Record:
		return renderRecord(v)
	case Summary:
		var failures []JobID
		for _, f := range v.Failures {
			failures = append(failures, f.Job)
		}
		return fmt.Sprintf("completed=%t done=%d failed=%d duration=%v failures=%v", v.Completed, v.Done, v.Failed, v.Duration, failures)
	}
	return fmt.Sprint(r.Result)
}

func renderChange(ch *Change) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s", ch.Seq, ch.What)
	switch {
	case ch.Job != 0:
		fmt.Fprintf(&b, " job %d.%d", ch.Job, ch.Attempt)
	case ch.Task != 0:
		fmt.Fprintf(&b, " task %d", ch.Task)
	default:
		b.WriteString(" pool")
	}
	if ch.Confirm {
		b.WriteString(" confirm")
	}
	switch {
	case ch.Record != nil:
		b.WriteString(" " + renderRecord(ch.Record))
	case ch.TaskRecord != nil:
		b.WriteString(" " + renderTask(ch.TaskRecord))
	case ch.Reason != NoReason:
		fmt.Fprintf(&b, " %s", ch.Reason)
	}
	return b.String()
}

func renderRecord(r *Record) string {
	s := fmt.Sprintf("{%d %s %s attempts=%d", r.Job, r.State, r.Reason, r.Attempts)
	if r.Ended {
		s += fmt.Sprintf(" code=%d", r.Exit.Code)
	}
	if r.Problem != "" {
		s += fmt.Sprintf(" %q", r.Problem)
	}
	return s + "}"
}

func renderTask(r *TaskRecord) string {
	return fmt.Sprintf("{task %d %s %s added=%d done=%d term=%d closed=%t %v}", r.Task, r.State, r.Reason, r.Added, r.Done, r.Term, r.Closed, r.Duration)
}

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

func (w *words) num(name string, otherwise int64) int64 { return int64(w.float(name, float64(otherwise))) }

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
		Stub: w.flag("stub"), Sync: w.flag("sync")}
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
		return Started{Job: job, Attempt: n, PID: 1000 + int(job), Wall: 1}
	case "notstarted":
		job, n := w.attempt()
		exhausted := w.flag("exhausted")
		return NotStarted{Job: job, Attempt: n, Exhausted: exhausted, Problem: w.all()}
	case "ended":
		job, n := w.attempt()
		code := 0
		if len(w.rest) > 0 {
			code = int(w.number(w.take()))
		}
		return Ended{Job: job, Attempt: n, Exit: Exit{PID: 1000 + int(job), Code: code, Wall: 1}}
	}
	return nil
}

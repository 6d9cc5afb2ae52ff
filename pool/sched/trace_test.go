package sched

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var rewrite = flag.Bool("rewrite", false, "write what the scheduler does into the traces, instead of comparing")

// TestTraces runs the traces in testdata: each is a conversation with one scheduler in virtual time. A block is a comment,
// or a command, a line "----", and all that the scheduler does, up to an empty line:
//
//	pool workers=2 grace=2s history=100 unchained        a new scheduler; the first command
//	     groups=3 core=0,1 l3=0,1,2                      with 3 affinity groups, of CPU 0, 1 and 2, and which share what
//	     memlimit=600 latency=500ms                      with memory limits; bytes may have any unit here
//	execute NAME [NAME...] [key=value...]                timeout, startdelay, task, category, size, slowdown, and the flags
//	                                                     restart, confirm, stub, sync, omitafn, memlim, memkind
//	task NAME [timeout=1s] [parent=1]
//	close TASK | cancel job=1 | cancel task=1 | join [timeout=1s] | clear | terminate | shutdown [now] | endinput [now]
//	hold | release | hurry
//	confirm JOB.ATTEMPT [no=why]
//	started JOB.ATTEMPT [age=1ms]
//	notstarted JOB.ATTEMPT [exhausted] why
//	ended JOB.ATTEMPT [code] [unbound]
//	looked JOB=BYTES... [free=BYTES]                     the answer to a look
//	wait 5s                                              time passes; timers fire on their way
//	late 5s                                              time passes, and the timers wait for the next wait
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
			History: int(w.num("history", 100)), Placement: w.placement(),
			Memory: Memory{Limit: w.num("memlimit", 0), Latency: w.dur("latency")}})
		w.done()
		return ""
	}
	tr.call++
	if w.verb == "looked" {
		tr.step(w.looked(tr.core))
	} else if e := w.event(tr.call); e != nil {
		tr.step(e)
	} else {
		tr.ask(w)
	}
	w.done()
	return tr.out.String()
}

// ask runs the commands that are not events.
func (tr *tracer) ask(w *words) {
	tr.core.Advance(tr.at())
	switch w.verb {
	case "wait":
		tr.wait(w.span())
	case "late":
		tr.now += w.span()
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
		if a.Group != nil {
			return fmt.Sprintf("  start %d.%d on %v", a.Job, a.Attempt, a.Group.CPUs)
		}
		return fmt.Sprintf("  start %d.%d", a.Job, a.Attempt)
	case Kill:
		return fmt.Sprintf("  kill %d.%d hard=%t", a.Job, a.Attempt, a.Hard)
	case Look:
		var list []string
		for _, t := range a.Targets {
			list = append(list, fmt.Sprintf("%d.%d", t.Job, t.Attempt))
		}
		return fmt.Sprintf("  look %v", list)
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
	if r.Mem != 0 {
		s += fmt.Sprintf(" mem=%d", r.Mem)
	}
	if r.CPUs != nil {
		s += fmt.Sprintf(" on %v shared=%v", r.CPUs, r.Shared)
	}
	if r.Problem != "" {
		s += fmt.Sprintf(" %q", r.Problem)
	}
	return s + "}"
}

func renderTask(r *TaskRecord) string {
	return fmt.Sprintf("{task %d %s %s added=%d done=%d term=%d closed=%t %v}", r.Task, r.State, r.Reason, r.Added, r.Done, r.Term, r.Closed, r.Duration)
}

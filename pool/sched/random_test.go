package sched

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestRandomRunsKeepTheInvariants plays random calls, news and passing time, late and doubled news included, and then ends
// the pool and lets everything finish.
func TestRandomRunsKeepTheInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := Config{Workers: rapid.IntRange(1, 4).Draw(t, "workers"), History: 1000,
			Grace: time.Duration(rapid.IntRange(0, 2).Draw(t, "grace")) * time.Second}
		if rapid.Bool().Draw(t, "placed") {
			for i := range rapid.IntRange(1, 5).Draw(t, "groups") {
				cfg.Placement.Groups = append(cfg.Placement.Groups, Group{CPUs: []int{i}, Domains: []int{i / 2}})
			}
			cfg.Placement.Domains = []string{"core", "core", "core"}
			cfg.Workers = min(cfg.Workers, len(cfg.Placement.Groups))
		}
		if rapid.Bool().Draw(t, "limited") {
			cfg.Memory.Limit = 100
		}
		w := &world{t: t, core: New(cfg), workers: cfg.Workers, jobs: map[JobID]*seen{}, tasks: map[TaskID]*seen{}, calls: map[CallID]int{}}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			w.random()
		}
		w.drain()
	})
}

// seen is what the log has told of a job or task.
type seen struct {
	spec             *Spec
	starts, dones    int
	finishes         int
	record           *Record
	taskRecord       *TaskRecord
	added, ok, notOK int64 // of a task: its children in the log
	parent           TaskID
}

// attempt is one that the runner has.
type attempt struct {
	job  JobID
	n    int
	hard bool
	told bool // Started was sent
}

// world plays the user, the runner and the clock, and holds what it is told against what is allowed.
type world struct {
	t       *rapid.T
	core    *Core
	workers int
	now     time.Duration
	seq     int64
	call    CallID
	calls   map[CallID]int // replies
	jobs    map[JobID]*seen
	tasks   map[TaskID]*seen
	running []*attempt
	asked   []attempt
	old     []attempt // ended ones: news about them comes late
	look    *Look     // one that was not answered
	quit    bool
	retried bool // an attempt is tried again, or was confirmed late: it was admitted before
}

func (w *world) step(e Event) {
	before := w.core.chainable()
	actions := w.core.Step(Now{Mono: w.now, Wall: w.now.Microseconds() + 1}, e)
	started := false
	for _, a := range actions {
		if s, ok := a.(Start); ok {
			started = started || !s.Spec.Sync
		}
		w.act(a)
	}
	if started {
		w.checkAdmission()
	}
	w.checkChains(before, actions)
	if err := w.core.Check(); err != nil {
		w.t.Fatalf("after %T %+v: %v", e, e, err)
	}
	busy := 0
	for _, a := range w.running {
		if !w.jobs[a.job].spec.Sync {
			busy++
		}
	}
	if busy > w.workers {
		w.t.Fatalf("%d attempts run on %d workers", busy, w.workers)
	}
}

func (w *world) act(a Action) {
	switch a := a.(type) {
	case Reply:
		w.calls[a.Call]++
		if w.calls[a.Call] > 1 {
			w.t.Fatalf("call %d was answered twice", a.Call)
		}
	case Publish:
		w.change(a.Change)
	case Start:
		for _, r := range w.running {
			if r.job == a.Job {
				w.t.Fatalf("job %d runs twice", a.Job)
			}
		}
		w.running = append(w.running, &attempt{job: a.Job, n: a.Attempt})
	case Kill:
		r := w.find(a.Job, a.Attempt)
		if r == nil || r.hard {
			w.t.Fatalf("%+v for an attempt that is gone or was killed", a)
		}
		r.hard = a.Hard
	case Look:
		if w.look != nil {
			w.t.Fatal("a look was asked for while another waits")
		}
		w.look = &a
	case Quit:
		if w.quit {
			w.t.Fatal("quit twice")
		}
		w.quit = true
	}
}

func (w *world) find(job JobID, n int) *attempt {
	for _, r := range w.running {
		if r.job == job && r.n == n {
			return r
		}
	}
	return nil
}

func (w *world) change(ch *Change) {
	w.seq++
	if ch.Seq != w.seq {
		w.t.Fatalf("change %d comes after %d", ch.Seq, w.seq-1)
	}
	switch {
	case ch.Job != 0:
		w.jobChange(ch)
	case ch.Task != 0:
		w.taskChange(ch)
	}
}

func (w *world) jobChange(ch *Change) {
	s := w.jobs[ch.Job]
	if s == nil {
		s = &seen{spec: ch.Spec, parent: ch.Spec.Task}
		w.jobs[ch.Job] = s
		if p := w.tasks[s.parent]; p != nil {
			p.added++
		}
	}
	if s.finishes > 0 {
		w.t.Fatalf("job %d changes after its end: %v", ch.Job, ch.What)
	}
	switch ch.What {
	case OnStart:
		s.starts++
		if s.starts != ch.Attempt {
			w.t.Fatalf("job %d: onstart %d of attempt %d", ch.Job, s.starts, ch.Attempt)
		}
		if p := w.tasks[s.parent]; p != nil && p.starts != 1 {
			w.t.Fatalf("job %d starts before its task", ch.Job)
		}
		if ch.Confirm {
			w.asked = append(w.asked, attempt{job: ch.Job, n: ch.Attempt})
		}
	case OnDone:
		s.dones++
	case OnFinish:
		s.finishes++
		s.record = ch.Record
		success := ch.Record.Reason == Exited && ch.Record.Exit.Code == 0
		w.ended(fmt.Sprintf("job %d", ch.Job), s, success, ch.Record.State == Done)
	}
}

func (w *world) taskChange(ch *Change) {
	s := w.tasks[ch.Task]
	if s == nil {
		s = &seen{parent: ch.Group.Parent}
		w.tasks[ch.Task] = s
		if p := w.tasks[s.parent]; p != nil {
			p.added++
		}
	}
	if s.finishes > 0 {
		w.t.Fatalf("task %d changes after its end: %v", ch.Task, ch.What)
	}
	switch ch.What {
	case OnStart:
		s.starts++
	case OnDone:
		s.dones++
	case OnFinish:
		s.finishes++
		r := ch.TaskRecord
		s.taskRecord = r
		if r.Added != s.added || r.Done != s.ok || r.Term != s.notOK || r.Added != r.Done+r.Term {
			w.t.Fatalf("task %d has %+v, the log %d added, %d done, %d other", ch.Task, r, s.added, s.ok, s.notOK)
		}
		w.ended(fmt.Sprintf("task %d", ch.Task), s, r.Term == 0 && r.Reason == Exited, r.State == Done)
	}
}

// ended checks what holds for each end, and counts it for the parent.
func (w *world) ended(what string, s *seen, success, done bool) {
	if s.record != nil && s.record.Attempts > 1 && !s.spec.Restart && w.core.cfg.Memory.Limit == 0 {
		w.t.Fatalf("%s was attempted %d times", what, s.record.Attempts)
	}
	if success != done || s.dones > 1 || (s.dones == 1) != success || s.starts > 1 && s.spec == nil {
		w.t.Fatalf("%s: success %t, done %t, %d times ondone, %d times onstart", what, success, done, s.dones, s.starts)
	}
	if p := w.tasks[s.parent]; p != nil {
		if success {
			p.ok++
		} else {
			p.notOK++
		}
	}
}

func (w *world) nextCall() CallID { w.call++; return w.call }

// checkAdmission holds what was admitted against the memory limit.
func (w *world) checkAdmission() {
	c := w.core
	var sum int64
	n := 0
	for j := range c.active.all {
		if !j.run.hard {
			sum += max(j.run.mem, j.run.expected)
			n++
		}
	}
	if c.cfg.Memory.Limit > 0 && n > 1 && sum > c.watch.limit && !w.synchronous() && !w.retried {
		w.t.Fatalf("%d attempts are expected to use %d of %d", n, sum, c.watch.limit)
	}
}

// synchronous says that one runs that started whatever the limit.
func (w *world) synchronous() bool {
	for _, a := range w.running {
		if w.jobs[a.job].spec.Sync {
			return true
		}
	}
	return false
}

// answerLook gives random figures.
func (w *world) answerLook() {
	if w.look == nil {
		return
	}
	e := Looked{Free: int64(rapid.IntRange(-20, 200).Draw(w.t, "free"))}
	for _, target := range w.look.Targets {
		e.Used = append(e.Used, Used{Job: target.Job, Attempt: target.Attempt, Bytes: int64(rapid.IntRange(0, 60).Draw(w.t, "bytes"))})
	}
	w.look = nil
	w.step(e)
}

// random does one random thing.
func (w *world) random() {
	n := func(name string, most int) int { return rapid.IntRange(0, most).Draw(w.t, name) }
	task := TaskID(n("task", 3))
	switch n("what", 22) {
	case 0, 1, 2, 3:
		w.execute(task, n("count", 3)+1)
	case 4:
		w.step(AddTask{Call: w.nextCall(), Spec: &TaskSpec{Parent: task, Timeout: time.Duration(n("timeout", 4)) * time.Second}})
	case 5, 6, 7, 8:
		w.news()
	case 9, 10, 11:
		w.pass(time.Duration(n("ms", 2500)) * time.Millisecond)
	case 12:
		w.confirm(n("ok", 2) > 0)
	case 13:
		w.step(Cancel{Call: w.nextCall(), Job: JobID(n("job", 12) + 1)})
	case 14:
		w.step(Cancel{Call: w.nextCall(), Task: task + 1})
	case 15:
		w.step(CloseTask{Call: w.nextCall(), Task: task + 1})
	case 16:
		w.step(Join{Call: w.nextCall(), Timeout: time.Duration(n("timeout", 9)) * time.Second})
	case 17:
		w.step(Hold{On: n("on", 1) == 1})
	case 18:
		w.step(Clear{Call: w.nextCall()})
	case 19:
		w.rare(n("rare", 9))
	default:
		w.answerLook()
	}
}

func (w *world) rare(what int) {
	switch what {
	case 0:
		w.step(Terminate{Call: w.nextCall()})
	case 1:
		w.step(Shutdown{Call: w.nextCall()})
	case 2:
		w.step(EndInput{})
	case 3:
		w.step(EndInput{Now: true})
	case 4:
		w.step(Hurry{})
	}
}

func (w *world) execute(task TaskID, count int) {
	var specs []*Spec
	for range count {
		specs = append(specs, &Spec{
			Task:         task,
			Timeout:      time.Duration(rapid.IntRange(0, 3).Draw(w.t, "timeout")) * time.Second,
			Restart:      rapid.IntRange(0, 3).Draw(w.t, "restart") == 0,
			Confirm:      rapid.IntRange(0, 5).Draw(w.t, "confirm") == 0,
			Stub:         rapid.IntRange(0, 5).Draw(w.t, "stub") == 0,
			Sync:         count == 1 && rapid.IntRange(0, 3).Draw(w.t, "sync") == 0,
			StartDelay:   time.Duration(rapid.IntRange(0, 9).Draw(w.t, "delay")/9) * time.Second,
			OmitAffinity: rapid.IntRange(0, 3).Draw(w.t, "omitafn") == 0,
			MemLimit:     int64(rapid.IntRange(0, 3).Draw(w.t, "memlim") / 3 * 50),
			Category:     rapid.SampledFrom([]string{"", "x", "y"}).Draw(w.t, "category"),
			Size:         float64(rapid.IntRange(0, 3).Draw(w.t, "size")), Slowdown: 1,
		})
	}
	w.step(Execute{Call: w.nextCall(), Jobs: specs, List: count > 1})
}

// news is of one of the attempts that the runner has, or of one that it had.
func (w *world) news() {
	if len(w.old) > 0 && rapid.IntRange(0, 3).Draw(w.t, "late") == 0 {
		o := rapid.SampledFrom(w.old).Draw(w.t, "old")
		w.step(Ended{Job: o.job, Attempt: o.n})
		w.step(Started{Job: o.job, Attempt: o.n})
		return
	}
	if len(w.running) == 0 {
		return
	}
	i := rapid.IntRange(0, len(w.running)-1).Draw(w.t, "which")
	a := w.running[i]
	kind := rapid.IntRange(0, 5).Draw(w.t, "news")
	switch {
	case kind < 2 && !a.told:
		a.told = true
		w.step(Started{Job: a.job, Attempt: a.n, PID: 7, Wall: 1})
	case kind == 2 && !a.told:
		w.running = append(w.running[:i:i], w.running[i+1:]...)
		w.retried = true // it keeps its place, whatever has changed
		w.step(NotStarted{Job: a.job, Attempt: a.n, Exhausted: rapid.Bool().Draw(w.t, "exhausted")})
	default:
		w.gone(i)
		w.step(Ended{Job: a.job, Attempt: a.n, Exit: Exit{Code: rapid.IntRange(-1, 1).Draw(w.t, "code")}})
	}
}

func (w *world) gone(i int) {
	w.old = append(w.old, *w.running[i])
	w.running = append(w.running[:i:i], w.running[i+1:]...)
}

func (w *world) confirm(ok bool) {
	if len(w.asked) > 0 {
		a := rapid.SampledFrom(w.asked).Draw(w.t, "asked")
		w.retried = true
		w.step(Confirmed{Job: a.job, Attempt: a.n, OK: ok, Problem: "no"})
	}
}

func (w *world) pass(d time.Duration) {
	end := w.now + d
	for {
		at, ok := w.core.Deadline()
		if !ok || at > end {
			w.now = end
			return
		}
		w.now = max(w.now, at)
		w.step(Tick{})
	}
}

// drain ends the input and lets everything finish; then nothing may be left.
func (w *world) drain() {
	w.step(Hold{})
	w.step(EndInput{})
	for range 10_000 {
		if w.quit {
			break
		}
		for len(w.running) > 0 {
			a := w.running[0]
			w.gone(0)
			w.step(Ended{Job: a.job, Attempt: a.n})
		}
		w.answerLook()
		w.pass(time.Second)
	}
	st := w.core.Status()
	if !w.quit || st.Queued+st.Starting+st.Running+st.Ending > 0 || len(w.core.timers.heap) > 0 && w.core.delay.pos == 0 {
		w.t.Fatalf("something is left: %+v, %d timers", st, len(w.core.timers.heap))
	}
	for id, s := range w.jobs {
		if s.finishes != 1 {
			w.t.Fatalf("job %d finished %d times", id, s.finishes)
		}
	}
	for id, s := range w.tasks {
		if s.finishes != 1 {
			w.t.Fatalf("task %d finished %d times", id, s.finishes)
		}
	}
	for call := range w.call {
		if w.calls[call+1] != 1 {
			w.t.Fatalf("call %d was answered %d times", call+1, w.calls[call+1])
		}
	}
}

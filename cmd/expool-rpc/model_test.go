package main

import (
	"fmt"
	"slices"
	"strings"
)

// model is what protocol.md says about jobs and tasks, written down once more and as plainly as possible: no time, no memory, no placement. It takes
// calls in the order in which the server carries them out, and what happens by itself when the server tells of it; each time it says which lines must
// come next, in the words of modelwords_test.go. What it can't know is whether an attempt has ended by now, and so a job's ends are sets of reasons.
type model struct {
	workers    int
	ended      bool // terminated: until clear
	closing    bool // shutdown or the end of input
	mute       bool // the end of input: nothing can be confirmed
	jobs       map[int64]*modelJob
	tasks      map[int64]*modelTask
	order      []*modelJob  // live, by id
	taskOrder  []*modelTask // live, by id
	queue      []*modelJob
	lastJob    int64
	lastTask   int64
	done       int
	failed     int
	everFailed bool
	failures   []int64
	waiting    []string       // replies of joins and shutdowns
	gates      map[string]int // exit codes of the jobs that were let go, by name
	expected   []string
}

// modelJob is a job. Its kind is how its attempts go.
type modelJob struct {
	id       int64
	name     string
	kind     kind
	confirm  bool
	wait     string // id of the call that waits for it
	task     *modelTask
	state    string // queued, asked, active, ending, done, failed
	reason   string
	attempts int
	ends     []string // reasons that its end may have by now
}

// modelTask is a task.
type modelTask struct {
	id                int64
	name              string
	parent            *modelTask
	state             string // queued, running, ending, done, failed
	closed            bool
	cause             string // why it is ended as a whole
	first             string // reason of the first child that failed
	jobs              []*modelJob
	subs              []*modelTask
	added, done, term int
}

// kind is how a job goes once it runs.
type kind string

const (
	stub    kind = "stub"    // completes at once
	gated   kind = "gated"   // runs until it is let go, with the code that it is told
	missing kind = "missing" // there is no such command
	timed   kind = "timed"   // runs into its timeout
	looping kind = "looping" // is restarted on its timeout, for ever
	zero    kind = "zero"    // exits with 0 by itself
	three   kind = "three"   // exits with 3 by itself
	killed  kind = "killed"  // ends by a signal of its own: not by SIGKILL, which could be the work of the host's killer
)

var kinds = []kind{stub, gated, missing, timed, looping, zero, three, killed}

func newModel(workers int) *model {
	return &model{workers: workers, jobs: map[int64]*modelJob{}, tasks: map[int64]*modelTask{}, gates: map[string]int{}}
}

func (m *model) expect(format string, args ...any) {
	m.expected = append(m.expected, fmt.Sprintf(format, args...))
}

// settle is the end of each step: free workers take jobs, and who waits for an idle pool is answered.
func (m *model) settle() {
	for len(m.queue) > 0 && m.busy() < m.workers {
		j := m.queue[0]
		m.queue = m.queue[1:]
		m.begin(j)
	}
	if len(m.order) > 0 {
		return
	}
	for _, id := range m.waiting {
		m.expect("%s", strings.ReplaceAll(id, "JOINED", m.summary()))
	}
	m.waiting = nil
}

func (m *model) summary() string {
	return fmt.Sprintf("completed=%v done=%d failed=%d failures=%v", !m.ended, m.done, m.failed, m.failures)
}

// busy counts the workers that are taken.
func (m *model) busy() (n int) {
	for _, j := range m.order {
		if j.state != "queued" && j.wait == "" {
			n++
		}
	}
	return n
}

// begin announces an attempt.
func (m *model) begin(j *modelJob) {
	if j.confirm && m.mute {
		m.finish(j, "rejected", "null")
		return
	}
	j.attempts++
	m.startTasks(j.task)
	if j.confirm {
		j.state = "asked"
		m.expect("confirm job %d attempt %d", j.id, j.attempts)
		return
	}
	m.expect("onstart job %d attempt %d", j.id, j.attempts)
	if j.kind == stub {
		m.finish(j, "exited", "0")
		return
	}
	m.run(j)
}

// run is an attempt on its way; what becomes of it comes by itself.
func (m *model) run(j *modelJob) {
	j.state = "active"
	switch j.kind {
	case missing:
		j.ends = []string{"start_failed"}
	case timed:
		j.ends = []string{"timeout"}
	case killed:
		j.ends = []string{"signaled"}
	case zero, three:
		j.ends = []string{"exited"}
	}
}

func (m *model) startTasks(t *modelTask) {
	if t == nil || t.state != "queued" {
		return
	}
	m.startTasks(t.parent)
	t.state = "running"
	m.expect("onstart task %d", t.id)
}

// mayEnd gives the reasons with which a live job may end by itself by now.
func (m *model) mayEnd(j *modelJob) []string {
	if _, free := m.gates[j.name]; free && j.kind == gated && j.state == "active" {
		return []string{"exited"}
	}
	return j.ends
}

// code gives the exit code that goes with a reason, as jobEnd writes it; ? is any.
func (m *model) code(j *modelJob, reason string) string {
	switch {
	case reason == "start_failed" || reason == "rejected":
		return "null"
	case reason == "signaled":
		return "-10"
	case reason != "exited":
		return "?"
	case j.kind == three:
		return "3"
	}
	return fmt.Sprint(m.gates[j.name]) // 0 for the other kinds
}

// selfEnd takes the news that a job has ended by itself.
func (m *model) selfEnd(id int64, reason string) error {
	j := m.jobs[id]
	if j == nil || !slices.Contains(m.mayEnd(j), reason) {
		return fmt.Errorf("job %d can't have ended as %s: it is %+v", id, reason, j)
	}
	m.finish(j, reason, m.code(j, reason))
	m.settle()
	return nil
}

// selfRestart takes the news that a job was restarted on its timeout.
func (m *model) selfRestart(id int64) error {
	j := m.jobs[id]
	if j == nil || j.kind != looping || j.state != "active" {
		return fmt.Errorf("job %d can't have been restarted: it is %+v", id, j)
	}
	m.begin(j)
	m.settle()
	return nil
}

// finish ends a job for good.
func (m *model) finish(j *modelJob, reason, code string) {
	ok := reason == "exited" && code == "0"
	j.state, j.reason, j.ends = "failed", reason, nil
	m.order = without(m.order, j)
	m.queue = without(m.queue, j)
	if ok {
		j.state = "done"
		m.done++
		m.expect("ondone job %d", j.id)
	} else {
		m.failed++
		m.everFailed = true
		m.failures = append(m.failures, j.id)
	}
	m.expect("%s", jobEnd("onfinish", j.id, j.taskID(), j.state, reason, j.attempts, code))
	if j.wait != "" && j.wait != silent {
		m.expect("%s", jobEnd("reply "+j.wait, j.id, j.taskID(), j.state, reason, j.attempts, code))
	}
	if t := j.task; t != nil {
		t.jobs = without(t.jobs, j)
		m.childEnded(t, ok, reason)
	}
}

func (j *modelJob) taskID() int64 {
	if j.task == nil {
		return 0
	}
	return j.task.id
}

func (m *model) childEnded(t *modelTask, ok bool, reason string) {
	if t == nil {
		return
	}
	if ok {
		t.done++
	} else if t.term++; t.first == "" {
		t.first = reason
	}
	m.finishIfEmpty(t)
}

// finishIfEmpty ends a closed task in which nothing is left, and then the one around it.
func (m *model) finishIfEmpty(t *modelTask) {
	if !t.closed || len(t.jobs)+len(t.subs) > 0 || t.state == "done" || t.state == "failed" {
		return
	}
	reason, ok := "exited", t.cause == "" && t.term == 0
	t.state = "done"
	if !ok {
		t.state, reason = "failed", t.cause+t.first
		if t.cause != "" {
			reason = t.cause
		}
	}
	m.taskOrder = without(m.taskOrder, t)
	if ok {
		m.expect("ondone task %d", t.id)
	}
	m.expect("onfinish task %d %s %s added=%d done=%d term=%d", t.id, t.state, reason, t.added, t.done, t.term)
	if t.parent != nil {
		t.parent.subs = without(t.parent.subs, t)
		m.childEnded(t.parent, ok, reason)
	}
}

// tree gives a task and the live ones in it, the outer ones first.
func (t *modelTask) tree() []*modelTask {
	all := []*modelTask{t}
	for i := 0; i < len(all); i++ {
		all = append(all, all[i].subs...)
	}
	return all
}

func (m *model) closeTasks(tasks []*modelTask) {
	for _, t := range tasks {
		t.closed = true
	}
	var empty []*modelTask
	for _, t := range tasks {
		if len(t.jobs)+len(t.subs) == 0 {
			empty = append(empty, t)
		}
	}
	for _, t := range empty {
		m.finishIfEmpty(t)
	}
}

// end tells a job to end. It counts jobs that it certainly ends, and those that may have begun to end by themselves.
func (m *model) end(j *modelJob, why string, n *ending) {
	switch j.state {
	case "queued", "asked":
		n.sure++
		m.finish(j, why, "null")
	case "active":
		j.state = "ending"
		if j.kind == timed {
			n.unsure = append(n.unsure, j)
			return
		}
		n.sure++
		j.ends = []string{why}
	}
}

// uncounted stands for the count of a call that the server did not answer.
const uncounted = -1

// ending is whom a call tells to end.
type ending struct {
	sure   int
	unsure []*modelJob
}

// resolve learns from the server's count which of the jobs had begun to end before. Without a count, none had.
func (n *ending) resolve(count int, why string) error {
	if count == uncounted {
		count = n.sure + len(n.unsure)
	}
	if count < n.sure || count > n.sure+len(n.unsure) {
		return fmt.Errorf("%d jobs were ended, not %d to %d", count, n.sure, n.sure+len(n.unsure))
	}
	for _, j := range n.unsure {
		switch count {
		case n.sure:
			j.ends = []string{"timeout"}
		case n.sure + len(n.unsure):
			j.ends = []string{why}
		default:
			j.ends = []string{"timeout", why}
		}
	}
	return nil
}

// endTasks ends tasks with all that is in them.
func (m *model) endTasks(tasks []*modelTask, why string, n *ending) {
	for _, t := range tasks {
		if t.closed = true; t.cause == "" {
			t.cause, t.state = why, "ending"
		}
	}
	for _, t := range tasks {
		for _, j := range slices.Clone(t.jobs) {
			m.end(j, why, n)
		}
	}
	m.closeTasks(tasks)
}

func without[T comparable](list []T, e T) []T {
	return slices.DeleteFunc(slices.Clone(list), func(x T) bool { return x == e })
}

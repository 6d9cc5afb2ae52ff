package main

import (
	"fmt"
	"slices"
	"strings"
)

// silent is the id of a call that wants no response.
const silent = "none"

// call is a call of the random client, with what the model needs to know of it.
type call struct {
	id     string // silent for none
	method string
	jobs   []*modelJob // of execute
	list   bool        // of execute
	target int64       // the job or task that it is about; of execute and task, the task to be in
	tasks  bool        // cancel: target is a task
	mode   string      // of shutdown
	text   string      // the params
}

// line is the call on the wire.
func (c *call) line() string {
	id := fmt.Sprintf(`"id":%q,`, c.id)
	if c.id == silent {
		id = ""
	}
	return fmt.Sprintf(`{"jsonrpc":"2.0",%s"method":%q,"params":%s}`, id, c.method, c.text)
}

// result is the response to a call.
func (m *model) result(c *call, format string, args ...any) {
	if c.id != silent {
		m.expect("reply %s %s", c.id, fmt.Sprintf(format, args...))
	}
}

// apply carries a call out. Count is what the server's response counts, for those that end jobs.
func (m *model) apply(c *call, count int) (err error) {
	switch c.method {
	case "execute":
		m.execute(c)
	case "task":
		m.addTask(c)
	case "close":
		m.closeTask(c)
	case "cancel":
		err = m.cancel(c, count)
	case "terminate":
		err = m.terminate(c, count)
	case "clear":
		m.clear(c)
	case "join":
		m.wait(c, false)
	case "shutdown":
		err = m.shutdown(c)
	default:
		m.result(c, "%s", m.answer(c))
	}
	m.settle()
	return err
}

// refused is the error of adding to a task; empty if nothing stands against it.
func (m *model) refused(task int64) string {
	t := m.tasks[task]
	switch {
	case m.ended || m.closing:
		return "error -32001"
	case task != 0 && t == nil:
		return "error -32002"
	case t != nil && t.closed:
		return "error -32602"
	}
	return ""
}

func (m *model) execute(c *call) {
	if no := m.refused(c.target); no != "" {
		m.result(c, "%s", no)
		return
	}
	var ids []string
	for i := range c.jobs {
		ids = append(ids, fmt.Sprint(m.lastJob+1+int64(i)))
	}
	switch {
	case c.list:
		m.result(c, `{"jobs":[%s]}`, strings.Join(ids, ","))
	case c.jobs[0].wait == "":
		state := "queued"
		if len(m.queue) == 0 && m.busy() < m.workers {
			state = "starting"
		}
		m.result(c, `{"job":%s,"state":"%s"}`, ids[0], state)
	}
	for _, j := range c.jobs {
		m.addJob(j, m.tasks[c.target])
	}
}

func (m *model) addJob(j *modelJob, t *modelTask) {
	m.lastJob++
	j.id, j.task, j.state = m.lastJob, t, "queued"
	m.jobs[j.id] = j
	m.order = append(m.order, j)
	if t != nil {
		t.added++
		t.jobs = append(t.jobs, j)
	}
	if j.wait != "" {
		m.begin(j) // beside the workers
		return
	}
	m.queue = append(m.queue, j)
}

func (m *model) addTask(c *call) {
	if no := m.refused(c.target); no != "" {
		m.result(c, "%s", no)
		return
	}
	m.lastTask++
	t := &modelTask{id: m.lastTask, name: "t", parent: m.tasks[c.target], state: "queued"}
	m.tasks[t.id] = t
	m.taskOrder = append(m.taskOrder, t)
	if t.parent != nil {
		t.parent.added++
		t.parent.subs = append(t.parent.subs, t)
	}
	m.result(c, `{"task":%d}`, t.id)
}

func (m *model) closeTask(c *call) {
	t := m.tasks[c.target]
	if t == nil {
		m.result(c, "error -32002")
		return
	}
	m.result(c, "{}")
	m.closeTasks(t.tree())
}

func (m *model) cancel(c *call, count int) error {
	known := m.jobs[c.target] != nil
	if c.tasks {
		known = m.tasks[c.target] != nil
	}
	if !known {
		m.result(c, "error -32002")
		return nil
	}
	m.result(c, `{"cancelled":%d}`, count)
	var n ending
	if t := m.tasks[c.target]; !c.tasks {
		m.end(m.jobs[c.target], "cancelled", &n)
	} else if t.state != "done" && t.state != "failed" {
		m.endTasks(t.tree(), "cancelled", &n)
	}
	return n.resolve(count, "cancelled")
}

func (m *model) terminate(c *call, count int) error {
	m.result(c, `{"terminated":%d}`, count)
	return m.endAll(count)
}

// endAll ends everything.
func (m *model) endAll(count int) error {
	m.ended = true
	var n ending
	m.endTasks(slices.Clone(m.taskOrder), "terminated", &n)
	for _, j := range slices.Clone(m.order) {
		m.end(j, "terminated", &n)
	}
	return n.resolve(count, "terminated")
}

func (m *model) clear(c *call) {
	if len(m.order) > 0 {
		m.result(c, "error -32003")
		return
	}
	m.result(c, "{}")
	m.endTasks(slices.Clone(m.taskOrder), "cancelled", &ending{})
	m.ended, m.done, m.failed, m.failures = false, 0, 0, nil
	m.jobs, m.tasks = map[int64]*modelJob{}, map[int64]*modelTask{}
}

// wait is a call that is answered when the pool is idle.
func (m *model) wait(c *call, plain bool) {
	m.closeTasks(slices.Clone(m.taskOrder))
	switch {
	case c.id == silent:
	case plain:
		m.waiting = append(m.waiting, "reply "+c.id+" {}")
	default:
		m.waiting = append(m.waiting, "reply "+c.id+" JOINED")
	}
}

func (m *model) shutdown(c *call) error {
	m.closing = true
	if c.mode == "terminate" {
		err := m.endAll(uncounted)
		m.wait(c, true)
		return err
	}
	m.wait(c, true)
	return nil
}

// endInput is the end of input, in the mode that finishes.
func (m *model) endInput() {
	m.closing, m.mute = true, true
	m.closeTasks(slices.Clone(m.taskOrder))
	for _, j := range slices.Clone(m.order) {
		if j.state == "asked" {
			m.finish(j, "rejected", "null")
		}
	}
	m.settle()
}

// confirmed is the client's answer to a request to confirm. What follows from it comes by itself.
func (m *model) confirmed(job int64, attempt int, yes bool) {
	j := m.jobs[job]
	switch {
	case j == nil || j.state != "asked" || j.attempts != attempt || j.ends != nil: // of no request that is open
	case !yes:
		j.ends = []string{"rejected"}
	case j.kind == stub:
		j.ends = []string{"exited"}
	default:
		m.run(j)
	}
}

// answer is that of a call that only asks.
func (m *model) answer(c *call) string {
	switch c.method {
	case "status":
		n := m.counts()
		return fmt.Sprintf("alive=%v queued=%d active=%d ending=%d done=%d failed=%d", !m.ended && !m.closing, n["queued"], n["asked"]+n["active"], n["ending"], m.done, m.failed)
	case "explain":
		return m.explain(c.target)
	case "jobs":
		return m.listJobs()
	case "tasks":
		return m.listTasks()
	}
	panic("the model has no method " + c.method)
}

func (m *model) counts() map[string]int {
	n := map[string]int{}
	for _, j := range m.order {
		n[j.state]++
	}
	return n
}

// unsure counts the jobs that the server may know to be ending.
func (m *model) unsure() (n int) {
	for _, j := range m.order {
		if j.state == "active" && (j.kind == timed || j.kind == looping) {
			n++
		}
	}
	return n
}

func (m *model) explain(id int64) string {
	j := m.jobs[id]
	if j == nil {
		return "error -32002"
	}
	constraint, ok := map[string]string{"queued": "workers", "asked": "confirm", "active": "active", "ending": "ending"}[j.state]
	if !ok {
		constraint = "finished"
	}
	return constraint
}

func (m *model) listJobs() string {
	var list []string
	for id := int64(1); id <= m.lastJob; id++ {
		if j := m.jobs[id]; j != nil {
			reason := j.reason
			if j.reason == "" && j.state == "ending" && len(j.ends) == 1 {
				reason = j.ends[0]
			}
			list = append(list, jobWords(j.id, j.taskID(), j.state, reason, j.attempts))
		}
	}
	return strings.Join(list, "; ")
}

func (m *model) listTasks() string {
	var list []string
	for id := int64(1); id <= m.lastTask; id++ {
		if t := m.tasks[id]; t != nil {
			list = append(list, fmt.Sprintf("%d %s %d/%d/%d", t.id, t.state, t.added, t.done, t.term))
		}
	}
	return strings.Join(list, "; ")
}

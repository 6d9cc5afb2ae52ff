package sched

import "fmt"

// task is a live task: a node in a tree whose leaves are jobs.
type task struct {
	id     TaskID
	spec   *TaskSpec
	parent *task // nil: none
	state  State
	closed bool
	cause  Reason // why it is being ended as a whole
	first  Reason // of the first child that did not succeed

	jobs list[job]  // live direct ones
	subs list[task] // live direct ones

	added, done, term int64 // direct jobs and subtasks

	timer  timer
	start  Now // zero: not started
	inAll  link[task]
	inTask link[task]
}

// live is how many direct children have not finished.
func (t *task) live() int { return t.jobs.n + t.subs.n }

// openTask finds a task to which something can be added; nil for id 0.
func (c *Core) openTask(id TaskID, field string) (*task, *Error) {
	if id == 0 {
		return nil, nil
	}
	t := c.tasks[id]
	switch {
	case t == nil && c.history.knowsTask(id) != nil:
		return nil, &Error{Kind: ErrUnknown, Field: field, Problem: fmt.Sprintf("there is no task %d: give the id that a call of task returned", id)}
	case t == nil || t.closed:
		return nil, &Error{Kind: ErrInvalid, Field: field, Problem: fmt.Sprintf("task %d is closed: nothing can be added to it any more", id)}
	}
	return t, nil
}

func (c *Core) addTask(e AddTask) {
	err := c.accepting()
	var parent *task
	if err == nil {
		parent, err = c.openTask(e.Spec.Parent, "task")
	}
	if err != nil {
		c.reply(e.Call, nil, err)
		return
	}
	c.lastTask++
	t := &task{id: c.lastTask, spec: e.Spec, parent: parent}
	t.jobs.at = func(j *job) *link[job] { return &j.inTask }
	t.subs.at = func(t *task) *link[task] { return &t.inTask }
	t.timer.task = t
	c.tasks[t.id] = t
	c.taskByID.pushBack(t)
	if parent != nil {
		parent.subs.pushBack(t)
		parent.added++
	}
	c.reply(e.Call, t.id, nil)
	c.publishTask(t, Change{What: Added})
}

func (c *Core) publishTask(t *task, ch Change) {
	ch.Task, ch.Group = t.id, t.spec
	c.publish(ch)
}

// startTasks starts a task and those around it, the outer ones first, unless they have started.
func (c *Core) startTasks(t *task) {
	if t == nil || t.state != Queued {
		return
	}
	c.startTasks(t.parent)
	t.state, t.start = Running, c.now
	if t.spec.Timeout > 0 {
		c.timers.set(&t.timer, after(c.now.Mono, t.spec.Timeout))
	}
	c.publishTask(t, Change{What: OnStart})
}

// tree gives a task and its live subtasks, outer ones first.
func (t *task) tree() []*task {
	all := []*task{t}
	for i := 0; i < len(all); i++ {
		for s := range all[i].subs.all {
			all = append(all, s)
		}
	}
	return all
}

func (c *Core) everyTask() []*task {
	all := make([]*task, 0, c.taskByID.n)
	for t := range c.taskByID.all {
		all = append(all, t)
	}
	return all
}

// closeTasks says that nothing more comes to these tasks.
func (c *Core) closeTasks(tasks []*task) {
	for _, t := range tasks {
		if !t.closed {
			t.closed = true
			c.publishTask(t, Change{What: TaskClosed})
		}
	}
}

// finishEmpty finishes those of the closed tasks that wait for nothing; the tasks around them follow.
func (c *Core) finishEmpty(tasks []*task) {
	var empty []*task
	for _, t := range tasks {
		if t.live() == 0 {
			empty = append(empty, t)
		}
	}
	for _, t := range empty {
		c.finishTask(t)
	}
}

func (c *Core) closeTask(e CloseTask) {
	t := c.tasks[e.Task]
	if t == nil {
		c.reply(e.Call, nil, c.history.knowsTask(e.Task))
		return
	}
	c.reply(e.Call, nil, nil)
	tree := t.tree()
	c.closeTasks(tree)
	c.finishEmpty(tree)
}

// endTask closes a task and ends its jobs, nested ones too; it counts them.
func (c *Core) endTask(t *task, why Reason) int64 { return c.endTasks(t.tree(), why) }

func (c *Core) endTasks(tasks []*task, why Reason) int64 {
	c.closeTasks(tasks)
	for _, t := range tasks {
		c.blame(t, why)
	}
	var n int64
	for _, t := range tasks {
		for j := range t.jobs.all {
			n += count(c.end(j, why))
		}
	}
	c.finishEmpty(live(tasks))
	return n
}

// live leaves out the tasks that have finished.
func live(tasks []*task) []*task {
	var rest []*task
	for _, t := range tasks {
		if t.state.Live() {
			rest = append(rest, t)
		}
	}
	return rest
}

// blame notes why a task is being ended as a whole; the first cause stands.
func (c *Core) blame(t *task, why Reason) {
	if t.cause != NoReason {
		return
	}
	t.cause, t.state = why, Ending
	c.timers.stop(&t.timer)
	c.publishTask(t, Change{What: EndBegun, Reason: why})
}

// childEnded counts a direct child of t that has finished, and finishes t if it was the last.
func (c *Core) childEnded(t *task, ok bool, why Reason) {
	if t == nil {
		return
	}
	if ok {
		t.done++
	} else {
		t.term++
		if t.first == NoReason {
			t.first = why
		}
	}
	if t.closed && t.live() == 0 {
		c.finishTask(t)
	}
}

func (c *Core) finishTask(t *task) {
	ok := t.cause == NoReason && t.term == 0
	t.state = Failed
	if ok {
		t.state = Done
	}
	c.timers.stop(&t.timer)
	delete(c.tasks, t.id)
	c.taskByID.remove(t)
	r := c.taskRecord(t)
	c.history.addTask(r)
	if ok {
		c.publishTask(t, Change{What: OnDone, Reason: r.Reason, TaskRecord: r})
	}
	c.publishTask(t, Change{What: OnFinish, Reason: r.Reason, TaskRecord: r})
	if t.parent != nil {
		t.parent.subs.remove(t)
		c.childEnded(t.parent, ok, r.Reason)
	}
}

func (c *Core) taskRecord(t *task) *TaskRecord {
	r := &TaskRecord{Task: t.id, Spec: t.spec, State: t.state, Closed: t.closed,
		Added: t.added, Done: t.done, Term: t.term, TStart: t.start.Wall}
	if t.start.Wall != 0 {
		r.Duration = c.now.Mono - t.start.Mono
	}
	if t.state.Live() {
		r.Reason = t.cause
		return r
	}
	r.TStop = c.now.Wall
	switch {
	case t.cause != NoReason:
		r.Reason = t.cause
	case t.term > 0:
		r.Reason = t.first
	default:
		r.Reason = Exited
	}
	return r
}

package pool

import (
	"time"

	"expool/pool/proc"
	"expool/pool/sched"
)

// item is something for the loop to do: an event or, if that is nil, a look at the scheduler.
type item struct {
	event func(sched.CallID) sched.Event
	reply func(result any, err error) // nil: no reply is wanted
	look  func(*sched.Core)
}

// put hands an item to the loop; false if the loop has ended.
func (p *Pool) put(it item) bool {
	p.mu.Lock()
	closed := p.closed
	if !closed {
		p.inbox = append(p.inbox, it)
	}
	p.mu.Unlock()
	if !closed {
		select {
		case p.signal <- struct{}{}:
		default:
		}
	}
	return !closed
}

// take gives what is in the inbox, and puts the empty slice there to be filled next.
func (p *Pool) take(empty []item) []item {
	p.mu.Lock()
	defer p.mu.Unlock()
	items := p.inbox
	p.inbox = empty[:0]
	return items
}

// loop owns the scheduler.
func (p *Pool) loop() {
	var items []item
	for !p.quit {
		select {
		case <-p.signal:
		case <-p.clock.C():
		}
		clear(items)
		items = p.take(items)
		for _, it := range items {
			p.handle(it)
		}
		p.tick()
	}
	p.end()
}

func (p *Pool) handle(it item) {
	if it.look != nil {
		p.core.Advance(p.clock.Now())
		it.look(p.core)
		return
	}
	var call sched.CallID
	if it.reply != nil {
		p.lastCall++
		call = p.lastCall
		p.calls[call] = it.reply
	}
	p.step(it.event(call))
}

// tick tells the scheduler that a deadline is over, after all that came before, and has it called at the next one.
func (p *Pool) tick() {
	now := p.clock.Now().Mono
	at, ok := p.core.Deadline()
	switch {
	case !ok || at > now:
		p.settled = 0
	case p.settle(now, now-at):
		p.step(sched.Tick{})
		at, ok = p.core.Deadline()
	}
	if ok {
		p.clock.Wake(max(at, p.settled))
	}
}

// A deadline that is found to be over for longer than stalled says that this process could not run: it was stopped, or the machine was. The
// news of what happened meanwhile, and so in time, are given as long as settling to come in.
const (
	stalled  = 100 * time.Millisecond
	settling = 20 * time.Millisecond
)

// settle says that a deadline which is over, for that long, may be told.
func (p *Pool) settle(now, late time.Duration) bool {
	if p.settled == 0 && late > stalled {
		p.settled = now + settling
	}
	if now < p.settled {
		return false
	}
	p.settled = 0
	return true
}

func (p *Pool) step(e sched.Event) {
	for _, a := range p.core.Step(p.clock.Now(), e) {
		p.act(a)
	}
}

func (p *Pool) act(a sched.Action) {
	switch a := a.(type) {
	case sched.Reply:
		reply := p.calls[a.Call]
		delete(p.calls, a.Call)
		reply(a.Result, a.Err)
	case sched.Publish:
		p.cfg.OnChange(a.Change)
	case sched.Start:
		job := JobOf(a.Spec)
		p.runner.Start(attempt(a.Job, a.Attempt), job.command(a, p.bind(), p.tasksOf(job)))
	case sched.Kill:
		how := proc.Soft
		if a.Hard {
			how = proc.Hard
		}
		p.runner.Signal(attempt(a.Job, a.Attempt), how)
	case sched.Look:
		p.looks.Add(1)
		go func() {
			defer p.looks.Done()
			p.put(item{event: answered(p.meter.Look(a.Targets))})
		}()
	case sched.Quit:
		p.quit = true
	}
}

// answered makes an event of the loop's own news.
func answered(e sched.Event) func(sched.CallID) sched.Event {
	return func(sched.CallID) sched.Event { return e }
}

// bind says how placed jobs have their memory bound.
func (p *Pool) bind() MemBind {
	if p.cfg.Affinity == nil {
		return MemBindNone
	}
	return p.cfg.Affinity.MemBind
}

// tasksOf gives the tasks of a job, the innermost first.
func (p *Pool) tasksOf(j *Job) []*Task {
	var tasks []*Task
	for id := j.Task; id != 0; {
		t := TaskOf(p.core.Task(id))
		tasks = append(tasks, t)
		id = t.Parent
	}
	return tasks
}

// end closes the runner, and refuses what came too late.
func (p *Pool) end() {
	p.final = p.core.Status()
	p.err = p.runner.Close()
	p.looks.Wait()
	p.clock.Close()
	p.mu.Lock()
	p.closed = true
	late := p.inbox
	p.inbox = nil
	p.mu.Unlock()
	for _, it := range late {
		p.handle(it) // the scheduler refuses new work, and answers questions
	}
	close(p.done)
}

func attempt(job sched.JobID, n int) proc.Attempt { return proc.Attempt{Job: int64(job), N: n} }

// handler takes the runner's news to the loop.
type handler struct{ p *Pool }

func (h handler) post(e sched.Event) {
	h.p.put(item{event: answered(e)})
}

func (h handler) Started(a proc.Attempt, s proc.Start) {
	h.post(sched.Started{Job: JobID(a.Job), Attempt: a.N, PID: s.PID, Parent: s.Guardian, Wall: s.Wall, Age: s.Age})
}

func (h handler) Failed(a proc.Attempt, f proc.Failure) {
	h.post(sched.NotStarted{Job: JobID(a.Job), Attempt: a.N, Problem: f.Err, Exhausted: f.Exhausted})
}

func (h handler) Exited(a proc.Attempt, e proc.Exit) {
	h.post(sched.Ended{Job: JobID(a.Job), Attempt: a.N, Exit: exitOf(e)})
}

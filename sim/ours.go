package main

import (
	"time"

	"expool/pool/sched"
)

const megabyte = 1 << 20

// ours is the scheduler of the pool with its defaults. It is driven as the pool drives it: at its own deadlines, and with looks
// and spawns that take no time.
type ours struct {
	core    *sched.Core
	attempt []int // of each job, the last that was started
	looks   int
	begun   bool
}

func scheduler(l *workload) policy {
	return &ours{
		core: sched.New(sched.Config{
			Workers: l.slots,
			Memory:  sched.Memory{Limit: int64(l.limit * megabyte)},
			History: 1,
		}),
		attempt: make([]int, len(l.jobs)),
	}
}

func (o *ours) act(w *world, ended []ending) {
	if !o.begun {
		o.begun = true
		o.step(w, o.submit(w))
	}
	for _, e := range ended {
		exit := sched.Exit{}
		if !e.done {
			exit.Code = -9
		}
		o.step(w, sched.Ended{Job: idOf(e.job), Attempt: o.attempt[e.job], Exit: exit})
	}
	for o.deadline() <= w.now {
		o.step(w, sched.Tick{})
	}
}

func (o *ours) deadline() time.Duration {
	if at, ok := o.core.Deadline(); ok {
		return at
	}
	return never
}

// Ids are given in order, from 1.
func idOf(job int) sched.JobID { return sched.JobID(job + 1) }
func jobOf(id sched.JobID) int { return int(id) - 1 }
func bytesOf(mb float64) int64 { return int64(mb * megabyte) }

func (o *ours) submit(w *world) sched.Event {
	e := sched.Execute{List: true}
	for _, j := range w.jobs {
		e.Jobs = append(e.Jobs, &sched.Spec{Name: j.name, Category: j.category, Size: j.size})
	}
	return e
}

// step takes an event and all that come of its actions.
func (o *ours) step(w *world, first sched.Event) {
	for events := []sched.Event{first}; len(events) > 0; events = events[1:] {
		for _, a := range o.core.Step(sched.Now{Mono: w.now, Wall: w.now.Microseconds()}, events[0]) {
			if e := o.carryOut(w, a); e != nil {
				events = append(events, e)
			}
		}
	}
}

// carryOut does what an action asks for, and gives the event that answers it at once, if one does.
func (o *ours) carryOut(w *world, a sched.Action) sched.Event {
	switch a := a.(type) {
	case sched.Start:
		job := jobOf(a.Job)
		o.attempt[job] = a.Attempt
		w.start(job)
		return sched.Started{Job: a.Job, Attempt: a.Attempt, PID: int(a.Job), Wall: w.now.Microseconds()}
	case sched.Kill:
		w.kill(jobOf(a.Job))
	case sched.Look:
		o.looks++
		seen := sched.Looked{Free: bytesOf(w.limit)} // the host has more than the pool may use
		for _, t := range a.Targets {
			seen.Used = append(seen.Used, sched.Used{Job: t.Job, Attempt: t.Attempt, Bytes: bytesOf(w.memory(jobOf(t.Job)))})
		}
		return seen
	}
	return nil
}

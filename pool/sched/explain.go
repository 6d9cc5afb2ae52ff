package sched

import (
	"cmp"
	"fmt"
	"time"
)

// What can keep a job from running.
const (
	BlockedByNothing      = "none"       // it runs
	BlockedByWorkers      = "workers"    // all workers are busy
	BlockedByOrder        = "order"      // others stand before it
	BlockedByMemory       = "memory"     // its expected memory does not fit beside what runs
	BlockedByBalance      = "postponed"  // it was postponed for memory until fewer run
	BlockedByAffinity     = "affinity"   // no affinity group is free
	BlockedByDelay        = "startdelay" // the start delay of another job
	BlockedByConfirmation = "confirm"    // the client has not answered its onstart
	BlockedBySpawn        = "spawn"      // its process is being made
	BlockedByEnd          = "ending"     // it was told to end
	BlockedByReader       = "reader"     // the client does not read
	BlockedByHost         = "host"       // the host lacks descriptors, processes or memory
	BlockedByFinish       = "finished"   // it has ended
)

// Explanation is why a job is not running.
type Explanation struct {
	Job        JobID
	State      State
	Constraint string  // one of the BlockedBy... values
	WaitsFor   []JobID // the jobs whose end or start it waits for, at most 100 of them
	Text       string
}

const maxWaitsFor = 100

// Explain tells why a job is not running. It takes time proportional to the queue before the job.
func (c *Core) Explain(id JobID) (Explanation, *Error) {
	j := c.jobs[id]
	if j == nil {
		if err := c.history.knowsJob(id); err != nil {
			return Explanation{}, err
		}
		r := c.history.jobByID[id]
		return Explanation{Job: id, State: r.State, Constraint: BlockedByFinish,
			Text: fmt.Sprintf("the job has ended (%s)", r.Reason)}, nil
	}
	x := Explanation{Job: id, State: j.state}
	switch j.state {
	case Queued:
		c.explainQueued(j, &x)
	case Starting:
		x.Constraint, x.Text = BlockedBySpawn, "its process is being started"
		if j.asked {
			x.Constraint, x.Text = BlockedByConfirmation, fmt.Sprintf("the client has not answered the onstart request of attempt %d", j.attempt)
		}
	case Ending:
		x.Constraint, x.Text = BlockedByEnd, fmt.Sprintf("it is being ended (%s)", j.cause)
	default:
		x.Constraint, x.Text = BlockedByNothing, "it is running"
	}
	return x, nil
}

func (c *Core) explainQueued(j *job, x *Explanation) {
	ahead := c.ahead(j)
	x.Constraint = c.blocker(j)
	switch x.Constraint {
	case BlockedByReader:
		x.Text = "the client does not read its notifications: nothing starts until it does"
	case BlockedByHost:
		x.Text = "the host lacks descriptors, processes or memory for another process: it is tried again soon, or when a job ends"
		x.WaitsFor = c.working()
	case BlockedByDelay:
		x.Text = fmt.Sprintf("the start delay of job %d lasts for another %v", c.delayedBy, (c.delay.at - c.now.Mono).Round(time.Millisecond))
	case BlockedByMemory:
		x.Text = fmt.Sprintf("%d bytes are expected of it, which do not fit beside what runs (limit %d)", c.expect(j), c.watch.limit)
		x.WaitsFor = c.working()
	case BlockedByBalance:
		x.Text = "it, or one that runs, was postponed for memory until fewer jobs run beside it"
		x.WaitsFor = c.working()
	case BlockedByAffinity:
		x.Text = fmt.Sprintf("all %d affinity groups are taken", len(c.places.groups))
		x.WaitsFor = c.working()
	case BlockedByWorkers:
		x.Text = fmt.Sprintf("all workers (%d) are busy; jobs before it: %d", c.cfg.Workers, ahead)
		x.WaitsFor = c.working()
	default:
		c.explainOrder(j, ahead, x)
	}
}

// explainOrder is about a job that could start if nothing stood before it.
func (c *Core) explainOrder(j *job, ahead int, x *Explanation) {
	x.Constraint = BlockedByOrder
	x.Text = fmt.Sprintf("jobs before it: %d; they are being started", ahead)
	first := c.overtaken()
	if first == nil {
		first = cmp.Or(c.restarts.head, c.queue.head, c.later.head)
	}
	if first == nil { // only synchronous jobs wait
		return
	}
	if why := c.blocker(first); why != "" {
		x.Text = fmt.Sprintf("jobs before it: %d; job %d goes first, and waits (%s)", ahead, first.id, why)
		x.WaitsFor = []JobID{first.id}
	}
}

// ahead counts the jobs that start before j.
func (c *Core) ahead(j *job) int {
	q := c.queueOf(j)
	n := 0
	for _, before := range []*list[job]{&c.restarts, &c.queue} {
		if before == q || q == &c.sync {
			break
		}
		n += before.n
	}
	for e := range q.all {
		if e == j {
			break
		}
		n++
	}
	return n
}

// working gives the first of the jobs that hold a worker.
func (c *Core) working() []JobID {
	var ids []JobID
	for j := range c.byID.all {
		if len(ids) == min(c.occupied, maxWaitsFor) {
			break
		}
		if j.state != Queued && !j.spec.Sync {
			ids = append(ids, j.id)
		}
	}
	return ids
}

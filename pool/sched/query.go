package sched

import (
	"cmp"
	"slices"
)

// Status is the pool at one moment.
type Status struct {
	Alive     bool
	Workers   int
	Queued    int64
	Starting  int64
	Running   int64
	Ending    int64
	Done      int64 // since the start or the last Clear
	Failed    int64
	EverFails int64 // failures since the start
	MemUsed   int64 // bytes that the running attempts use, as far as they are looked at
	MemLimit  int64 // bytes, as the host allows now; 0: none
}

// Status tells how many jobs are in each state.
func (c *Core) Status() Status {
	used, limit := c.memoryNow()
	return Status{MemUsed: used, MemLimit: limit, Alive: c.ended == NoReason && !c.closing, Workers: c.cfg.Workers,
		Queued: c.byState[Queued], Starting: c.byState[Starting], Running: c.byState[Running], Ending: c.byState[Ending],
		Done: c.done, Failed: c.failed, EverFails: c.everFails}
}

// Filter chooses records; zero values choose all. Limit bounds their number, at least 1.
type Filter struct {
	State    *State
	Reason   Reason
	Name     string
	Category string // of jobs
	Task     TaskID // the direct task of jobs, the parent of tasks
	After    int64  // only ids above it
	Limit    int
}

func (f *Filter) job(r *Record) bool {
	return (f.State == nil || *f.State == r.State) && (f.Reason == NoReason || f.Reason == r.Reason) &&
		(f.Name == "" || f.Name == r.Spec.Name) && (f.Category == "" || f.Category == r.Spec.Category) &&
		(f.Task == 0 || f.Task == r.Spec.Task)
}

func (f *Filter) task(r *TaskRecord) bool {
	return (f.State == nil || *f.State == r.State) && (f.Reason == NoReason || f.Reason == r.Reason) &&
		(f.Name == "" || f.Name == r.Spec.Name) && (f.Task == 0 || f.Task == r.Spec.Parent)
}

// Jobs gives the chosen records, live and kept ones, by id; more says that the limit left some out.
func (c *Core) Jobs(f Filter) (records []*Record, more bool) {
	finished := c.history.finishedAfter(JobID(f.After))
	take := func(r *Record) bool {
		if !f.job(r) {
			return true
		}
		if more = len(records) >= max(f.Limit, 1); more {
			return false
		}
		records = append(records, r)
		return true
	}
	for j := range c.byID.all {
		if int64(j.id) <= f.After || f.State != nil && *f.State != j.state {
			continue
		}
		for len(finished) > 0 && finished[0].Job < j.id {
			if !take(finished[0]) {
				return records, more
			}
			finished = finished[1:]
		}
		if !take(c.record(j, j.cause, "")) {
			return records, more
		}
	}
	for _, r := range finished {
		if !take(r) {
			break
		}
	}
	return records, more
}

// Tasks gives the chosen records, live and kept ones, by id; more says that the limit left some out.
func (c *Core) Tasks(f Filter) (records []*TaskRecord, more bool) {
	all := make([]*TaskRecord, 0, c.taskByID.n)
	for t := range c.taskByID.all {
		if int64(t.id) > f.After && (f.State == nil || *f.State == t.state) {
			all = append(all, c.taskRecord(t))
		}
	}
	for _, r := range c.history.tasks.kept {
		if int64(r.Task) > f.After {
			all = append(all, r)
		}
	}
	all = slices.DeleteFunc(all, func(r *TaskRecord) bool { return !f.task(r) })
	sortBy(all, func(r *TaskRecord) TaskID { return r.Task })
	n := min(len(all), max(f.Limit, 1))
	return all[:n], n < len(all)
}

// Events gives the kept changes after seq, in order, and the numbers of the first and last kept one (0, 0 if none is). If
// after+1 is below first, some are no longer kept.
func (c *Core) Events(after int64, limit int) (changes []*Change, first, last int64) {
	kept := c.history.changes.all()
	if len(kept) == 0 {
		return nil, 0, 0
	}
	first, last = kept[0].Seq, c.seq
	from := min(max(after+1-first, 0), int64(len(kept)))
	to := min(from+int64(max(limit, 1)), int64(len(kept)))
	return kept[from:to], first, last
}

func sortBy[T any, K cmp.Ordered](s []T, key func(T) K) {
	slices.SortFunc(s, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
}

// Task gives what a live task was made from; nil if there is none with that id.
func (c *Core) Task(id TaskID) *TaskSpec {
	if t := c.tasks[id]; t != nil {
		return t.spec
	}
	return nil
}

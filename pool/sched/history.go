package sched

import (
	"fmt"
	"math"
	"slices"
)

// outputKept bounds the captured output in kept records, in bytes; the oldest is dropped first.
const outputKept = 32 << 20

// history is what is kept of the past, within bounds. It has its own copies of records, since it drops their output in time.
type history struct {
	successes, failures ring[Record]
	tasks               ring[TaskRecord]
	changes             ring[Change]
	jobByID             map[JobID]*Record
	taskByID            map[TaskID]*TaskRecord

	withOutput []*Record // those with captured output, oldest first; some are not kept any more
	output     int       // bytes in them
	last       *Record   // the copy for the changes about the job that has just finished
}

func newHistory(size int) history {
	size = min(max(size, 1), math.MaxInt/4)
	return history{
		successes: ring[Record]{size: size}, failures: ring[Record]{size: size}, tasks: ring[TaskRecord]{size: size},
		changes: ring[Change]{size: 4 * size}, jobByID: map[JobID]*Record{}, taskByID: map[TaskID]*TaskRecord{},
	}
}

func (h *history) addJob(r *Record) {
	kept := *r
	h.last = &kept
	h.jobByID[r.Job] = &kept
	kind := &h.failures
	if r.State == Done {
		kind = &h.successes
	}
	if old := kind.add(&kept); old != nil {
		delete(h.jobByID, old.Job)
	}
	h.keepOutput(&kept)
}

func (h *history) keepOutput(r *Record) {
	n := r.Exit.Stdout.len() + r.Exit.Stderr.len()
	if n == 0 {
		return
	}
	if len(h.withOutput) >= 4*h.failures.size { // twice as many as can be kept
		h.withOutput = slices.DeleteFunc(h.withOutput, h.forgotten)
	}
	h.withOutput = append(h.withOutput, r)
	h.output += n
	for h.output > outputKept {
		old := h.withOutput[0]
		h.withOutput = h.withOutput[1:]
		h.output -= old.Exit.Stdout.len() + old.Exit.Stderr.len()
		old.Exit.Stdout, old.Exit.Stderr = old.Exit.Stdout.dropped(), old.Exit.Stderr.dropped()
	}
}

// forgotten says that a record with output is not kept any more, and then counts its output no longer.
func (h *history) forgotten(r *Record) bool {
	if h.jobByID[r.Job] == r {
		return false
	}
	h.output -= r.Exit.Stdout.len() + r.Exit.Stderr.len()
	return true
}

func (c *Capture) len() int {
	if c == nil {
		return 0
	}
	return len(c.Data)
}

// dropped is what remains of a capture when its bytes are forgotten: how many there were.
func (c *Capture) dropped() *Capture {
	if c == nil {
		return nil
	}
	return &Capture{Truncated: c.Truncated + int64(len(c.Data))}
}

func (h *history) addTask(r *TaskRecord) {
	h.taskByID[r.Task] = r
	if old := h.tasks.add(r); old != nil {
		delete(h.taskByID, old.Task)
	}
}

func (h *history) addChange(ch *Change) {
	kept := *ch
	if kept.Record != nil {
		kept.Record = h.last
	}
	h.changes.add(&kept)
}

// clear forgets everything but the changes.
func (h *history) clear() {
	changes, size := h.changes, h.successes.size
	*h = newHistory(size)
	h.changes = changes
}

// knowsJob is nil for a job whose record is kept.
func (h *history) knowsJob(id JobID) *Error {
	if h.jobByID[id] != nil {
		return nil
	}
	return &Error{Kind: ErrUnknown, Field: "job", Problem: fmt.Sprintf("there is no job %d, or its record is no longer kept", id)}
}

// knowsTask is nil for a task whose record is kept.
func (h *history) knowsTask(id TaskID) *Error {
	if h.taskByID[id] != nil {
		return nil
	}
	return &Error{Kind: ErrUnknown, Field: "task", Problem: fmt.Sprintf("there is no task %d, or its record is no longer kept", id)}
}

// finishedAfter gives the kept records of the jobs with higher ids, by id.
func (h *history) finishedAfter(id JobID) []*Record {
	var found []*Record
	for _, kind := range []*ring[Record]{&h.successes, &h.failures} {
		for _, r := range kind.kept {
			if r.Job > id {
				found = append(found, r)
			}
		}
	}
	sortBy(found, func(r *Record) JobID { return r.Job })
	return found
}

// ring keeps the last size elements.
type ring[T any] struct {
	size  int
	kept  []*T
	start int // of the oldest, once kept is full
}

// add keeps e, and gives the element that it forgets for it; nil if none.
func (r *ring[T]) add(e *T) (forgotten *T) {
	if len(r.kept) < r.size {
		r.kept = append(r.kept, e)
		return nil
	}
	forgotten = r.kept[r.start]
	r.kept[r.start] = e
	r.start = (r.start + 1) % r.size
	return forgotten
}

// all gives the kept elements, oldest first.
func (r *ring[T]) all() []*T {
	return append(slices.Clone(r.kept[r.start:]), r.kept[:r.start]...)
}

// newest is the number of the last change.
func (h *history) newest() int64 {
	kept := &h.changes
	if len(kept.kept) == 0 {
		return 0
	}
	return kept.kept[(kept.start+len(kept.kept)-1)%len(kept.kept)].Seq
}

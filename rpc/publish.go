package rpc

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"expool/pool"
	"expool/pool/sched"
	"expool/rpc/wire"
)

// publish tells the client of a change that is a notification, or asks it to confirm a start. It runs on the pool's loop.
func (s *Server) publish(ch *sched.Change) {
	switch ch.What {
	case sched.OnStart, sched.OnDone, sched.OnFinish:
	default:
		return
	}
	s.backlog.saw(ch)
	id := ""
	switch {
	case ch.Confirm:
		id = confirmID(ch.Job, ch.Attempt)
	case !slices.Contains(s.settings.Notify, ch.What.String()):
		return
	}
	e := eventOf(ch)
	line := scratch.Get().(*[]byte)
	*line = e.AppendLine((*line)[:0], id)
	send(s.out, line)
}

// confirmID names the request to confirm an attempt, so that its answer needs no memory of it.
func confirmID(job sched.JobID, attempt int) string {
	return fmt.Sprintf("confirm-%d-%d", job, attempt)
}

func parseConfirmID(id string) (sched.JobID, int, bool) {
	rest, ours := strings.CutPrefix(id, "confirm-")
	first, second, two := strings.Cut(rest, "-")
	job, err1 := strconv.ParseInt(first, 10, 64)
	attempt, err2 := strconv.Atoi(second)
	return sched.JobID(job), attempt, ours && two && err1 == nil && err2 == nil
}

// eventOf gives a change as it is on the wire.
func eventOf(ch *sched.Change) wire.Event {
	e := wire.Event{Name: ch.What.String(), Seq: uint64(ch.Seq), Time: time.UnixMicro(ch.Wall), Job: int64(ch.Job), Task: int64(ch.Task), PID: ch.PID}
	switch {
	case ch.Spec != nil:
		e.Title, e.Params = ch.Spec.Name, pool.JobOf(ch.Spec).Params
	case ch.Group != nil:
		e.Title, e.Params = ch.Group.Name, pool.TaskOf(ch.Group).Params
	}
	switch {
	case ch.What == sched.OnStart:
		e.Attempt, e.CPUs = ch.Attempt, ch.CPUs
	case ch.What == sched.OnFinish && ch.Record != nil:
		r := recordOf(ch.Record)
		e.Record = &r
	case ch.What == sched.OnFinish:
		r := taskRecordOf(ch.TaskRecord)
		e.TaskRecord = &r
	case ch.What != sched.OnDone:
		e.Reason = wire.Reason(ch.Reason.String())
	}
	return e
}

func recordOf(r *sched.Record) wire.Record {
	w := wire.Record{
		Job: int64(r.Job), Name: r.Spec.Name, Task: int64(r.Spec.Task), Category: r.Spec.Category,
		State: wire.State(r.State.String()), Reason: wire.Reason(r.Reason.String()), Attempts: r.Attempts,
		PID: r.Exit.PID, CPUs: r.CPUs, Interference: r.Shared, Leaked: r.Exit.Leaked, Params: pool.JobOf(r.Spec).Params, Warnings: warnings(r),
		Start: wall(r.TStart), Stop: wall(r.TStop),
	}
	if r.Mem > 0 {
		w.Mem = wire.Some(r.Mem)
	}
	if !r.Ended {
		return w
	}
	x := &r.Exit
	w.Code, w.Duration = wire.Some(x.Code), wire.Some(x.Duration)
	w.CPU, w.IO = wire.Some(wire.CPUTime{User: x.User, Sys: x.Sys}), wire.Some(wire.IO{Read: x.Read, Write: x.Write})
	w.Peak = wire.MemPeak{Bytes: x.Peak, Source: x.PeakFrom}
	if x.Stdout != nil {
		w.Stdout, w.CutStdout = x.Stdout.Data, x.Stdout.Truncated
	}
	if x.Stderr != nil {
		w.Stderr, w.CutStderr = x.Stderr.Data, x.Stderr.Truncated
	}
	return w
}

// warnings tells first why the job was not started, if so.
func warnings(r *sched.Record) []string {
	var all []string
	if r.Problem != "" {
		all = append(all, r.Problem)
	}
	if r.Reduced > 0 {
		all = append(all, fmt.Sprintf("memlim is above the pool's memlimit, and was reduced to %d bytes", r.Reduced))
	}
	return append(all, r.Exit.Warnings...)
}

func taskRecordOf(r *sched.TaskRecord) wire.TaskRecord {
	w := wire.TaskRecord{Task: int64(r.Task), Parent: int64(r.Spec.Parent), Name: r.Spec.Name, Params: pool.TaskOf(r.Spec).Params,
		State: wire.State(r.State.String()), Reason: wire.Reason(r.Reason.String()), Start: wall(r.TStart), Stop: wall(r.TStop),
		Added: int(r.Added), Done: int(r.Done), Terminated: int(r.Term)}
	if r.TStart != 0 && !r.State.Live() {
		w.Duration = wire.Some(r.Duration)
	}
	return w
}

func recordsOf(records []*sched.Record) []wire.Record {
	list := make([]wire.Record, len(records))
	for i, r := range records {
		list[i] = recordOf(r)
	}
	return list
}

// wall gives a time of the scheduler; 0 there is the zero time.
func wall(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros)
}

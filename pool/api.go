package pool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"expool/pool/sched"
)

// ErrClosed is the error of calling a pool that has ended for good.
var ErrClosed = errors.New("the pool has ended")

// Submit hands an event to the scheduler, and never blocks. event gets the id to put into it; reply is called once, on the loop's goroutine and
// in order with OnChange, and must not block; of a pool that has ended it is called at once. It is the base of all calls; most users want the methods below.
func (p *Pool) Submit(event func(sched.CallID) sched.Event, reply func(result any, err error)) {
	if !p.put(item{event: event, reply: reply}) && reply != nil {
		reply(nil, ErrClosed)
	}
}

// Look calls look with the scheduler, on the loop's goroutine: it may ask it, but not step it nor keep it. False says that
// the pool has ended, and look is not called.
func (p *Pool) Look(look func(*sched.Core)) bool { return p.put(item{look: look}) }

// SubmitJobs schedules jobs, all or none, as Submit does; see sched.Execute for the reply. list says that errors name jobs by their index.
// A job that is wrong in itself is told at once, on the caller's goroutine.
func (p *Pool) SubmitJobs(jobs []*Job, list bool, reply func(result any, err error)) {
	specs := make([]*sched.Spec, len(jobs))
	for i, j := range jobs {
		spec, err := j.spec()
		if err != nil {
			if list {
				err.Field = fmt.Sprintf("jobs[%d].%s", i, err.Field)
			}
			reply(nil, err)
			return
		}
		specs[i] = spec
	}
	p.Submit(func(call sched.CallID) sched.Event { return sched.Execute{Call: call, Jobs: specs, List: list} }, reply)
}

// SubmitTask makes a task; see sched.AddTask for the reply.
func (p *Pool) SubmitTask(t *Task, reply func(result any, err error)) {
	spec := &sched.TaskSpec{Name: t.Name, Parent: t.Parent, Timeout: t.Timeout, Payload: t}
	p.Submit(func(call sched.CallID) sched.Event { return sched.AddTask{Call: call, Spec: spec} }, reply)
}

// answer is what Submit's reply was called with.
type answer struct {
	result any
	err    error
}

// wait submits and waits for the reply, or for ctx; the event takes place all the same then.
func wait[T any](ctx context.Context, submit func(reply func(any, error))) (result T, err error) {
	answers := make(chan answer, 1)
	submit(func(r any, err error) { answers <- answer{r, err} })
	select {
	case a := <-answers:
		if a.result != nil {
			result = a.result.(T)
		}
		return result, a.err
	case <-ctx.Done():
		return result, ctx.Err()
	}
}

// Execute schedules a job and gives its id. With Wait it starts at once, beside the workers, and Execute returns when it has
// finished; [Pool.ExecuteWait] does that, and gives its record.
func (p *Pool) Execute(ctx context.Context, job Job) (JobID, error) {
	if job.Wait {
		r, err := p.ExecuteWait(ctx, job)
		if err != nil {
			return 0, err
		}
		return r.Job, nil
	}
	ids, err := p.ExecuteAll(ctx, []*Job{&job})
	if err != nil {
		return 0, err
	}
	return ids[0], nil
}

// ExecuteWait starts a job at once, beside the workers, and gives its record when it has finished.
func (p *Pool) ExecuteWait(ctx context.Context, job Job) (*Record, error) {
	job.Wait = true
	return wait[*Record](ctx, func(reply func(any, error)) { p.SubmitJobs([]*Job{&job}, false, reply) })
}

// ExecuteAll schedules jobs, all or none, and gives their ids in their order. None of them may have Wait.
func (p *Pool) ExecuteAll(ctx context.Context, jobs []*Job) ([]JobID, error) {
	if i := slices.IndexFunc(jobs, func(j *Job) bool { return j.Wait }); i >= 0 {
		return nil, &Error{Field: fmt.Sprintf("jobs[%d].wait", i), Problem: "is not for lists: use ExecuteWait"}
	}
	a, err := wait[sched.Accepted](ctx, func(reply func(any, error)) { p.SubmitJobs(jobs, len(jobs) != 1, reply) })
	if err != nil {
		return nil, err
	}
	ids := make([]JobID, len(jobs))
	for i := range ids {
		ids[i] = a.First + JobID(i)
	}
	return ids, nil
}

// AddTask makes a task.
func (p *Pool) AddTask(ctx context.Context, t Task) (TaskID, error) {
	return wait[TaskID](ctx, func(reply func(any, error)) { p.SubmitTask(&t, reply) })
}

// CloseTask says that nothing more will be added to a task.
func (p *Pool) CloseTask(ctx context.Context, id TaskID) error {
	_, err := call[any](ctx, p, func(c sched.CallID) sched.Event { return sched.CloseTask{Call: c, Task: id} })
	return err
}

// Cancel ends a job; false says that it was ending or had finished.
func (p *Pool) Cancel(ctx context.Context, id JobID) (bool, error) {
	n, err := call[int64](ctx, p, func(c sched.CallID) sched.Event { return sched.Cancel{Call: c, Job: id} })
	return n > 0, err
}

// CancelTask ends a task with all that is in it, and gives the number of jobs that it ends.
func (p *Pool) CancelTask(ctx context.Context, id TaskID) (int64, error) {
	return call[int64](ctx, p, func(c sched.CallID) sched.Event { return sched.Cancel{Call: c, Task: id} })
}

// Confirm answers the OnStart change of an attempt of a job with Confirm: it starts, or ends as rejected for the given problem.
func (p *Pool) Confirm(id JobID, attempt int, problem string) {
	p.Submit(func(sched.CallID) sched.Event {
		return sched.Confirmed{Job: id, Attempt: attempt, OK: problem == "", Problem: problem}
	}, nil)
}

// Join waits until nothing is queued or running. The timeout counts from the scheduling of the first job; 0 is none.
func (p *Pool) Join(ctx context.Context, timeout time.Duration) (Summary, error) {
	return call[Summary](ctx, p, func(c sched.CallID) sched.Event { return sched.Join{Call: c, Timeout: timeout} })
}

// Clear makes an idle pool ready for reuse.
func (p *Pool) Clear(ctx context.Context) error {
	_, err := call[any](ctx, p, func(c sched.CallID) sched.Event { return sched.Clear{Call: c} })
	return err
}

// Terminate ends everything, and gives the number of jobs that it ends. The pool is not alive until Clear.
func (p *Pool) Terminate(ctx context.Context) (int64, error) {
	return call[int64](ctx, p, func(c sched.CallID) sched.Event { return sched.Terminate{Call: c} })
}

// Close ends everything that still runs, and the pool. It returns when no process of a job is left; called again, it does the same at once.
func (p *Pool) Close() error {
	p.Submit(func(sched.CallID) sched.Event { return sched.EndInput{Now: true} }, nil)
	<-p.done
	return p.err
}

func call[T any](ctx context.Context, p *Pool, event func(sched.CallID) sched.Event) (T, error) {
	return wait[T](ctx, func(reply func(any, error)) { p.Submit(event, reply) })
}

// Command go is an example of a host program in Go, which has the pool within itself: it needs no expool-rpc.
//
//	go run ./examples/go 'go vet ./...' 'go test ./...' 'make lint'
//
// It runs shell commands side by side and shows how each of them goes; as soon as one fails, the others are cancelled. The exit
// status is 0 if all succeeded, 1 if a command failed, 2 for a wrong use, 3 without a pool, and 130 after an interrupt.
//
// It imports pool, pool/sched for the names of changes and states, and the standard library. It starts one goroutine, which cancels
// the task and ends with failFast. The pool owns its loop, on whose goroutine show.change is called; that hands a failure over
// by a channel, without blocking.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"expool/pool"
	"expool/pool/sched"
)

// The exit statuses.
const (
	statusFine        = 0
	statusFailed      = 1
	statusUsage       = 2
	statusNoPool      = 3
	statusInterrupted = 130
)

func main() {
	pool.RunGuardian() // before anything else: jobs are children of small copies of this program
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run executes the commands, and gives the exit status.
func run(ctx context.Context, commands []string, stdout, stderr io.Writer) int {
	if len(commands) == 0 {
		fmt.Fprintln(stderr, "usage: go COMMAND...\nfor example: go 'go vet ./...' 'go test ./...'")
		return statusUsage
	}
	out := &show{to: stdout, failed: make(chan struct{}, 1)}
	p, err := pool.New(pool.Config{Workers: len(commands), OnChange: out.change})
	if err != nil {
		fmt.Fprintln(stderr, "go:", err)
		return statusNoPool
	}
	sum, err := failFast(ctx, p, commands, out.failed)
	if closing := p.Close(); err == nil { // it ends all jobs that are left
		err = closing
	}
	switch {
	case ctx.Err() != nil:
		return statusInterrupted
	case err != nil:
		fmt.Fprintln(stderr, "go:", err)
		return statusNoPool
	case sum.Failed > 0:
		return statusFailed
	}
	return statusFine
}

// failFast executes the commands as one task, which it cancels when one fails.
func failFast(ctx context.Context, p *pool.Pool, commands []string, failed <-chan struct{}) (pool.Summary, error) {
	task, err := p.AddTask(ctx, pool.Task{Name: "failfast"})
	if err != nil {
		return pool.Summary{}, err
	}
	var jobs []*pool.Job
	for _, c := range commands {
		jobs = append(jobs, &pool.Job{Name: c, Args: []string{"sh", "-c", c}, Task: task,
			Stdout: pool.Output{Kind: pool.Capture}, Stderr: pool.Output{Kind: pool.Merge}})
	}
	if _, err := p.ExecuteAll(ctx, jobs); err != nil {
		return pool.Summary{}, err
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-failed:
		case <-ctx.Done():
		case <-ended:
			return
		}
		p.CancelTask(context.WithoutCancel(ctx), task) // refused only if the pool has ended
	}()
	return p.Join(context.WithoutCancel(ctx), 0) // to its end, so that what a signal cancels is shown as well
}

// show prints what happens.
type show struct {
	to     io.Writer
	failed chan struct{} // receives when a job has failed
}

// change runs on the goroutine of the pool's loop: it must not block, nor call the pool.
func (s *show) change(c *pool.Change) {
	switch {
	case c.Job == 0: // of the task, or the pool
	case c.What == sched.OnStart:
		fmt.Fprintf(s.to, "[%d] starts: %s\n", c.Job, c.Spec.Name)
	case c.What == sched.OnFinish:
		s.finish(c.Record)
		if c.Record.State == sched.Failed {
			select {
			case s.failed <- struct{}{}:
			default: // it has been told
			}
		}
	}
}

// finish prints how a job ended, and what it wrote.
func (s *show) finish(r *pool.Record) {
	how := r.Reason.String()
	if r.Reason == sched.Exited {
		how = fmt.Sprintf("exit code %d", r.Exit.Code)
	}
	fmt.Fprintf(s.to, "[%d] %v: %s, %.2f s\n", r.Job, r.State, how, r.Exit.Duration.Seconds())
	if r.Exit.Stdout == nil {
		return // it never ran
	}
	for line := range strings.Lines(string(r.Exit.Stdout.Data)) {
		fmt.Fprintf(s.to, "[%d]   %s\n", r.Job, strings.TrimSuffix(line, "\n"))
	}
}

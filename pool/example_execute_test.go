package pool_test

import (
	"context"
	"fmt"
	"time"

	"expool/pool"
	"expool/pool/sched"
)

// Changes come in order, each before the reply of a call that waited for it. Those named On... are what most users show.
func ExampleConfig_notifications() {
	p, err := pool.New(pool.Config{OnChange: func(c *pool.Change) {
		switch c.What {
		case sched.OnStart:
			fmt.Println(c.Spec.Name, "starts, attempt", c.Attempt)
		case sched.OnDone:
			fmt.Println(c.Spec.Name, "succeeded")
		case sched.OnFinish:
			fmt.Println(c.Spec.Name, "ended:", c.Record.State, c.Record.Reason, c.Record.Exit.Code)
		}
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	ctx := context.Background()
	for _, command := range []string{"true", "false"} {
		if _, err := p.Execute(ctx, pool.Job{Name: command, Args: []string{command}}); err != nil {
			fmt.Println(err)
			return
		}
		if _, err := p.Join(ctx, 0); err != nil { // waits for all that was executed
			fmt.Println(err)
			return
		}
	}
	// Output:
	// true starts, attempt 1
	// true succeeded
	// true ended: done exited 0
	// false starts, attempt 1
	// false ended: failed exited 1
}

// ExecuteWait runs a command beside the workers, and gives its record; its output is there if it is captured.
func ExamplePool_ExecuteWait() {
	p, err := pool.New(pool.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	record, err := p.ExecuteWait(context.Background(), pool.Job{
		Name:   "greet",
		Args:   []string{"sh", "-c", `echo "$GREETING"; echo oops >&2; exit 3`},
		Env:    []string{"GREETING=hello"},
		Stdout: pool.Output{Kind: pool.Capture},
		Stderr: pool.Output{Kind: pool.Merge},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s", record.Exit.Stdout.Data)
	fmt.Println(record.State, record.Reason, record.Exit.Code)
	// Output:
	// hello
	// oops
	// failed exited 3
}

// A job that breaks its timeout is ended with all that it started. What a job's end left in its record is in the summary of Join.
func ExamplePool_Execute_timeout() {
	p, err := pool.New(pool.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	ctx := context.Background()
	_, err = p.Execute(ctx, pool.Job{Name: "endless", Args: []string{"sleep", "100000"}, Timeout: 50 * time.Millisecond})
	if err != nil {
		fmt.Println(err)
		return
	}
	sum, err := p.Join(ctx, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range sum.Failures {
		fmt.Println(r.Spec.Name, r.Reason, r.Exit.Duration >= 50*time.Millisecond)
	}
	// Output: endless timeout true
}

// An error that a call gives for its parameters names the field, as on the wire.
func ExampleError() {
	p, err := pool.New(pool.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	_, err = p.ExecuteAll(context.Background(), []*pool.Job{
		{Name: "first", Args: []string{"true"}},
		{Name: "second", Args: []string{"true"}, Timeout: -time.Second},
	})
	fmt.Println(err)
	// Output: jobs[1].timeout: it can't be negative
}

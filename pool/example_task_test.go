package pool_test

import (
	"context"
	"fmt"

	"expool/pool"
	"expool/pool/sched"
)

// A task starts before the first of its jobs, and finishes when it is closed and all of them have ended. Its streams are the
// default of theirs.
func ExamplePool_AddTask() {
	p, err := pool.New(pool.Config{Workers: 2, OnChange: func(c *pool.Change) {
		switch {
		case c.Job != 0: // of one of its jobs
		case c.What == sched.OnStart:
			fmt.Println("the task", c.Group.Name, "starts")
		case c.What == sched.OnFinish:
			r := c.TaskRecord
			fmt.Println(r.Spec.Name, r.State, r.Reason, "added:", r.Added, "succeeded:", r.Done, "failed:", r.Term)
		}
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	ctx := context.Background()
	task, err := p.AddTask(ctx, pool.Task{Name: "checks", Stdout: pool.Output{Kind: pool.Discard}})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = p.ExecuteAll(ctx, []*pool.Job{
		{Name: "lint", Args: []string{"true"}, Task: task},
		{Name: "test", Args: []string{"echo", "fine"}, Task: task},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := p.CloseTask(ctx, task); err != nil { // nothing more will be added
		fmt.Println(err)
		return
	}
	if _, err := p.Join(ctx, 0); err != nil {
		fmt.Println(err)
	}
	// Output:
	// the task checks starts
	// checks done exited added: 2 succeeded: 2 failed: 0
}

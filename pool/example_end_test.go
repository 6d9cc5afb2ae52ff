package pool_test

import (
	"context"
	"errors"
	"fmt"

	"expool/pool"
	"expool/pool/sched"
)

// endless starts a job that never ends by itself.
func endless(p *pool.Pool) (pool.JobID, error) {
	return p.Execute(context.Background(), pool.Job{Name: "endless", Args: []string{"sleep", "100000"}})
}

// Cancel replies at once; the job's end follows as OnFinish, and Join waits for it.
func ExamplePool_Cancel() {
	p, err := pool.New(pool.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	id, err := endless(p)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	fmt.Println(p.Cancel(ctx, id))
	sum, err := p.Join(ctx, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(sum.Failures[0].Spec.Name, sum.Failures[0].Reason)
	fmt.Println(p.Cancel(ctx, id)) // it has ended
	_, err = p.Cancel(ctx, 99)
	var refused *pool.Error
	fmt.Println(errors.As(err, &refused) && refused.Kind == sched.ErrUnknown)
	// Output:
	// true <nil>
	// endless cancelled
	// false <nil>
	// true
}

// Terminate ends everything; Clear makes the pool ready for reuse once it is idle.
func ExamplePool_Terminate() {
	p, err := pool.New(pool.Config{Workers: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	for range 2 { // one runs, one waits
		if _, err := endless(p); err != nil {
			fmt.Println(err)
			return
		}
	}
	ctx := context.Background()
	fmt.Println(p.Terminate(ctx))
	_, err = endless(p)
	fmt.Println(err != nil)
	sum, err := p.Join(ctx, 0)
	fmt.Println(sum.Completed, sum.Failed, err)
	fmt.Println(p.Clear(ctx))
	sum, err = p.Join(ctx, 0)
	fmt.Println(sum.Completed, sum.Failed, err)
	// Output:
	// 2 <nil>
	// true
	// false 2 <nil>
	// <nil>
	// true 0 <nil>
}

// Close ends what still runs, returns when no process of a job is left, and leaves no goroutine. Calls are refused from then on.
func ExamplePool_Close() {
	p, err := pool.New(pool.Config{OnChange: func(c *pool.Change) {
		if c.What == sched.OnFinish {
			fmt.Println(c.Record.Spec.Name, c.Record.Reason)
		}
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := endless(p); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Close())
	_, err = endless(p)
	fmt.Println(errors.Is(err, pool.ErrClosed))
	// Output:
	// endless terminated
	// <nil>
	// true
}

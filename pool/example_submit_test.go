package pool_test

import (
	"fmt"

	"expool/pool"
	"expool/pool/sched"
)

// SubmitJobs and Submit are for programs that must not wait: replies come on the goroutine of the pool's loop, in order with
// the changes. A host that serves many calls needs no goroutine for each of them.
func ExamplePool_Submit() {
	p, err := pool.New(pool.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	joined := make(chan struct{})
	p.SubmitJobs([]*pool.Job{{Name: "a", Args: []string{"true"}}, {Name: "b", Args: []string{"true"}}}, true, func(result any, err error) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("the first job is", result.(sched.Accepted).First)
	})
	join := func(call sched.CallID) sched.Event { return sched.Join{Call: call} }
	p.Submit(join, func(result any, err error) {
		defer close(joined)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("succeeded:", result.(pool.Summary).Done)
	})
	<-joined
	// Output:
	// the first job is 1
	// succeeded: 2
}

// A job with Confirm starts when the host says so, for each attempt. OnChange must not call the pool, so another goroutine does.
func ExamplePool_Confirm() {
	asked := make(chan *pool.Change, 2) // as many as can be asked at once, so that OnChange never blocks
	p, err := pool.New(pool.Config{Workers: 1, OnChange: func(c *pool.Change) {
		switch {
		case c.What == sched.OnStart && c.Confirm:
			asked <- c
		case c.What == sched.OnFinish:
			fmt.Printf("%s: %v, %v, problem %q\n", c.Record.Spec.Name, c.Record.State, c.Record.Reason, c.Record.Problem)
		}
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	jobs := []*pool.Job{{Name: "good", Args: []string{"true"}, Confirm: true}, {Name: "bad", Args: []string{"true"}, Confirm: true}}
	p.SubmitJobs(jobs, true, func(_ any, err error) {
		if err != nil {
			fmt.Println(err)
		}
	})
	answers := map[string]string{"good": "", "bad": "not today"} // an empty problem lets it start
	ended := make(chan struct{})
	p.Submit(func(call sched.CallID) sched.Event { return sched.Join{Call: call} }, func(any, error) { close(ended) })
	for {
		select {
		case c := <-asked:
			p.Confirm(c.Job, c.Attempt, answers[c.Spec.Name])
		case <-ended:
			return
		}
	}
	// Output:
	// good: done, exited, problem ""
	// bad: failed, rejected, problem "not today"
}

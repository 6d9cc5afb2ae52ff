// Package pool executes external commands on this machine, a limited number at once, each with its own constraints.
//
// A [Pool] is one goroutine, the loop, that owns a scheduler (package sched, a pure state machine). The loop feeds it events
// (calls of the user, news of processes, time) and carries out its actions through small ports: a [Runner] for processes
// (package proc) and a [Clock]. Every change of state goes through [Config.OnChange], in order, on the loop's goroutine.
//
//	func main() {
//		pool.RunGuardian() // first: jobs are children of small copies of this program
//		p, err := pool.New(pool.Config{Workers: 4})
//		...
//		id, err := p.Execute(ctx, pool.Job{Name: "list", Args: []string{"ls", "-la"}})
//		summary, err := p.Join(ctx, 0)
//		p.Close()
//	}
//
// It imports pool/sched, pool/proc, pool/mem, numa and the standard library, but not os/exec, and knows nothing of the wire. Besides the loop, it starts
// one goroutine for a look at the memory of jobs; all end after [Pool.Close], Shutdown, or the end of input.
package pool

// Package pool executes external commands on this machine, a limited number at once, each with its own constraints.
//
// A [Pool] is one goroutine, the loop, that owns a scheduler (package sched, a pure state machine). The loop feeds it events
// (calls of the user, news of processes, time) and carries out its actions through small ports: a [Runner] for processes
// (package proc) and a [Clock]. Every change of state goes through [Config.OnChange], in order, on the loop's goroutine.
//
//	func main() {
//		pool.RunGuardian() // first: jobs are children of small copies of this program
//		p, err := pool.New(pool.Config{Workers: 4})
//		if err != nil {
//			log.Fatal(err)
//		}
//		defer p.Close() // ends what still runs
//		ctx := context.Background()
//		if _, err := p.Execute(ctx, pool.Job{Name: "list", Args: []string{"ls", "-la"}}); err != nil {
//			log.Fatal(err)
//		}
//		summary, err := p.Join(ctx, 0)
//		if err != nil {
//			log.Fatal(err)
//		}
//		log.Printf("%d done, %d failed", summary.Done, summary.Failed)
//	}
//
// The names of changes, states, reasons and kinds of errors (sched.OnStart, sched.Failed, sched.TimedOut, sched.ErrUnknown) are those of package
// sched, affinity steps those of package numa.
//
// # Errors
//
// A call fails with an [*Error], whose Kind tells which and whose Field names the field at fault; with [ErrClosed] after the pool has ended; or with
// that of its context. A context ends the waiting only: what was asked for takes place all the same.
//
// # Imports and goroutines
//
// It imports pool/sched, pool/proc, pool/mem, numa and the standard library, but not os/exec, and knows nothing of the wire. Besides the loop, it starts
// one goroutine for its clock, and one for a look at the memory of jobs; all end with [Pool.Close].
package pool

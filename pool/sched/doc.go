// Package sched is the scheduler of the pool: a deterministic state machine.
//
// A caller feeds it one [Event] at a time with the time at which it came, and carries out the [Action]s that
// [Core.Step] hands back, in their order:
//
//	actions := core.Step(now, event)
//
// The whole policy lives here: queueing, timeouts with grace, restarts, chained termination, tasks, confirmations, joins
// and ends. The caller's duties are:
//
//  1. Call Step from one goroutine only, with a monotonic time that never goes back.
//  2. Carry out all actions of a step before the next step; their order is the order of the wire (a [Reply] stands before
//     the [Publish] of every change that the call caused, and after those that it waited for).
//  3. Answer every [Start] with [Started] or [NotStarted], and every Started with one [Ended]. An effect that failed comes
//     back as an event; it is never an error of Step.
//  4. Call Step with [Tick] at the time that [Core.Deadline] names, after all events that came before; being late delays decisions but loses none.
//
// The package does no I/O, starts no goroutine, reads no clock and ranges over no map. It imports only the standard
// library's pure parts; a test in the repository's root holds that.
package sched

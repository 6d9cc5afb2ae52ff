// Sim compares policies of memory balancing on generated workloads, in virtual time, and writes docs/balancing.md:
//
//	go run ./sim -out docs/balancing.md
//
// It is for whoever changes a rule of memory in the scheduler: the figures say what the change gains and what it costs. The
// policies are the scheduler itself (package sched, driven by events as the pool drives it), no balancing, a fixed number of
// workers, the rules of PyExPool, and two that know the future: a schedule for the large workloads, the optimum for the small ones.
//
// Time jumps from event to event. Between two events the memory of every job is a straight line, so that the peak of the sum and
// the time above the limit are exact, whatever a policy sees of them. A run depends on its seed only.
//
// It imports the standard library and expool/pool/sched. It starts no goroutine.
package main

package sched

// job is a live job.
type job struct {
	id      JobID
	spec    *Spec
	task    *task // nil: none
	state   State
	again   bool   // of an ending one: another attempt follows
	cause   Reason // of an ending one: why; the first cause stands
	told    bool   // onstart of the current attempt was published; it waits for a worker all the same
	asked   bool   // the confirmation of the current attempt is awaited
	sent    bool   // the runner has the attempt
	attempt int
	catPos  int
	wait    CallID // who waits for a synchronous job

	inAll, inQueue, inTask link[job]

	run *run // of the current or last attempt; nil before the first
}

// run is what an attempt adds to a job.
type run struct {
	timer   timer // its timeout, then its grace
	started bool
	hard    bool // the hard kill was sent
	pid     int
	wall    int64 // of the start
	slot    *slot // its place; nil where there are no groups
	exit    *Exit // nil until its processes are gone
}

// sentAttempt finds the job whose current attempt the runner has; nil for an event that comes too late.
func (c *Core) sentAttempt(id JobID, attempt int) *job {
	if j := c.jobs[id]; j != nil && j.attempt == attempt && j.sent {
		return j
	}
	return nil
}

package sched

import "time"

// job is a live job.
type job struct {
	id      JobID
	spec    *Spec
	task    *task // nil: none
	state   State
	again   bool   // of an ending one: another attempt follows
	restart bool   // of a queued one: that follows a timeout, and goes ahead of the queue
	cause   Reason // of an ending one: why; the first cause stands
	told    bool   // onstart of the current attempt was published; it waits for a worker all the same
	asked   bool   // the confirmation of the current attempt is awaited
	sent    bool   // the runner has the attempt
	attempt int
	timePos int32 // in its category's heaps; 32 bits, here and below, keep a queued job below 1 kB
	sizePos int32
	wait    CallID // who waits for a synchronous job

	mem       int64 // the most that any attempt was seen to use
	beside    int32 // how many workers may run while this one does, itself included; 0: as many as there are
	postponed int32 // how often it was, for memory
	since     int64 // of one in Core.passed: Core.starts when it came there; 0: it is not there

	inAll, inQueue, inTask, inActive, inPassed link[job]

	run *run // of the current or last attempt; nil before the first
}

// run is what an attempt adds to a job.
type run struct {
	timer   timer // its timeout, then its grace
	started bool
	hard    bool // the hard kill was sent
	alone   bool // it was sent to the runner with nothing beside it, for a lack
	pid     int
	parent  int
	wall    int64 // of the start
	slot    *slot // its place; nil where there are no groups
	exit    *Exit // nil until its processes are gone

	beside   int           // the job's, when it was sent to the runner
	begun    time.Duration // when that was
	expected int64         // bytes that it was admitted for
	use      int64         // bytes, at the last look
	mem      int64         // bytes, smoothed
	growth   float64       // bytes a second, between the last two looks
	pace     float64       // the same, remembered for a while: what the next look is planned by
	seen     time.Duration // when the last look was; 0: never
}

// sentAttempt finds the job whose current attempt the runner has; nil for an event that comes too late.
func (c *Core) sentAttempt(id JobID, attempt int) *job {
	if j := c.jobs[id]; j != nil && j.attempt == attempt && j.sent {
		return j
	}
	return nil
}

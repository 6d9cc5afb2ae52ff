package sched

// lack is what is known of a host that could not start another process, for lack of descriptors, processes or memory. Then no more attempts may be under way than
// were when a start failed; for each round of them that ends, one more. A start fails for good only if it was tried alone.
type lack struct {
	limit int // how many attempts may be under way; 0: any number
	ended int // attempts since limit was set
}

// lacking says that one more attempt would be too many for the host, as far as is known.
func (c *Core) lacking() bool { return c.lack.limit > 0 && c.active.n >= c.lack.limit }

// fellShort puts a job back into the queue whose start failed for a lack.
func (c *Core) fellShort(j *job) {
	c.lack = lack{limit: max(c.active.n, 1)}
	c.release(j)
	c.setState(j, Queued)
	c.requeueFirst(j)
}

// regain counts an attempt that has ended, and so could be started.
func (c *Core) regain() {
	l := &c.lack
	if l.limit == 0 {
		return
	}
	if l.ended++; l.ended >= l.limit {
		l.limit, l.ended = l.limit+1, 0
	}
	if l.limit > c.cfg.Workers {
		*l = lack{}
	}
}

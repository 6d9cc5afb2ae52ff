package sched

import "time"

// lack is what is known of a host that could not start another process, for lack of descriptors, processes or memory. Then no more attempts may be under way than
// were when a start failed; for each round of them that ends, one more. A start that was tried alone is tried again for a while, since what has ended
// may take its time to go, and then fails for good.
type lack struct {
	limit int           // how many attempts may be under way; 0: any number
	ended int           // attempts since limit was set
	until time.Duration // when a start that is tried alone fails for good; 0: none has failed since an attempt ended
	pause timer         // before the next try
}

const (
	lackPatience = time.Second
	lackPause    = 20 * time.Millisecond
)

// lacking says that one more attempt would be too many for the host, as far as is known.
func (c *Core) lacking() bool {
	return c.lack.pause.pos > 0 || c.lack.limit > 0 && c.active.n >= c.lack.limit
}

// fellShort puts a job back into the queue whose start failed for a lack; false if that can't be helped.
func (c *Core) fellShort(j *job) bool {
	l := &c.lack
	if j.run.alone {
		if l.until == 0 {
			l.until = c.now.Mono + lackPatience
		}
		if c.now.Mono >= l.until {
			return false
		}
		c.timers.set(&l.pause, c.now.Mono+lackPause)
	}
	l.limit, l.ended = max(c.active.n, 1), 0
	c.putBack(j)
	return true
}

// regain counts an attempt that has ended, and so could be started.
func (c *Core) regain() {
	l := &c.lack
	if l.limit == 0 {
		return
	}
	l.until = 0
	if l.ended++; l.ended >= l.limit {
		l.limit, l.ended = l.limit+1, 0
	}
	if l.limit > c.cfg.Workers {
		l.limit = 0
	}
}

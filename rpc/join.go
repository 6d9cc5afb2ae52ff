package rpc

import (
	"expool/pool/sched"
	"expool/rpc/wire"
)

// join answers when nothing is queued or running.
func (s *Server) join(c *Call) {
	params, p := decoded(s, c, wire.DecodeJoin)
	if p == nil {
		return
	}
	c.Waits()
	submit(c, p, func(call sched.CallID) sched.Event { return sched.Join{Call: call, Timeout: params.Timeout} },
		func(sum sched.Summary) wire.Appender {
			return wire.Joined{Completed: sum.Completed, Done: int(sum.Done), Failed: int(sum.Failed), Duration: sum.Duration,
				Failures: recordsOf(sum.Failures)}
		})
}

package rpc

import (
	"expool/pool/sched"
	"expool/rpc/wire"
)

// terminate ends everything.
func (s *Server) terminate(c *Call) {
	if p := s.bare(c); p != nil {
		submit(c, p, func(call sched.CallID) sched.Event { return sched.Terminate{Call: call} },
			func(n int64) wire.Appender { return wire.TerminatedCount(n) })
	}
}

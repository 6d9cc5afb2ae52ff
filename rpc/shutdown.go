package rpc

import (
	"expool/pool/sched"
	"expool/rpc/wire"
)

// shutdown answers when everything has ended; then the server ends. It works where no pool can be made.
func (s *Server) shutdown(c *Call) {
	params, problem := wire.DecodeShutdown(c.Params)
	if problem != nil {
		c.Fail(problem)
		return
	}
	if p := s.poolIfAny(); p != nil {
		c.Waits()
		submit(c, p, func(call sched.CallID) sched.Event {
			return sched.Shutdown{Call: call, Now: params.Mode == wire.ModeTerminate}
		}, empty)
	} else {
		c.Reply(wire.Empty{})
	}
	s.end(ending{cause: byShutdown})
}

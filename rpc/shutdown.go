package rpc

import (
	"expool/pool/sched"
	"expool/rpc/wire"
)

// shutdown answers when everything has ended; then the server ends.
func (s *Server) shutdown(c *Call) {
	params, p := decoded(s, c, wire.DecodeShutdown)
	if p == nil {
		return
	}
	c.Waits()
	submit(c, p, func(call sched.CallID) sched.Event {
		return sched.Shutdown{Call: call, Now: params.Mode == wire.ModeTerminate}
	}, empty)
	s.end(ending{cause: byShutdown})
}

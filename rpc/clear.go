package rpc

import (
	"expool/pool/sched"
)

// clear makes an idle pool ready for reuse.
func (s *Server) clear(c *Call) {
	if p := s.bare(c); p != nil {
		submit(c, p, func(call sched.CallID) sched.Event { return sched.Clear{Call: call} }, empty)
	}
}

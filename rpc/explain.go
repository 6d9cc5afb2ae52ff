package rpc

import (
	"expool/pool/sched"
	"expool/rpc/wire"
)

// explain tells why a job is not running.
func (s *Server) explain(c *Call) {
	params, p := decoded(s, c, wire.DecodeExplain)
	if p == nil {
		return
	}
	look(c, p, func(core *sched.Core) {
		x, err := core.Explain(sched.JobID(params.Job))
		if err != nil {
			c.Fail(wireError(err))
			return
		}
		c.Reply(wire.Explained{Job: int64(x.Job), State: wire.State(x.State.String()), Constraint: x.Constraint, WaitsFor: append([]sched.JobID{}, x.WaitsFor...), Text: x.Text})
	})
}

package rpc

import (
	"expool/pool/sched"
	"expool/rpc/wire"
)

// cancel ends a job or a task.
func (s *Server) cancel(c *Call) {
	params, p := decoded(s, c, wire.DecodeCancel)
	if p == nil {
		return
	}
	submit(c, p, func(call sched.CallID) sched.Event {
		return sched.Cancel{Call: call, Job: sched.JobID(params.Job), Task: sched.TaskID(params.Task)}
	}, func(n int64) wire.Appender { return wire.CancelledCount(n) })
}

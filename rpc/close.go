package rpc

import (
	"expool/pool/sched"
	"expool/rpc/wire"
)

// close says that nothing more will be added to a task.
func (s *Server) close(c *Call) {
	params, p := decoded(s, c, wire.DecodeClose)
	if p == nil {
		return
	}
	submit(c, p, func(call sched.CallID) sched.Event {
		return sched.CloseTask{Call: call, Task: sched.TaskID(params.Task)}
	}, empty)
}

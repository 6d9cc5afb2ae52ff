package rpc

import (
	"expool/pool"
	"expool/pool/sched"
	"expool/rpc/wire"
)

// task makes a task.
func (s *Server) task(c *Call) {
	t, p := decoded(s, c, wire.DecodeTask)
	if p == nil {
		return
	}
	group := &pool.Task{Name: t.Name, Parent: sched.TaskID(t.Parent), Timeout: t.Timeout, Params: t.Params,
		Stdout: outputOf(t.Stdout), Stderr: outputOf(t.Stderr)}
	p.SubmitTask(group, answer(c, func(id sched.TaskID) wire.Appender { return wire.TaskID(id) }))
}

package rpc

import (
	"expool/pool/sched"
	"expool/rpc/wire"
)

// tasks lists records of tasks.
func (s *Server) tasks(c *Call) {
	params, p := decoded(s, c, wire.DecodeTaskFilter)
	if p == nil {
		return
	}
	look(c, p, func(core *sched.Core) {
		records, more := core.Tasks(filterOf(params))
		list := make([]wire.TaskRecord, len(records))
		for i, r := range records {
			list[i] = taskRecordOf(r)
		}
		c.Reply(wire.TaskList{Tasks: list, More: more})
	})
}

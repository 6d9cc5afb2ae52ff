package rpc

import (
	"expool/pool/sched"
	"expool/rpc/wire"
)

// jobs lists records of jobs.
func (s *Server) jobs(c *Call) {
	params, p := decoded(s, c, wire.DecodeFilter)
	if p == nil {
		return
	}
	look(c, p, func(core *sched.Core) {
		records, more := core.Jobs(filterOf(params))
		c.Reply(wire.JobList{Jobs: recordsOf(records), More: more})
	})
}

func filterOf(f wire.Filter) sched.Filter {
	filter := sched.Filter{Name: f.Name, Category: f.Category, Task: sched.TaskID(f.Task), After: f.After, Limit: f.Limit}
	if state, ok := sched.ParseState(string(f.State)); ok {
		filter.State = &state
	}
	filter.Reason, _ = sched.ParseReason(string(f.Reason))
	return filter
}

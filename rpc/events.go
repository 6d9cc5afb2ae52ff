package rpc

import (
	"expool/pool/sched"
	"expool/rpc/wire"
)

// events gives what was told since a sequence number, and the changes between that are not notifications.
func (s *Server) events(c *Call) {
	params, p := decoded(s, c, wire.DecodeEvents)
	if p == nil {
		return
	}
	look(c, p, func(core *sched.Core) {
		changes, first, last := core.Events(int64(params.After), params.Limit)
		list := make([]wire.Event, len(changes))
		for i, ch := range changes {
			list[i] = eventOf(ch)
		}
		c.Reply(wire.EventList{Events: list, First: uint64(first), Last: uint64(last)})
	})
}

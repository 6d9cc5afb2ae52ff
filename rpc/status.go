package rpc

import (
	"time"

	"expool/pool/sched"
	"expool/rpc/wire"
)

// poolStatus tells how the pool is.
func (s *Server) poolStatus(c *Call) {
	p := s.bare(c)
	if p == nil {
		return
	}
	look(c, p, func(core *sched.Core) { c.Reply(s.statusOf(core)) })
}

func (s *Server) statusOf(core *sched.Core) wire.Status {
	st := core.Status()
	return wire.Status{Alive: st.Alive, Workers: st.Workers, Uptime: time.Since(s.started), MemUsed: wire.Some(st.MemUsed), MemLimit: st.MemLimit, Counts: wire.Counts{
		Queued: int(st.Queued), Starting: int(st.Starting), Running: int(st.Running), Ending: int(st.Ending),
		Done: int(st.Done), Failed: int(st.Failed)}}
}

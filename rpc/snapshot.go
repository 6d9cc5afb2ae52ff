package rpc

import (
	"time"

	"expool/pool/sched"
	"expool/rpc/wire"
)

// How many jobs a snapshot tells of.
const (
	snapshotRunning = 1000
	snapshotQueued  = 100
)

// State tells what the pool does, in a line of JSON: {"status", "running", "queued"}. It is for those who can't ask, because somebody else owns
// the conversation. It is false once the pool has ended, and with it the server.
func (s *Server) State() (line []byte, ok bool) {
	state := wire.Snapshot{Status: wire.Status{Alive: true, Workers: s.settings.Pool.Workers, Uptime: time.Since(s.started)}}
	if p := s.poolIfAny(); p != nil {
		taken := make(chan wire.Snapshot, 1)
		if !p.Look(func(core *sched.Core) { taken <- s.snapshot(core) }) {
			return nil, false
		}
		state = <-taken
	}
	return append(state.Append(nil), '\n'), true
}

// snapshot runs on the pool's loop.
func (s *Server) snapshot(core *sched.Core) wire.Snapshot {
	in := func(limit int, states ...sched.State) (list []wire.Record) {
		for _, state := range states {
			records, _ := core.Jobs(sched.Filter{State: &state, Limit: limit - len(list)})
			list = append(list, recordsOf(records)...)
			if len(list) == limit {
				break
			}
		}
		return list
	}
	return wire.Snapshot{Status: s.statusOf(core), Running: in(snapshotRunning, sched.Ending, sched.Running, sched.Starting), Queued: in(snapshotQueued, sched.Queued)}
}

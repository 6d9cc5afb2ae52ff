package rpc

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"expool/pool/sched"
	"expool/rpc/wire"
)

// How many jobs a snapshot tells of.
const (
	snapshotRunning = 1000
	snapshotQueued  = 100
)

// WriteState replaces a file by one line that tells what the pool does: {"status", "running", "queued"}. It is for those who can't ask, because
// somebody else owns the conversation.
func (s *Server) WriteState(path string) error {
	state := wire.Snapshot{Status: wire.Status{Alive: true, Workers: s.settings.Pool.Workers, Uptime: time.Since(s.started)}}
	if p := s.poolIfAny(); p != nil {
		taken := make(chan wire.Snapshot, 1)
		if !p.Look(func(core *sched.Core) { taken <- s.snapshot(core) }) {
			return nil // it has just ended, and so does the server
		}
		state = <-taken
	}
	if err := replace(path, append(state.Append(nil), '\n')); err != nil {
		return fmt.Errorf("write the state file: %w", err)
	}
	return nil
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

// replace writes a file so that readers see the old content or the new one, and nobody else sees either.
func replace(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

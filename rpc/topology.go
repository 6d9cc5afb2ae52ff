package rpc

import (
	"encoding/json"

	"expool/numa"
	"expool/rpc/wire"
)

// topology tells what the machine looks like.
func (s *Server) topology(c *Call) {
	if s.bare(c) == nil {
		return
	}
	t, err := s.settings.Pool.Topology()
	if err != nil {
		c.Fail(wire.Errorf(wire.CodeInternal, "reading the topology: %v", err))
		return
	}
	reply(c, t)
}

// reply answers with what encoding/json makes of a result.
func reply(c *Call, result any) {
	text, err := json.Marshal(result)
	if err != nil {
		c.Fail(wire.Errorf(wire.CodeInternal, "%v", err))
		return
	}
	c.Reply(wire.Raw(text))
}

func summary(t *numa.Topology) wire.TopologySummary {
	return wire.TopologySummary{CPUs: t.CPUs.Len(), Allowed: t.Allowed.Len(), Cores: len(t.Cores), Nodes: len(t.Nodes),
		Packages: len(t.Packages), Uniform: t.Uniform()}
}

package rpc

import (
	"slices"

	"expool/numa"
	"expool/pool"
	"expool/pool/proc"
	"expool/rpc/wire"
)

// Protocol is the version of the protocol; a client that speaks another one is refused.
const Protocol = 1

// initialize sets the pool up; it can only be the first call.
func (s *Server) initialize(c *Call) {
	params, problem := wire.DecodeInitialize(c.Params)
	if problem == nil {
		problem = s.configure(&params)
	}
	if problem != nil {
		c.Fail(problem)
		return
	}
	s.mu.Lock()
	p := s.pool
	s.mu.Unlock()
	t, err := s.settings.Pool.Topology()
	if err != nil {
		t = &numa.Topology{Warnings: []string{err.Error()}} // a pool without affinity works all the same
	}
	c.Reply(initialized(p, t))
}

// configure makes the pool with the settings that the client asks for.
func (s *Server) configure(params *wire.Initialize) *wire.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pool != nil {
		return wire.Errorf(wire.CodeInvalidRequest, "initialize can only be the first call")
	}
	if v := params.Protocol.Or(Protocol); v != Protocol {
		return wire.InvalidParams("protocol", "is %d, and this server speaks version %d only", v, Protocol)
	}
	cfg := s.settings.Pool
	if params.Workers.Set {
		cfg.Workers = params.Workers.Value
	}
	if params.Grace.Set {
		cfg.Grace = &params.Grace.Value
	}
	if params.Chained.Set {
		cfg.Unchained = !params.Chained.Value
	}
	if params.MemLimit.Set {
		cfg.MemLimit = params.MemLimit.Value
	}
	if params.Latency.Set {
		cfg.Latency = params.Latency.Value
	}
	if params.Affinity != nil {
		cfg.Affinity = affinityOf(params.Affinity)
	}
	notify := s.settings.Notify
	s.settings.Notify = params.Notify.Or(notify)
	if problem := s.makePool(cfg); problem != nil {
		s.settings.Notify = notify
		return problem
	}
	return nil
}

func initialized(p *pool.Pool, t *numa.Topology) wire.Initialized {
	host := p.Capabilities()
	return wire.Initialized{Server: "expool-rpc", Version: Version, Protocol: Protocol,
		Workers: p.Workers(), Grace: wire.Seconds(p.Grace()), Topology: summary(t), Warnings: slices.Concat(p.Warnings(), t.Warnings),
		MemLimit: p.MemLimit(), Latency: wire.Seconds(p.Latency()), Capabilities: capabilities(host)}
}

// capabilities says what measures and what limits memory on this host, best first.
func capabilities(host proc.Capabilities) wire.Capabilities {
	c := wire.Capabilities{Cgroups: host.Cgroup, Measurement: []string{"rusage", "sampling"}, Enforcement: []string{"sampling"}}
	if host.Memory != "none" && host.Memory != "" {
		group := "cgroup " + host.Memory
		c.Measurement, c.Enforcement = append([]string{group}, c.Measurement...), append([]string{group}, c.Enforcement...)
	} else {
		c.Notes = append(c.Notes, "memory limits are enforced by looking at the jobs, not by the kernel: "+host.MemoryReason)
	}
	if host.Cgroup == "none" {
		c.Notes = append(c.Notes, "jobs run in the server's own cgroup; they are ended through their guardians all the same: "+host.Reason)
	}
	return c
}

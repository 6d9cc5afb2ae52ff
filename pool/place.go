package pool

import (
	"fmt"
	"slices"

	"expool/numa"
	"expool/pool/proc"
	"expool/pool/sched"
)

// MemBind says how the memory of a placed job is bound to the NUMA nodes of its CPUs.
type MemBind = proc.MemBind

// The ways to bind memory.
const (
	MemBindNone   = proc.MemBindNone   // as the kernel does: on the node of the CPU that first touches it
	MemBindPrefer = proc.MemBindPrefer // on the nodes while they have room
	MemBindStrict = proc.MemBindStrict // on the nodes only
)

// Affinity gives each running job a group of CPUs of its own: see numa.Topology.Groups.
type Affinity struct {
	Step       numa.Step
	All        bool  // the job gets all CPUs of its group, not only the first thread of its first core
	Sequential *bool // overrides the numbering that was read
	MemBind    MemBind
}

// place reads the machine and has the pool's attempts run in groups; with fewer groups than workers were asked for (0: none),
// fewer run at once. own are the CPUs that the pool keeps to itself; nil if it does not.
func (p *Pool) place(asked int) (place sched.Placement, own []int, err error) {
	a := p.cfg.Affinity
	if a == nil {
		return place, nil, nil
	}
	t, err := p.cfg.Topology()
	if err != nil {
		return place, nil, fmt.Errorf("reading the topology for affinity: %w", err)
	}
	groups, err := t.Groups(a.Step, !a.All, a.Sequential)
	if err != nil {
		return place, nil, err
	}
	if asked > len(groups) {
		p.warnings = append(p.warnings, fmt.Sprintf("%d workers were asked for, and step %v gives %d affinity groups: only %d jobs run at once",
			asked, a.Step, len(groups), len(groups)))
	}
	p.cfg.Workers = min(p.cfg.Workers, len(groups))
	if p.cfg.KeepOff {
		own = spare(t, groups[:p.cfg.Workers])
	}
	return placement(t, groups), own, nil
}

// placement gives the groups as the scheduler wants them, with the cores and caches that they share.
func placement(t *numa.Topology, groups numa.Groups) sched.Placement {
	var p sched.Placement
	for _, g := range groups {
		p.Groups = append(p.Groups, sched.Group{CPUs: g.CPUs.List(), Nodes: g.Nodes})
	}
	share := func(level string, cpus numa.CPUSet) {
		var in []int
		for i, g := range groups {
			if g.CPUs.Intersects(cpus) {
				in = append(in, i)
			}
		}
		if len(in) < 2 {
			return
		}
		for _, i := range in {
			p.Groups[i].Domains = append(p.Groups[i].Domains, len(p.Domains))
		}
		p.Domains = append(p.Domains, level)
	}
	for _, core := range t.Cores {
		share("core", core.CPUs)
	}
	for _, cache := range t.Caches {
		if cache.Level > 1 {
			share(fmt.Sprintf("l%d", cache.Level), cache.CPUs)
		}
	}
	return p
}

// spare gives the CPUs that no worker needs, for the pool's own threads: those outside the groups or, if there are none, the
// threads of groups that their jobs leave idle. None is left on a machine that jobs fill.
func spare(t *numa.Topology, groups numa.Groups) []int {
	free, idle := t.Allowed, t.Allowed
	for _, g := range groups {
		free, idle = free.Minus(g.Span), idle.Minus(g.CPUs)
	}
	if !free.IsEmpty() {
		return free.List()
	}
	return slices.Clip(idle.List())
}

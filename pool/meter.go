package pool

import (
	"fmt"
	"time"

	"expool/pool/mem"
	"expool/pool/sched"
)

// Meter measures the memory of running attempts and of the host. It is called from one goroutine at a time.
type Meter interface {
	Look(targets []sched.Target) sched.Looked
}

// hostMeter measures by package mem.
type hostMeter struct {
	vms   float64    // share of VMS
	meter *mem.Meter // made at the first look
	used  []mem.Usage
}

func (m *hostMeter) Look(targets []sched.Target) sched.Looked {
	if m.meter == nil {
		m.meter = mem.New(mem.Config{RSSWeight: 1 - m.vms, VMSWeight: m.vms})
	}
	trees := make([]mem.Target, len(targets))
	for i, t := range targets {
		trees[i] = mem.Target{Main: t.PID, Guardian: t.Parent, Kind: mem.Kind(t.Kind)}
	}
	m.used = m.meter.Measure(trees, m.used)
	looked := sched.Looked{Free: free()}
	for i, t := range targets {
		if m.used[i].OK { // else it is just gone
			looked.Used = append(looked.Used, sched.Used{Job: t.Job, Attempt: t.Attempt, Bytes: m.used[i].Mem})
		}
	}
	return looked
}

func share(given *float64) float64 {
	if given == nil {
		return DefaultVMSShare
	}
	return *given
}

// free is what the host can give without falling into its reserve; without bound if it does not tell.
func free() int64 {
	host, err := mem.ReadHost(nil)
	if err != nil {
		return 1 << 62
	}
	return host.Available - host.Reserve
}

// memory gives the limits that the scheduler keeps: what was asked for, as far as the host has it.
func (p *Pool) memory() (sched.Memory, error) {
	m := sched.Memory{Limit: p.cfg.MemLimit, Latency: p.cfg.Latency}
	if m.Limit < 0 || m.Latency < 0 {
		return m, fmt.Errorf("memory limit %d, latency %v: neither can be negative", m.Limit, m.Latency)
	}
	if m.Latency == 0 {
		m.Latency = sched.DefaultLatency
	}
	if m.Limit == 0 {
		return m, nil
	}
	host, err := mem.ReadHost(nil)
	if err != nil {
		return m, fmt.Errorf("a memory limit needs to know the host's memory: %w", err)
	}
	if most := host.Total - host.Reserve; m.Limit > most {
		p.warnings = append(p.warnings, fmt.Sprintf("the memory limit of %d bytes is reduced to %d: %s has %d, of which %d are kept in reserve",
			m.Limit, most, whose(host), host.Total, host.Reserve))
		m.Limit = most
	}
	return m, nil
}

func whose(h mem.Host) string {
	if h.Container {
		return "the container (" + h.Limit + ")"
	}
	return "this machine"
}

// MemLimit is the limit of all jobs together, in bytes; 0 is none.
func (p *Pool) MemLimit() int64 { return p.limits.Limit }

// Latency is the longest time between two looks at the memory of jobs that are limited.
func (p *Pool) Latency() time.Duration { return p.limits.Latency }

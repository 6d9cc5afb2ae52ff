package pool

import (
	"fmt"
	"sync"
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
	vms float64 // share of VMS

	mu    sync.Mutex  // the timer's function runs by itself
	idle  *time.Timer // closes what is open when there was no look for a while; made at the first look, as is the rest
	trees *mem.Meter
	host  *mem.HostMeter

	targets []mem.Target // of the last look
	used    []mem.Usage
}

// idleMeter is how long after a look files stay open for the next one.
const idleMeter = 5 * time.Second

func (m *hostMeter) Look(targets []sched.Target) sched.Looked {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open()
	m.targets = m.targets[:0]
	for _, t := range targets {
		m.targets = append(m.targets, mem.Target{Main: t.PID, Guardian: t.Parent, Kind: mem.Kind(t.Kind)})
	}
	m.used = m.trees.Measure(m.targets, m.used)
	looked := sched.Looked{Free: m.free()}
	for i, t := range targets {
		if m.used[i].OK { // else it is just gone
			looked.Used = append(looked.Used, sched.Used{Job: t.Job, Attempt: t.Attempt, Bytes: m.used[i].Mem})
		}
	}
	return looked
}

func (m *hostMeter) open() {
	if m.idle != nil {
		m.idle.Reset(idleMeter)
		return
	}
	m.idle = time.AfterFunc(idleMeter, m.close)
	m.trees, m.host = mem.New(mem.Config{RSSWeight: 1 - m.vms, VMSWeight: m.vms}), mem.NewHostMeter(nil)
}

// close is for a while without looks; the next one opens again what it needs.
func (m *hostMeter) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trees.Close()
	m.host.Close()
}

// free is what the host can give without falling into its reserve; without bound if it does not tell.
func (m *hostMeter) free() int64 {
	free, err := m.host.Free()
	if err != nil {
		return 1 << 62
	}
	return free
}

func share(given *float64) float64 {
	if given == nil {
		return DefaultVMSShare
	}
	return *given
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

package mem

import (
	"math"
	"os"
)

// Kind says which processes of a job count.
type Kind uint8

// The kinds, with their numbers on the wire.
const (
	Process  Kind = 0 // the main process
	Heaviest Kind = 1 // the process of the tree with the largest figure
	Tree     Kind = 2 // all processes of the tree together
)

// Target is a job to measure.
type Target struct {
	Main     int  // pid of the main process
	Guardian int  // pid of its parent, a subreaper that starts nothing else; 0: the tree is Main and its descendants
	Kind     Kind // any other than the three counts as Tree
	Peak     bool // read high-water marks too, which costs one more file a process
}

// Usage is what one look at a Target found.
type Usage struct {
	Mem       int64 // bytes; the metric: RSS and VMS weighted, see [Config]
	RSS       int64 // bytes, of the one process or summed up
	VMS       int64 // bytes, likewise; not cut to the size of physical memory
	Peak      int64 // bytes; the highest RSS that this look is evidence of: at least RSS, see the package comment
	Processes int   // how many were looked at: living processes of the tree, or 1
	OK        bool  // false: no process was found, and the figures are 0
	Truncated bool  // the tree has more processes than Config.Limit; the figures are lower bounds
}

// Config sets how memory is counted. The zero value has the defaults.
type Config struct {
	RSSWeight float64 // with VMSWeight: Mem is RSSWeight*RSS + VMSWeight*VMS; both 0: 0.9 and 0.1
	VMSWeight float64
	Physical  int64 // bytes; VMS counts up to this, for a Tree in sum. 0: Total of [ReadHost], or no bound if that fails
	Limit     int   // processes and threads to look at in one tree, 0: 10,000
}

func (c Config) withDefaults() Config {
	if c.RSSWeight == 0 && c.VMSWeight == 0 {
		c.RSSWeight, c.VMSWeight = 0.9, 0.1
	}
	if c.Physical <= 0 {
		c.Physical = math.MaxInt64
		if host, err := ReadHost(nil); err == nil {
			c.Physical = host.Total
		}
	}
	if c.Limit <= 0 {
		c.Limit = 10_000
	}
	return c
}

// Meter measures processes. From one call to the next it keeps its buffers, and open the files that it read.
type Meter struct {
	cfg    Config
	reader reader
	lists  bool                       // the kernel has lists of children
	shared func(pid, parent int) bool // they have one address space

	// of one pass
	reads     int       // files that finding the trees takes by the lists
	host      int       // processes on the machine, 0: not asked
	scanFirst bool      // by the look of the last pass
	hasScan   bool      // all is of this pass
	all       []process // every process, by parent

	// of one tree
	queue   []process    // what was found
	members []process    // what of that is alive and ours
	seen    map[int]bool // pids that were put into the queue
}

// New makes a Meter of the processes in /proc.
func New(cfg Config) *Meter { return newMeter(cfg, "/proc") }

func newMeter(cfg Config, proc string) *Meter {
	cfg = cfg.withDefaults()
	_, err := os.Stat(proc + "/thread-self/children")
	return &Meter{cfg: cfg, reader: newReader(proc, cfg.Limit+1), lists: err == nil, shared: sameMemory, seen: map[int]bool{}}
}

// Measure looks at all targets and puts one Usage for each, in their order, into the given slice, which it grows if need
// be and returns.
func (m *Meter) Measure(targets []Target, into []Usage) []Usage {
	m.begin()
	into = into[:0]
	for _, t := range targets {
		truncated := m.find(t)
		u := m.sum(t)
		u.Truncated = truncated
		into = append(into, u)
	}
	m.reader.files.endPass()
	return into
}

// Close closes the files that are open; the next call of Measure opens them again.
func (m *Meter) Close() { m.reader.files.closeAll() }

// Peak is the high-water mark of one target now, in bytes: [Usage.Peak]. It is false when no process was found.
func (m *Meter) Peak(t Target) (bytes int64, ok bool) {
	t.Peak = true
	var one [1]Usage
	u := m.Measure([]Target{t}, one[:])[0]
	return u.Peak, u.OK
}

// find makes members what counts for the target.
func (m *Meter) find(t Target) (truncated bool) {
	if t.Kind != Process {
		return m.walk(t)
	}
	m.members = m.members[:0]
	if p, ok := m.main(t); ok && p.alive() {
		m.add(p)
	}
	return false
}

// sum makes one figure of the members.
func (m *Meter) sum(t Target) Usage {
	u := Usage{Processes: len(m.members), OK: len(m.members) > 0}
	for _, p := range m.members {
		if t.Kind != Heaviest {
			u.RSS, u.VMS = saturate(u.RSS, p.rss), saturate(u.VMS, p.vms)
		} else if metric := m.metric(p.rss, p.vms); metric >= u.Mem {
			u.Mem, u.RSS, u.VMS = metric, p.rss, p.vms
		}
		u.Peak = max(u.Peak, p.rss)
		if t.Peak {
			u.Peak = max(u.Peak, m.reader.highWater(p))
		}
	}
	u.Mem, u.Peak = m.metric(u.RSS, u.VMS), max(u.Peak, u.RSS)
	return u
}

func (m *Meter) metric(rss, vms int64) int64 {
	return int64(math.Round(m.cfg.RSSWeight*float64(rss) + m.cfg.VMSWeight*float64(min(vms, m.cfg.Physical))))
}

// saturate adds, up to the largest number: a process can map 128 PiB.
func saturate(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

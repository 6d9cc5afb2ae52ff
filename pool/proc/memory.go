package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// memoryHost says how the memory of jobs can be limited and measured on this host.
type memoryHost struct {
	version string // of the memory cgroups: memoryV1, memoryV2 or memoryNone
	root    string // version 1: folder of the pool's memory cgroup; version 2 uses the pool's only one
	home    string // version 2: folder of a cgroup that the server moves itself into, "" when it stays where it is
	reason  string // why there are none
}

const (
	memoryV1   = "v1"
	memoryV2   = "v2"
	memoryNone = "none"

	memoryController = "memory"
)

// findMemory finds what the host gives; pool is the pool's cgroup of version 2, "" without. For stale see findPool.
func findMemory(pool string) (h memoryHost, stale []string) {
	own, err := ownCgroup(memoryController)
	if err == nil {
		root, stale, err := findPool(own)
		if err != nil {
			return memoryHost{version: memoryNone, reason: err.Error()}, stale
		}
		return memoryHost{version: memoryV1, root: root}, stale
	}
	if pool == "" {
		return memoryHost{version: memoryNone, reason: "the server may not make a cgroup of version 2, and " + err.Error()}, nil
	}
	home, err := findController(filepath.Dir(pool), memoryController)
	if err != nil {
		return memoryHost{version: memoryNone, reason: err.Error()}, nil
	}
	return memoryHost{version: memoryV2, home: home}, nil
}

// memGroup is the memory cgroup in which a guardian runs the jobs that ask for it.
type memGroup interface {
	// begin readies the group for a job, limited to so many bytes unless limit is 0.
	begin(limit int64) error
	// inside calls f, which forks, in such a way that the child is born in the group.
	inside(f func() error) error
	// outside prepares for a job that doesn't want the group, though it may be in it.
	outside()
	// folder is the memory cgroup of such a job; "" for that of the guardian.
	folder() string
	// home is the thread on which the guardian had better go on, nil for any.
	home() *member
	// alarm is a descriptor to poll, after which look is due; -1 for none.
	alarm() int
	// look says whether the kernel's killer has hit the job, of which it may have left other processes, and when to look
	// again; the zero time stands for never.
	look(now time.Time) (hit bool, next time.Time)
	// end gives the figures of the job that has ended.
	end() memoryUse
	// close removes the group.
	close()
}

// newMemGroup makes the group of a guardian, nil without.
func newMemGroup(h memoryHost, l *leaf) memGroup {
	switch h.version {
	case memoryV1:
		return newGroup1(h.root, l.name)
	case memoryV2:
		return newGroup2(l)
	}
	return nil
}

// memoryUse is what a group has seen of a job.
type memoryUse struct {
	source        string
	peak          int64   // the highest charge, in bytes; 0 when the kernel doesn't tell
	before, after residue // what was charged when no process was there
	killed        bool    // the kernel's killer hit a process
	limited       bool    // because of the job's own limit
}

// residue is what stays charged to a group without processes.
type residue struct {
	file  int64 // page cache
	other int64 // kernel objects, and files in memory (tmpfs)
}

// excess says whether the rest would be in the way of a job with a limit, or without one if that is 0.
func (r *residue) excess(limit int64) bool {
	allowed := int64(otherResidue)
	if limit > 0 {
		allowed = min(allowed, max(limit/64, smallResidue))
	}
	return r.other > allowed
}

const (
	// smallResidue is a charge of an empty group that needs no explanation: the kernel keeps some ahead for each CPU.
	smallResidue = 1 << 20
	// otherResidue is what a group may keep, apart from page cache, before it is replaced.
	otherResidue = 16 << 20
	// limitPages and a job's arguments are what it may have at least: without that, not even its start would succeed.
	limitPages = 512
	// cacheTolerance is how much page cache a peak may include for being called exact, with a hundredth of the peak.
	cacheTolerance = 1 << 20
)

// Sources of Exit.GroupPeak.
const (
	peakV1     = "cgroup v1"
	peakV2     = "cgroup v2"
	lessCache  = ", less page cache"
	peakRusage = "rusage"
)

// figure turns what a group has seen into a peak and its source. The charge includes the page cache of the files that the job
// was first to read or write, which is not its memory: the kernel drops that when memory is needed. The highest charge does not
// tell how much of it was page cache, but the cache that was there at the end, or went, and the job's block I/O bound it. If that
// bound matters, the figure becomes a lower bound, and the largest process is a better one for a job that is mostly one process.
func (u *memoryUse) figure(io, maxRSS int64) (int64, string) {
	if u.peak == 0 {
		return 0, ""
	}
	net := max(u.peak-u.before.file-u.before.other, 0)
	cache := max(u.after.file-u.before.file, u.before.file-u.after.file, io)
	if cache <= cacheTolerance+u.peak/100 {
		return net, u.source
	}
	if net-cache >= maxRSS {
		return net - cache, u.source + lessCache
	}
	return maxRSS, peakRusage
}

// inMemory calls f, which forks, so that the job is in the memory cgroup if it asks for that.
func (g *guardian) inMemory(r *run, c *Command, f func() error) error {
	if g.mem != nil && (c.MemLimit > 0 || c.MemGroup) {
		err := g.mem.begin(kernelLimit(c))
		if err == nil {
			r.mem = g.mem
			return g.mem.inside(f)
		}
		r.warn(fmt.Sprintf("run in a memory cgroup: %v", err))
	}
	if g.mem != nil {
		g.mem.outside()
	}
	return f()
}

// kernelLimit is what the kernel is asked to enforce for a command.
func kernelLimit(c *Command) int64 {
	if c.MemLimit <= 0 {
		return 0
	}
	least := int64(limitPages * os.Getpagesize())
	for _, list := range [...][]string{c.Args, c.Env} {
		for _, s := range list {
			least += 2 * int64(len(s)) // they are copied
		}
	}
	return max(c.MemLimit, least)
}

// watchMemory ends the whole job when the kernel's killer has hit a process of it.
func (r *run) watchMemory(t *tree) {
	r.memLook = time.Time{}
	if r.mem == nil || r.killer != nil {
		return
	}
	hit, next := r.mem.look(time.Now())
	r.memLook = next
	if hit {
		r.hard(t)
	}
}

// memory completes the result by what is known of the job's memory.
func (r *run) memory() {
	x := &r.exit
	if r.mem == nil {
		if r.shot && r.oom.changed() {
			x.MaybeOOM = r.oom.sure()
			if !x.MaybeOOM {
				r.warn("the host's out-of-memory killer ended a process meanwhile: perhaps one of this job")
			}
		}
		return
	}
	use := r.mem.end()
	x.OOMKilled, x.MemLimited = use.killed, use.limited
	x.GroupPeak, x.GroupPeakSource = use.figure(x.ReadBytes+x.WriteBytes, x.MaxRSS)
}

package proc

import (
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// group1 is a memory cgroup of version 1. A child is born in the cgroup of the thread that forks it, so that a thread of the
// guardian lives in the group and forks there. It is not the main thread, because that one stands for the whole process: the
// guardian's own memory would be charged to the group, and the kernel's killer could choose the guardian. From its first job in
// the group on the guardian does everything on that thread, as handing each fork over would cost a sixth of a short job. The
// group is used for one job after the other, because moving a thread takes milliseconds; resetting the peak does not.
type group1 struct {
	leaf   leaf
	thread *member
	want   int64 // the job's limit, 0 for none
	limit  int64 // as set

	peak, usage, kernel cgroupFile
	max, maxSwap        cgroupFile // maxSwap limits memory and swap together; not all kernels have it
	fails, oom, stat    cgroupFile
	event               cgroupFile // rings when a limit is reached and nothing can be reclaimed

	kills   int64     // by the killer, at the beginning of the job
	failed  int64     // times that the limit could not be kept at first, at the beginning of the job
	rest    residue   // at that time
	unknown bool      // rest is, because a job has been there that did without the group
	rang    bool      // event has rung since then
	over    bool      // the guardian has seen the job exceed its limit since then
	due     time.Time // of the next look
	urgent  time.Time // until then the looks are frequent
}

func newGroup1(root, name string) *group1 {
	g := &group1{leaf: leaf{root: root, name: name}}
	for _, f := range g.files() {
		*f = noFile
	}
	return g
}

func (g *group1) files() []*cgroupFile {
	return []*cgroupFile{&g.peak, &g.usage, &g.kernel, &g.max, &g.maxSwap, &g.fails, &g.oom, &g.stat, &g.event}
}

func (g *group1) begin(limit int64) error {
	if err := g.ready(limit); err != nil {
		return err
	}
	if err := g.peak.write("0"); err != nil {
		return fmt.Errorf("reset the peak of %s: %w", g.leaf.path, err)
	}
	g.failed, g.kills = g.fails.number(), g.victims() // those of jobs that did without the group count too
	g.ring()                                          // forgets what it has heard
	g.rang, g.over, g.urgent, g.due = false, false, time.Time{}, time.Time{}
	return nil
}

// ready has a cgroup with the limit, in which nothing of earlier jobs is in the way.
func (g *group1) ready(limit int64) error {
	if g.unknown {
		g.rest, g.unknown = g.remains(), false
	}
	if g.thread == nil || g.rest.excess(limit) || g.leaf.divided() {
		if err := g.renew(); err != nil {
			return err
		}
	}
	g.want = limit
	err := g.setLimit(g.limitBeside(g.rest.file))
	if err == unix.EBUSY { // what is left can't be reclaimed
		if err := g.renew(); err != nil {
			return err
		}
		err = g.setLimit(limit)
	}
	if err != nil {
		return fmt.Errorf("limit %s to %d bytes: %w", g.leaf.path, limit, err)
	}
	return nil
}

// renew makes a new cgroup, and moves the thread there.
func (g *group1) renew() error {
	old := g.leaf
	g.leaf.dir, g.leaf.path = nil, ""
	if _, ok := g.leaf.fd(); !ok {
		g.leaf = old
		return fmt.Errorf("make a cgroup in %s", old.root)
	}
	if g.thread == nil {
		g.thread = startMember()
	}
	err := g.thread.move(g.leaf.path)
	if err == nil {
		g.closeFiles()
		err = g.open()
	}
	if old.dir != nil {
		old.remove()
	}
	g.limit, g.rest = 0, residue{}
	return err
}

// open opens the files of a new cgroup.
func (g *group1) open() error {
	dir := g.leaf.path
	for _, f := range []struct {
		file *cgroupFile
		name string
	}{{&g.peak, "memory.max_usage_in_bytes"}, {&g.usage, "memory.usage_in_bytes"}, {&g.max, "memory.limit_in_bytes"},
		{&g.fails, "memory.failcnt"}, {&g.oom, "memory.oom_control"}, {&g.stat, "memory.stat"}} {
		var err error
		if *f.file, err = openCgroupFile(dir, f.name); err != nil {
			return err
		}
	}
	g.kernel = openOptional(dir, "memory.kmem.usage_in_bytes")
	g.maxSwap = openOptional(dir, "memory.memsw.limit_in_bytes")
	g.watch()
	return nil
}

func (g *group1) inside(f func() error) error {
	var err error
	g.thread.do(func() { err = f() })
	return err
}

// outside lifts the limit, because what the thread forks is in the group all the same.
func (g *group1) outside() {
	if g.thread != nil {
		g.want, g.unknown = 0, true
		_ = g.setLimit(0)
	}
}

func (g *group1) folder() string { return g.leaf.path }

func (g *group1) home() *member { return g.thread }

func (g *group1) alarm() int { return int(g.event) }

// victims counts those of the killer in this group.
func (g *group1) victims() int64 { return g.oom.fields("oom_kill")[0] }

func (g *group1) end() memoryUse {
	u := memoryUse{source: peakV1, peak: g.peak.number(), before: g.rest, limited: g.over}
	if g.victims() > g.kills {
		g.ring()
		u.killed = true
		// The event also comes when the limit of a cgroup above is reached, and failures when there was page cache to reclaim.
		u.limited = g.over || g.limit > 0 && g.fails.number() > g.failed && (g.rang || g.event == noFile)
	}
	u.after = g.remains()
	g.rest = u.after
	return u
}

// remains reads what is charged to the group while no job is there.
func (g *group1) remains() residue {
	if g.usage.number() <= smallResidue {
		return residue{}
	}
	stat := g.stat.fields("cache", "shmem")
	return residue{file: max(stat[0]-stat[1], 0), other: stat[1] + g.kernel.number()}
}

func (g *group1) closeFiles() {
	for _, f := range g.files() {
		f.close()
	}
}

// close moves the thread to the server's cgroup, as nothing with a member can be removed.
func (g *group1) close() {
	if g.thread != nil {
		g.closeFiles()
		_ = g.thread.move(filepath.Dir(g.leaf.root))
		g.leaf.remove()
	}
}

package proc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// group2 is the memory side of the guardian's leaf in version 2, where the controller is enabled for leaves. Its killer ends all
// processes of the leaf at once. The peak can be reset from Linux 6.12 on; before, a job that wants it gets a new leaf, and before
// 5.19 there is none.
type group2 struct {
	leaf  *leaf
	path  string // of the leaf whose files are open, "" for none
	limit int64  // as set there; 0 for none

	max, maxSwap cgroupFile
	peak, usage  cgroupFile
	events, stat cgroupFile

	oom, kills int64   // at the beginning of the job
	rest       residue // at that time
	unknown    bool    // rest is, because a job has been in the leaf that did without the group
}

func newGroup2(l *leaf) *group2 {
	g := &group2{leaf: l}
	for _, f := range g.files() {
		*f = noFile
	}
	return g
}

func (g *group2) files() []*cgroupFile {
	return []*cgroupFile{&g.max, &g.maxSwap, &g.peak, &g.usage, &g.events, &g.stat}
}

func (g *group2) begin(limit int64) error {
	g.leaf.renew()
	if err := g.attach(); err != nil {
		return err
	}
	if g.leaf.used && !g.reset(limit) {
		g.leaf.remove()
		if err := g.attach(); err != nil {
			return err
		}
	}
	if err := g.setLimit(limit); err != nil {
		return fmt.Errorf("limit %s to %d bytes: %w", g.path, limit, err)
	}
	counts := g.events.fields("oom", "oom_kill")
	g.oom, g.kills = counts[0], counts[1]
	return nil
}

// attach opens the files of the leaf, which is made if need be.
func (g *group2) attach() error {
	if _, ok := g.leaf.fd(); !ok {
		return errors.New("the guardian has no cgroup")
	}
	if g.leaf.path != g.path {
		g.close()
		if err := g.open(); err != nil {
			return err
		}
		g.path, g.limit, g.rest, g.unknown = g.leaf.path, 0, residue{}, g.leaf.used
	}
	if g.unknown {
		g.rest, g.unknown = g.remains(), false
	}
	return nil
}

// reset readies a leaf for another job, or says that it can't be.
func (g *group2) reset(limit int64) bool {
	return !g.rest.excess(limit) && (g.peak == noFile || g.peak.write("0") == nil)
}

func (g *group2) open() error {
	dir := g.leaf.path
	var err1, err2, err3, err4 error
	g.max, err1 = openCgroupFile(dir, "memory.max")
	g.events, err2 = openCgroupFile(dir, "memory.events.local")
	g.stat, err3 = openCgroupFile(dir, "memory.stat")
	g.usage, err4 = openCgroupFile(dir, "memory.current")
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	g.maxSwap = openOptional(dir, "memory.swap.max")
	g.peak = openOptional(dir, "memory.peak")
	if err := os.WriteFile(filepath.Join(dir, "memory.oom.group"), []byte("1"), 0); err != nil {
		return fmt.Errorf("have all of a job killed together: %w", err)
	}
	return nil
}

// setLimit limits memory, and keeps a limited job from swapping.
func (g *group2) setLimit(limit int64) error {
	if limit == g.limit {
		return nil
	}
	value, swap := "max", "max"
	if limit > 0 {
		value, swap = strconv.FormatInt(limit, 10), "0"
	}
	if g.maxSwap != noFile {
		if err := g.maxSwap.write(swap); err != nil {
			return err
		}
	}
	if err := g.max.write(value); err != nil {
		return err
	}
	g.limit = limit
	return nil
}

func (g *group2) inside(f func() error) error { return f() }

// outside lifts the limit, because jobs that don't want the group are in the same leaf.
func (g *group2) outside() {
	g.unknown = true
	if g.limit > 0 && g.leaf.path == g.path {
		_ = g.setLimit(0)
	}
}

func (g *group2) folder() string { return "" }

func (g *group2) home() *member { return nil }

func (g *group2) alarm() int { return -1 }

func (g *group2) look(time.Time) (hit bool, next time.Time) { return false, time.Time{} }

func (g *group2) end() memoryUse {
	counts := g.events.fields("oom", "oom_kill")
	u := memoryUse{source: peakV2, before: g.rest, killed: counts[1] > g.kills}
	u.limited = u.killed && g.limit > 0 && counts[0] > g.oom // this leaf itself had no more
	u.peak = g.peak.number()
	u.after = g.remains()
	g.rest = u.after
	return u
}

// remains reads what is charged to the leaf while no job is there.
func (g *group2) remains() residue {
	if g.usage.number() <= smallResidue {
		return residue{}
	}
	stat := g.stat.fields("file", "shmem", "kernel", "slab") // "kernel" includes "slab", but is not there before Linux 5.18
	return residue{file: stat[0] - stat[1], other: stat[1] + max(stat[2], stat[3])}
}

// close leaves the leaf to the guardian.
func (g *group2) close() {
	for _, f := range g.files() {
		f.close()
	}
	g.path = ""
}

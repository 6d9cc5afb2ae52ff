package proc

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// The limit of version 1 counts page cache, and the kernel does not slow down a process there that writes files faster than the
// disk takes them: its pages can't be reclaimed in time, and the killer comes. So while page cache is a good part of the charge,
// the limit is raised by it, and the guardian itself looks every few milliseconds whether the rest exceeds what the job may have.
// Without page cache the limit is exact and the kernel's alone.

// swapSlack is how much more memory and swap may be together than memory alone. Were they the same, newer kernels would count no
// failure when the limit is reached.
const swapSlack = 4 << 20

// setLimit limits memory, and memory with swap, which the kernel keeps from being less.
func (g *group1) setLimit(limit int64) error {
	if limit == g.limit {
		return nil
	}
	value, total := "-1", "-1"
	if limit > 0 {
		value, total = strconv.FormatInt(limit, 10), strconv.FormatInt(limit+swapSlack, 10)
	}
	rises := limit == 0 || g.limit > 0 && limit > g.limit
	if rises && g.maxSwap != noFile {
		if err := g.maxSwap.write(total); err != nil {
			return err
		}
	}
	if err := g.max.write(value); err != nil {
		return err
	}
	if !rises && g.maxSwap != noFile {
		if err := g.maxSwap.write(total); err != nil {
			return err
		}
	}
	g.limit = limit
	return nil
}

const (
	// oomLook is how often a guardian looks whether there are victims when nothing tells it of them, those of a host without memory.
	oomLook = time.Second
	// oomHaste is how often it does in the second after the event, which comes before the kill.
	oomHaste = time.Millisecond
	// cacheLook is how often it looks at a job near its limit that has page cache.
	cacheLook = 10 * time.Millisecond
	// nearLook is how often it looks whether one near its limit has come to have some: the killer takes longer to come for that.
	nearLook = 50 * time.Millisecond
	// cacheRoom is how much page cache such a job may gain between two looks.
	cacheRoom = 64 << 20
	// bytesPerNs is how fast charges are expected to grow at most.
	bytesPerNs = 2
)

func (g *group1) look(now time.Time) (hit bool, next time.Time) {
	if g.ring() {
		g.due, g.urgent = now, now.Add(time.Second)
	}
	if now.Before(g.due) {
		return false, g.due
	}
	wait := min(oomLook, g.adapt())
	if now.Before(g.urgent) {
		wait = oomHaste
	}
	g.due = now.Add(wait)
	return g.over || g.victims() > g.kills, g.due
}

// adapt fits the limit to the page cache of the job, sees whether the job has exceeded its own without that, and says when to
// look again.
func (g *group1) adapt() time.Duration {
	if g.want == 0 {
		return oomLook
	}
	usage, near := g.usage.number(), g.want/2 // from there on, what is page cache matters before the limit is reached
	if usage < near {
		return max(time.Duration((near-usage)/bytesPerNs), cacheLook)
	}
	file := g.file()
	g.over = usage-file > g.want+cacheError && file >= g.want/cacheShare
	limit := g.limitBeside(file)
	if limit > g.limit+cacheRoom/4 || limit < g.limit-cacheRoom {
		_ = g.setLimit(limit) // if it can't be less now, it can be later
	}
	if limit == g.want {
		return min(max(time.Duration((g.want-usage)/bytesPerNs), cacheLook), nearLook)
	}
	return cacheLook
}

// cacheError is what the kernel's count of page cache may lag behind.
var cacheError = min(int64(runtime.NumCPU())<<18, cacheRoom/2)

// cacheShare is the part of the limit that page cache must have for being considered.
const cacheShare = 16

// limitBeside is the limit to be set for a group that has so much page cache.
func (g *group1) limitBeside(file int64) int64 {
	if g.want == 0 || file < g.want/cacheShare {
		return g.want
	}
	return g.want + file + cacheRoom
}

// file reads how much page cache is charged.
func (g *group1) file() int64 {
	stat := g.stat.fields("cache", "shmem")
	return max(stat[0]-stat[1], 0)
}

// watch registers for the event that a limit can't be kept. Kernels without it are looked at every now and then.
func (g *group1) watch() {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return
	}
	g.event = cgroupFile(fd)
	control := openOptional(g.leaf.path, "cgroup.event_control")
	defer control.close()
	if control.write(fmt.Sprintf("%d %d", fd, g.oom)) != nil {
		g.event.close()
	}
}

// ring says whether the event has rung since it was asked last.
func (g *group1) ring() bool {
	if g.event == noFile {
		return false
	}
	var count [8]byte
	_, err := unix.Read(int(g.event), count[:])
	rings := err == nil && binary.NativeEndian.Uint64(count[:]) > 0
	g.rang = g.rang || rings
	return rings
}

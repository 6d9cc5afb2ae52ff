package mem

import (
	"io/fs"
	"strings"
	"time"
)

// HostMeter tells time and again what the host can give. What seldom changes it reads anew every ten seconds only: the RAM,
// where our cgroups are, their limits, what the kernel keeps. Files stay open, where there are
// enough descriptors. It belongs to one goroutine at a time.
type HostMeter struct {
	files   openFS
	limits  []limit
	reserve int64
	until   time.Time // when these are to be read again
}

// hostStays is how long the host is taken for what it was.
const hostStays = 10 * time.Second

// NewHostMeter makes a HostMeter. root is that of [ReadHost], and has proc/meminfo as well.
func NewHostMeter(root fs.FS) *HostMeter {
	return &HostMeter{files: newOpenFS(rootOr(root))}
}

// Free gives how much can be allocated before the reserve is touched, in bytes: [Host].Available without Reserve, negative
// when the reserve has been touched. It takes some 20 µs, and in a container as much for each limit. It fails as ReadHost
// does.
func (m *HostMeter) Free() (int64, error) {
	// Not from gopsutil, which takes all that meminfo has, and so several times as long as a look at a job.
	ram, ok := readMeminfo(&m.files, "MemAvailable:")
	if now := time.Now(); !ok || !now.Before(m.until) {
		host, limits, err := readHost(&m.files)
		if err != nil {
			return 0, err
		}
		m.limits, m.reserve, m.until = limits, host.Reserve, now.Add(hostStays)
		return host.Available - host.Reserve, nil
	}
	return available(&m.files, m.limits, ram) - m.reserve, nil
}

// Close closes the files that are open; the next call of Free opens them again.
func (m *HostMeter) Close() { m.files.closeAll() }

// readMeminfo gives a figure of meminfo in bytes.
func readMeminfo(root fs.FS, key string) (int64, bool) {
	_, rest, _ := strings.Cut(readText(root, "proc/meminfo"), "\n"+key)
	kib, _, ok := number([]byte(rest))
	return clamp(kib, 1024), ok
}

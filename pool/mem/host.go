package mem

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"

	hostmem "github.com/shirou/gopsutil/v3/mem"
)

// Host is the memory that this process and its jobs may use, in bytes. In a container it is the container's.
type Host struct {
	Total     int64  // the RAM, or the lowest memory limit of our cgroups where that is lower
	Available int64  // of Total: what can be allocated without swapping, caches that can be dropped included
	Reserve   int64  // of Total: what should stay available, see [Reserve]
	RAM       int64  // of the machine
	SwapTotal int64  // of the machine
	SwapUsed  int64  // of the machine
	Container bool   // a cgroup's limit is what Total says
	Limit     string // the file with that limit, else ""
}

// ReadHost reads the memory of the host. RAM and swap are those of the running kernel. root is where proc/self/cgroup,
// proc/self/mountinfo, proc/sys/vm and the cgroups that these name are read; nil is the root of the filesystem. What is
// missing there sets no limit. It takes some 0.3 ms, and fails only when the kernel doesn't tell its RAM.
func ReadHost(root fs.FS) (Host, error) {
	host, _, err := readHost(rootOr(root))
	return host, err
}

func rootOr(root fs.FS) fs.FS {
	if root == nil {
		return os.DirFS("/")
	}
	return root
}

// readHost gives the limits of our cgroups as well, those below the RAM.
func readHost(root fs.FS) (Host, []limit, error) {
	vm, err := hostmem.VirtualMemory()
	if err == nil && vm.Total == 0 {
		err = errors.New("no MemTotal in meminfo; is /proc mounted?")
	}
	if err != nil {
		return Host{}, nil, fmt.Errorf("read the host's memory: %w", err)
	}
	host, limits := contained(root, Host{
		RAM:       bytesOf(vm.Total),
		Available: bytesOf(vm.Available),
		SwapTotal: bytesOf(vm.SwapTotal),
		SwapUsed:  bytesOf(vm.SwapTotal - min(vm.SwapFree, vm.SwapTotal)),
	})
	return host, limits, nil
}

func bytesOf(n uint64) int64 { return int64(min(n, math.MaxInt64)) }

// contained completes a host of which RAM, what is available of it, and swap are known. It gives the limits as well.
func contained(root fs.FS, h Host) (Host, []limit) {
	// A limit above the RAM is how version 1 says that there is none; and the RAM is the limit anyway.
	found := slices.DeleteFunc(limits(root), func(l limit) bool { return l.bytes > h.RAM })
	h.Total = h.RAM
	for _, l := range found {
		if !h.Container || l.bytes < h.Total {
			h.Total, h.Limit, h.Container = l.bytes, l.file, true
		}
	}
	kernel := int64(0)
	if !h.Container {
		kernel = keptByKernel(root, h.RAM)
	}
	h.Available, h.Reserve = available(root, found, h.Available), Reserve(h.Total, kernel)
	return h, found
}

// available is what can be allocated of the RAM's part below all limits.
func available(root fs.FS, limits []limit, ram int64) int64 {
	for _, l := range limits {
		ram = min(ram, max(l.bytes-l.group.used(root), 0))
	}
	return ram
}

// Reserve gives how many bytes of a total should stay available so that the machine neither swaps nor kills: what the
// kernel itself keeps free, and a 64th of the total for what else runs, but at least 32 MiB and at most 1 GiB; in all at most
// a quarter of the total. A machine of 16 GiB keeps some 350 MiB, one of 512 GiB about 2.1 GiB. kernel is 0 in a container,
// whose limit the kernel enforces without keeping anything back.
func Reserve(total, kernel int64) int64 {
	const least, most = 32 << 20, 1 << 30
	return max(min(kernel+min(max(total/64, least), most), total/4), 0)
}

// keptByKernel gives the memory below which the kernel reclaims, the sum of the high watermarks of all zones: min_free_kbytes,
// and twice a step that is the larger of a quarter of that and of watermark_scale_factor ten-thousandths of the RAM.
func keptByKernel(root fs.FS, ram int64) int64 {
	kib, ok := readNumber(root, "proc/sys/vm/min_free_kbytes")
	if !ok || kib > ram/1024 {
		return 0
	}
	scale, ok := readNumber(root, "proc/sys/vm/watermark_scale_factor")
	if !ok || scale > 10_000 {
		scale = 10 // the kernel's default
	}
	free := kib * 1024
	return free + 2*max(free/4, ram/10_000*scale)
}

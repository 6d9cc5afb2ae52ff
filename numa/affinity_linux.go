package numa

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// processAffinity asks for the affinity of the process's main thread: other
// threads may be pinned for jobs. The kernel refuses buffers smaller than its
// own masks, hence the growing.
func processAffinity() (CPUSet, error) {
	for size := 1024; ; size *= 2 {
		mask := unix.NewCPUSet(size)
		err := unix.SchedGetaffinityDynamic(os.Getpid(), mask)
		if errors.Is(err, unix.EINVAL) && size < MaxCPUs {
			continue
		}
		if err != nil {
			return CPUSet{}, os.NewSyscallError("sched_getaffinity", err)
		}
		var b builder
		for cpu := range size {
			if mask.IsSet(cpu) {
				b.add(cpu)
			}
		}
		return b.set(), nil
	}
}

package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

var pools atomic.Int64 // counts the names that this process has given to cgroups

// findPool names a cgroup for the pool below own, which is this process's, and sees that it can be made. What dead servers have
// left in own is removed; stale is what could not be removed yet.
func findPool(own string) (dir string, stale []string, err error) {
	for _, file := range []string{own, filepath.Join(own, "cgroup.procs")} {
		if err := unix.Access(file, unix.W_OK); err != nil {
			return "", nil, fmt.Errorf("the server may not use its cgroup: %s: %w", file, err)
		}
	}
	stale = removeStale(own)
	dir = nameCgroup(own)
	if err = os.Mkdir(dir, 0o755); err == nil {
		err = unix.Rmdir(dir)
	}
	if err != nil {
		return "", stale, fmt.Errorf("the server may not make a cgroup: %w", err)
	}
	return dir, stale, nil
}

// nameCgroup gives a folder that nobody has.
func nameCgroup(own string) string {
	return filepath.Join(own, poolName(os.Getpid())+"-"+strconv.FormatInt(pools.Add(1), 10))
}

const poolPrefix = "expool-"

// poolName names the cgroups of a server: pid, start time in ticks since boot, and the namespace of the pid.
// The name tells other servers whether this one still lives.
func poolName(pid int) string {
	s, _ := readStat(pid)
	return fmt.Sprintf("%s%d-%d-%d", poolPrefix, pid, s.start, pidNamespace())
}

func pidNamespace() uint64 {
	var st unix.Stat_t
	if err := unix.Stat("/proc/self/ns/pid", &st); err != nil {
		return 0
	}
	return st.Ino
}

// removeStale removes the cgroups of servers that are gone, and kills what is in them. It waits for nothing: left is what still
// has processes. Those of another pid namespace are none of our business.
func removeStale(own string) (left []string) {
	paths, _ := filepath.Glob(filepath.Join(own, poolPrefix+"*"))
	for _, path := range paths {
		name := filepath.Base(path)
		var pid, start, ns, n uint64
		_, err := fmt.Sscanf(name, poolPrefix+"%d-%d-%d-%d", &pid, &start, &ns, &n)
		if err != nil || ns != pidNamespace() {
			continue
		}
		if s, ok := readStat(int(pid)); ok && s.start == start && s.state != 'Z' { // nobody may ever reap it
			continue
		}
		if !removeEmpty(path) {
			killCgroup(path)
			left = append(left, path)
		}
	}
	return left
}

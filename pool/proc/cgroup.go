package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// The pool's cgroup is a folder below the server's own, with one leaf for each guardian, named by the guardian's pid and a
// count, because a leaf can't be used again after cgroup.kill. Servers and guardians stay outside of it, and no controller is
// needed for it.

// leaf is the cgroup that a guardian places its jobs in. It is made when it is first needed.
type leaf struct {
	root string // folder of the pool's cgroup, "" for none
	name string // the guardian's pid
	n    int
	path string   // "" until made
	dir  *os.File // open while made
}

// fd returns a descriptor of the folder, or false when there is no cgroup to use.
func (l *leaf) fd() (int, bool) {
	if l.dir != nil {
		return int(l.dir.Fd()), true
	}
	if l.root == "" {
		return -1, false
	}
	l.n++
	l.path = filepath.Join(l.root, l.name+"-"+strconv.Itoa(l.n))
	if err := os.Mkdir(l.path, 0o755); err != nil {
		l.disable()
		return -1, false
	}
	dir, err := os.Open(l.path)
	if err != nil {
		l.remove()
		l.disable()
		return -1, false
	}
	l.dir = dir
	return int(dir.Fd()), true
}

// disable makes the guardian go on without a cgroup.
func (l *leaf) disable() {
	l.remove()
	l.root, l.path = "", ""
}

// kill kills all that is in the leaf, which can't be used for new processes thereafter.
func (l *leaf) kill() {
	if l.dir == nil {
		return
	}
	_ = os.WriteFile(filepath.Join(l.path, "cgroup.kill"), []byte("1"), 0) // Linux 5.14; without it the tree is enough
	l.n |= killedLeaf
}

// killedLeaf marks the count of a leaf that was killed; renew clears it.
const killedLeaf = 1 << 30

// renew replaces a leaf that was killed, once its processes are gone.
func (l *leaf) renew() {
	if l.n&killedLeaf != 0 {
		l.n &^= killedLeaf
		l.remove()
	}
}

// remove gives the leaf back. It waits a moment for what has just been killed.
func (l *leaf) remove() {
	if l.dir != nil {
		_ = l.dir.Close()
		l.dir = nil
		removeCgroup(l.path)
	}
}

// removeRoot removes the pool's cgroup if this was the last leaf, for a server that died.
func (l *leaf) removeRoot() {
	if l.root != "" {
		_ = os.Remove(l.root)
	}
}

// removeCgroup kills and removes a cgroup that has no children. It gives up after a second, when processes that
// can't be killed are in it.
func removeCgroup(path string) {
	pause := time.Millisecond
	for waited := time.Duration(0); waited < time.Second; waited += pause {
		if err := unix.Rmdir(path); err != unix.EBUSY && err != unix.EINTR {
			return
		}
		_ = os.WriteFile(filepath.Join(path, "cgroup.kill"), []byte("1"), 0)
		killMembers(path)
		time.Sleep(pause)
		pause = min(2*pause, 50*time.Millisecond)
	}
}

// killMembers kills what is in a cgroup one by one, for kernels without cgroup.kill.
func killMembers(path string) {
	data, _ := os.ReadFile(filepath.Join(path, "cgroup.procs"))
	for field := range bytes.FieldsSeq(data) {
		if pid, err := strconv.Atoi(string(field)); err == nil && pid > 0 {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
}

// removeLeaves removes what a guardian that was killed left behind.
func removeLeaves(root string, pid int) {
	if root == "" {
		return
	}
	leaves, _ := filepath.Glob(filepath.Join(root, strconv.Itoa(pid)+"-*"))
	for _, path := range leaves {
		removeCgroup(path)
	}
}

// removePool removes the pool's cgroup with all leaves.
func removePool(root string) {
	entries, _ := os.ReadDir(root)
	for _, entry := range entries {
		if entry.IsDir() {
			removeCgroup(filepath.Join(root, entry.Name()))
		}
	}
	removeCgroup(root)
}

var pools atomic.Int64 // counts the cgroups that this process made

// makePool makes the pool's cgroup below this process's own, and removes those that dead servers left there.
func makePool() (dir string, err error) {
	own, err := ownCgroup()
	if err != nil {
		return "", err
	}
	for _, file := range []string{own, filepath.Join(own, "cgroup.procs")} {
		if err := unix.Access(file, unix.W_OK); err != nil {
			return "", fmt.Errorf("the server may not use its cgroup: %s: %w", file, err)
		}
	}
	removeStale(own)
	dir = filepath.Join(own, poolName(os.Getpid())+"-"+strconv.FormatInt(pools.Add(1), 10))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", fmt.Errorf("the server may not make a cgroup: %w", err)
	}
	return dir, nil
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

// removeStale removes the cgroups of servers that are gone. Those of another pid namespace are none of our business.
func removeStale(own string) {
	paths, _ := filepath.Glob(filepath.Join(own, poolPrefix+"*"))
	for _, path := range paths {
		name := filepath.Base(path)
		var pid, start, ns, n uint64
		_, err := fmt.Sscanf(name, poolPrefix+"%d-%d-%d-%d", &pid, &start, &ns, &n)
		if err != nil || ns != pidNamespace() {
			continue
		}
		if s, ok := readStat(int(pid)); !ok || s.start != start {
			removePool(path)
		}
	}
}

// ownCgroup finds the folder of this process's cgroup in a mounted hierarchy of version 2, alone or beside version 1.
func ownCgroup() (string, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", fmt.Errorf("find the cgroup mount: %w", err)
	}
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", fmt.Errorf("find the server's cgroup: %w", err)
	}
	return cgroupDir(string(mounts), string(groups))
}

// cgroupDir finds the folder from the contents of mountinfo and cgroup in /proc/self.
func cgroupDir(mounts, groups string) (string, error) {
	path, ok := "", false
	for line := range strings.Lines(groups) {
		if rest, found := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::"); found {
			path, ok = rest, true
		}
	}
	if !ok {
		return "", errors.New("the server is in no cgroup of version 2")
	}
	if strings.HasPrefix(path, "/../") {
		return "", fmt.Errorf("the server's cgroup %q is outside of its cgroup namespace", path)
	}
	for line := range strings.Lines(mounts) {
		before, after, _ := strings.Cut(line, " - ")
		fields := strings.Fields(before)
		if len(fields) < 5 || !strings.HasPrefix(after, "cgroup2 ") {
			continue
		}
		rel, err := filepath.Rel(unescapeMount(fields[3]), path)
		if err == nil && rel != ".." && !strings.HasPrefix(rel, "../") {
			return filepath.Join(unescapeMount(fields[4]), rel), nil
		}
	}
	return "", fmt.Errorf("no cgroup hierarchy of version 2 that holds %q is mounted", path)
}

var mountEscapes = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

func unescapeMount(s string) string { return mountEscapes.Replace(s) }

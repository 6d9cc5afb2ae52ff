package proc

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// The pool's cgroup is a folder below the server's own, with one leaf for each guardian, named by the guardian's pid and a
// count, because a leaf can't be used again after cgroup.kill. Servers and guardians stay outside of it, and no controller is
// needed for it. Where memory is controlled by version 1, the pool has a second such folder in that hierarchy, see memory1.go.
// Jobs may make cgroups of their own below their leaf, which end with it.

// leaf is the cgroup that a guardian places its jobs in. It is made when it is first needed.
type leaf struct {
	root string // folder of the pool's cgroup, "" for none
	name string // the guardian's pid
	n    int
	path string   // "" until made
	dir  *os.File // open while made
	used bool     // a job has been in it

	mkdir func(path string) error // makes the folder; nil for the usual way
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
	mkdir := l.mkdir
	if mkdir == nil {
		mkdir = func(path string) error { return os.Mkdir(path, 0o755) }
	}
	if err := mkdir(l.path); err != nil {
		l.disable()
		return -1, false
	}
	dir, err := os.Open(l.path)
	if err != nil {
		l.remove()
		l.disable()
		return -1, false
	}
	l.dir, l.used = dir, false
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

// renew replaces a leaf that was killed, or in which a job has left cgroups, once its processes are gone.
func (l *leaf) renew() {
	if l.n&killedLeaf != 0 || l.divided() {
		l.n &^= killedLeaf
		l.remove()
	}
}

// divided says whether there are cgroups below the leaf. The kernel counts them as links: asking costs far less than a fork.
func (l *leaf) divided() bool {
	var st unix.Stat_t
	return l.dir != nil && unix.Fstat(int(l.dir.Fd()), &st) == nil && st.Nlink > 2
}

// remove gives the leaf back. It waits a moment for what has just been killed.
func (l *leaf) remove() {
	if l.dir != nil {
		_ = l.dir.Close()
		l.dir = nil
		removeCgroup(l.path)
	}
}

// removeCgroup kills what is in a cgroup and removes it, with all cgroups below. It gives up after a second, when processes that
// can't be killed are in it.
func removeCgroup(path string) {
	pause := time.Millisecond
	for waited := time.Duration(0); waited < time.Second; waited += pause {
		if removeEmpty(path) {
			return
		}
		killCgroup(path)
		_ = poll(nil, pause) // guardians do this as well: no timer of the runtime
		pause = min(2*pause, 50*time.Millisecond)
	}
}

// removeEmpty removes a cgroup and all below it, the deepest first, as far as no process is in there. It reports false when that
// was in the way.
func removeEmpty(path string) bool {
	err := unix.Rmdir(path)
	if err != unix.EBUSY && err != unix.EINTR {
		return true
	}
	for _, child := range cgroupsIn(path) {
		removeEmpty(child)
	}
	err = unix.Rmdir(path)
	return err != unix.EBUSY && err != unix.EINTR
}

// cgroupsIn lists those right below a cgroup.
func cgroupsIn(path string) []string {
	entries, _ := os.ReadDir(path)
	var list []string
	for _, entry := range entries {
		if entry.IsDir() {
			list = append(list, filepath.Join(path, entry.Name()))
		}
	}
	return list
}

// killCgroup kills what is in a cgroup and below it, one by one where the kernel has no cgroup.kill, and in version 1.
func killCgroup(path string) {
	if os.WriteFile(filepath.Join(path, "cgroup.kill"), []byte("1"), 0) == nil {
		return
	}
	killMembers(path)
	for _, child := range cgroupsIn(path) {
		killCgroup(child)
	}
}

// killMembers kills the processes of a cgroup. In version 1 a process is listed for any of its threads, but only one whose main
// thread is a member belongs to a job: the others are guardians.
func killMembers(path string) {
	data, _ := os.ReadFile(filepath.Join(path, "cgroup.procs"))
	threads, err := os.ReadFile(filepath.Join(path, "tasks"))
	if err != nil {
		threads = data
	}
	members := map[string]bool{}
	for field := range bytes.FieldsSeq(threads) {
		members[string(field)] = true
	}
	for field := range bytes.FieldsSeq(data) {
		if pid, err := strconv.Atoi(string(field)); err == nil && pid > 0 && members[string(field)] {
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

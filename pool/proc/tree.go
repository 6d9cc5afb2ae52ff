package proc

import (
	"bytes"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// tree finds and signals the descendants of a process.
type tree struct {
	root  int
	own   bool // root is this process, which alone reaps its children
	lists bool // the kernel has /proc/PID/task/TID/children
}

// newTree is the tree below root, which is not part of it.
func newTree(root int) tree {
	return tree{root: root, own: root == os.Getpid(), lists: haveChildren()}
}

func haveChildren() bool {
	_, err := os.Stat("/proc/self/task/" + strconv.Itoa(os.Getpid()) + "/children")
	return err == nil
}

// process is one process of a tree, as found.
type process struct{ pid, parent int }

// find lists the tree, parents before children. Processes that fork or end meanwhile may be missing.
func (t *tree) find() []process {
	if !t.lists {
		return descendants(t.root, scanParents())
	}
	found := []process{{pid: t.root}}
	seen := map[int]bool{t.root: true}
	for i := 0; i < len(found); i++ {
		parent := found[i].pid
		for _, pid := range children(parent) {
			if !seen[pid] { // it was reparented while we looked
				seen[pid] = true
				found = append(found, process{pid, parent})
			}
		}
	}
	return found[1:]
}

// children lists the children of all threads of a process.
func children(pid int) []int {
	dir := "/proc/" + strconv.Itoa(pid) + "/task/"
	var list []int
	var buf [4096]byte
	for _, tid := range dirNames(dir) {
		data := readAll(dir+tid+"/children", buf[:])
		for field := range bytes.FieldsSeq(data) {
			if child, err := strconv.Atoi(string(field)); err == nil {
				list = append(list, child)
			}
		}
	}
	return list
}

// readAll reads a file into buf, or a larger one. Unlike os.ReadFile it takes nothing else from the Go runtime, whose
// other threads may not get to run for long when a job has hundreds of busy processes.
func readAll(path string, buf []byte) []byte {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	for n := 0; ; {
		m, err := unix.Read(fd, buf[n:])
		if err == unix.EINTR {
			continue
		}
		if n += max(m, 0); err != nil || m == 0 {
			return buf[:n]
		}
		if n == len(buf) {
			buf = append(buf, make([]byte, len(buf))...)
		}
	}
}

// dirNames lists a folder; as for readAll.
func dirNames(dir string) []string {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	var names []string
	var buf [4096]byte
	for {
		n, err := unix.ReadDirent(fd, buf[:])
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return names
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
}

// scanParents reads the parent of every process that this one can see.
func scanParents() map[int][]int {
	names := dirNames("/proc")
	slices.Sort(names)
	kids := map[int][]int{}
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if s, ok := readStat(pid); ok {
			kids[s.parent] = append(kids[s.parent], pid)
		}
	}
	return kids
}

func descendants(root int, kids map[int][]int) []process {
	var found []process
	todo := []int{root}
	for len(todo) > 0 {
		parent := todo[0]
		todo = todo[1:]
		for _, pid := range kids[parent] {
			found = append(found, process{pid, parent})
			todo = append(todo, pid)
		}
	}
	return found
}

// stat is what we use of /proc/PID/stat.
type stat struct {
	state   byte
	parent  int
	threads int
	start   uint64 // in clock ticks since boot
}

// alive is false for zombies, but not for those whose main thread alone has ended.
func (s stat) alive() bool { return s.state != 'Z' && s.state != 'X' || s.threads > 1 }

func readStat(pid int) (stat, bool) {
	var buf [1024]byte
	return parseStat(readAll("/proc/"+strconv.Itoa(pid)+"/stat", buf[:]))
}

// parseStat skips the name, which may hold anything, by its last parenthesis.
func parseStat(data []byte) (stat, bool) {
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	if len(fields) < 20 {
		return stat{}, false
	}
	parent, err1 := strconv.Atoi(string(fields[1]))
	threads, err2 := strconv.Atoi(string(fields[17]))
	start, err3 := strconv.ParseUint(string(fields[19]), 10, 64)
	if err1 != nil || err2 != nil || err3 != nil {
		return stat{}, false
	}
	return stat{state: fields[0][0], parent: parent, threads: threads, start: start}, true
}

// living counts the processes of the tree that are alive, except one.
func (t *tree) living(except int) int {
	n := 0
	for _, p := range t.find() {
		if s, ok := readStat(p.pid); ok && s.alive() && p.pid != except {
			n++
		}
	}
	return n
}

// signal sends some signals to each process of the tree, and reports how many took it and which living ones refused.
func (t *tree) signal(sigs ...unix.Signal) (sent int, refused []int) {
	found := t.find()
	member := map[int]bool{t.root: true}
	for _, p := range found {
		member[p.pid] = true
	}
	for _, p := range found {
		switch err := t.send(p, sigs, member); err {
		case nil:
			sent++
		case unix.EPERM:
			refused = append(refused, p.pid)
		}
	}
	return sent, refused
}

// send signals p if it still is what was found. Our own children can't be mistaken, since nobody else reaps them. The pid
// of any other may belong to a new process by now: it is pinned, and must then have a parent in the tree.
func (t *tree) send(p process, sigs []unix.Signal, member map[int]bool) error {
	own := t.own && p.parent == t.root
	fd := -1
	if !own {
		var err error
		if fd, err = unix.PidfdOpen(p.pid, 0); err != nil {
			return unix.ESRCH
		}
		defer unix.Close(fd)
	}
	s, ok := readStat(p.pid)
	switch {
	case ok && !s.alive():
		return unix.ESRCH
	case !own && (!ok || !member[s.parent]):
		return unix.ESRCH
	}
	for _, sig := range sigs {
		var err error
		if own {
			err = unix.Kill(p.pid, sig)
		} else {
			err = unix.PidfdSendSignal(fd, sig, nil, 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// terminate sends SIGTERM to the whole tree, then wakes what is stopped, so that it sees it.
func (t *tree) terminate() {
	t.signal(unix.SIGTERM, unix.SIGCONT)
}

// stop halts the tree, until a look finds nothing new: stopped processes don't fork.
func (t *tree) stop() {
	for before, looks := -1, 0; looks < 100; looks++ {
		sent, _ := t.signal(unix.SIGSTOP)
		if sent <= before {
			return
		}
		before = sent
	}
}

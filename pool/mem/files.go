package mem

import (
	"golang.org/x/sys/unix"
)

// file is /proc/PID/NAME, or /proc/PID/task/TID/NAME unless tid is 0.
type file struct {
	pid, tid int
	name     string
}

// openFiles are files that stay open from one pass to the next, because most processes stay as well: to read an open one
// again costs a third of what it takes to open, read and close it. Each belongs to its process or thread for good, never
// to another that has got the number.
type openFiles struct {
	most int // how many may stay open
	pass int
	open map[file]*openFile
}

type openFile struct {
	fd   int
	pass int  // which read it last
	left int  // reads until it is opened anew
	own  bool // of a process: its memory is not its parent's, and won't be
}

// openReads is how often a file is read before it is opened anew. The list of children of what has ended is empty, and no
// error, so that it would hide those of a process or thread that has got the number.
const openReads = 100

func newOpenFiles() openFiles {
	return openFiles{most: spareDescriptors(), open: map[file]*openFile{}}
}

// spareDescriptors is how many files may stay open: a share of what this process may have, so that most are left to those
// who need them, and none where these are few. The bound is for the kernel's memory, 5 KB a file.
func spareDescriptors() int {
	const share, few, bound = 8, 256, 1000
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < few {
		return 0
	}
	return int(min(limit.Cur/share, bound))
}

// get gives a file that is open.
func (o *openFiles) get(name file) (*openFile, bool) {
	f, ok := o.open[name]
	if !ok {
		return nil, false
	}
	if f.left--; f.left < 0 {
		o.close(name)
		return nil, false
	}
	f.pass = o.pass
	return f, true
}

// keep takes a descriptor over, if there is room for it.
func (o *openFiles) keep(name file, fd int) bool {
	if len(o.open) >= o.most {
		return false
	}
	o.open[name] = &openFile{fd: fd, pass: o.pass, left: openReads}
	return true
}

func (o *openFiles) close(name file) {
	_ = unix.Close(o.open[name].fd)
	delete(o.open, name)
}

// endPass closes what the pass did not read: its process has ended, or is not looked at any more.
func (o *openFiles) endPass() {
	for name, f := range o.open {
		if f.pass != o.pass {
			o.close(name)
		}
	}
	o.pass++
}

func (o *openFiles) closeAll() {
	for name := range o.open {
		o.close(name)
	}
}

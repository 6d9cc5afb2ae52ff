package mem

import (
	"encoding/binary"
	"math"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// reader reads the files of processes. It allocates nothing once its buffers have grown, because it is used all the time
// on machines where others measure.
type reader struct {
	page  int64  // bytes
	most  int    // bytes of one file
	root  string // "/proc/"
	files openFiles
	path  []byte // of the file being opened
	data  []byte // the content of the file being read; always full length
	tids  []int  // what the threads of a process were last read into
	all   []int  // what all processes were last read into
}

// newReader makes a reader for lists of up to so many children; of longer ones it reads the start.
func newReader(proc string, children int) reader {
	const short, pid = 1 << 13, len("4194304 ")
	return reader{page: int64(os.Getpagesize()), most: max(short, pid*children), root: proc + "/", files: newOpenFiles(), data: make([]byte, short)}
}

// read gives the content of a file, or nothing when it can't be read. It is valid until the next call.
func (r *reader) read(f file) []byte {
	if kept, ok := r.files.get(f); ok {
		if data, err := r.content(kept.fd); err == nil {
			return data
		}
		r.files.close(f) // its process has ended, and its number may be another's by now
	}
	r.pathOf(f)
	fd, ok := r.open(unix.O_RDONLY)
	if !ok {
		return nil
	}
	if !r.files.keep(f, fd) {
		defer unix.Close(fd)
	}
	data, _ := r.content(fd)
	return data
}

// lastRead is how much a read gives at least if anything is to follow. The kernel hands out these files by the page, full
// but for an entry that did not fit, so that reading on, until nothing comes, can be spared.
const lastRead = 2048

// content reads an open file from its start, up to so many bytes.
func (r *reader) content(fd int) ([]byte, error) {
	for n := 0; ; {
		got, errno := pread(fd, r.data[n:], n)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			return r.data[:n], errno
		}
		if n += got; got < lastRead || n >= r.most {
			return r.data[:n], nil
		}
		if len(r.data)-n < 2*lastRead { // or the room would be what bounds the next read
			r.data = append(r.data, make([]byte, len(r.data))...)
		}
	}
}

// pread is unix.Pread without telling Go's scheduler, which reckons with a call that blocks: to stand by for that costs it a
// tenth of what a look at quiet jobs does. These files are made in the kernel, within microseconds.
func pread(fd int, into []byte, at int) (n int, errno unix.Errno) {
	got, _, errno := unix.RawSyscall6(unix.SYS_PREAD64, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(into))), uintptr(len(into)), uintptr(at), 0, 0)
	return int(got), errno
}

// pathOf makes the path of a file.
func (r *reader) pathOf(f file) {
	r.begin(f.pid)
	if f.tid != 0 {
		r.path = append(r.path, "/task/"...)
		r.path = strconv.AppendInt(r.path, int64(f.tid), 10)
	}
	r.path = append(r.path, '/')
	r.path = append(r.path, f.name...)
}

// begin starts the path of a process.
func (r *reader) begin(pid int) {
	r.path = append(r.path[:0], r.root...)
	r.path = strconv.AppendInt(r.path, int64(pid), 10)
}

// open is unix.Open of the path, but for a copy of it. When descriptors are lacking, those that are kept go first.
func (r *reader) open(flags int) (fd int, ok bool) {
	r.path = append(r.path, 0)
	for {
		// The folder that a relative path starts from is 0: it means nothing to ours, which are absolute.
		fd, _, errno := unix.Syscall6(unix.SYS_OPENAT, 0, uintptr(unsafe.Pointer(&r.path[0])), uintptr(flags|unix.O_CLOEXEC), 0, 0, 0)
		switch {
		case errno == unix.EINTR:
		case (errno == unix.EMFILE || errno == unix.ENFILE) && len(r.files.open) > 0:
			r.files.closeAll()
		default:
			return int(fd), errno == 0
		}
	}
}

// threads lists the threads of a process, at most so many. It is valid until the next call.
func (r *reader) threads(pid, most int) []int {
	r.begin(pid)
	r.path = append(r.path, "/task"...)
	r.tids = r.numbers(r.tids[:0], most)
	return r.tids
}

// pids lists all processes that can be seen. It is valid until the next call.
func (r *reader) pids() []int {
	r.path = append(r.path[:0], r.root...)
	r.all = r.numbers(r.all[:0], math.MaxInt)
	return r.all
}

// processes counts all processes of the machine, those of other namespaces included: the links of /proc.
func (r *reader) processes() int {
	var st unix.Stat_t
	if err := unix.Stat(r.root, &st); err != nil {
		return 0
	}
	return int(st.Nlink)
}

// numbers appends the entries of the folder at the path that are numbers, up to a number of them.
func (r *reader) numbers(list []int, most int) []int {
	fd, ok := r.open(unix.O_RDONLY | unix.O_DIRECTORY)
	if !ok {
		return list
	}
	defer unix.Close(fd)
	for len(list) < most {
		n, err := unix.ReadDirent(fd, r.data)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return list
		}
		list = appendNumbers(list, r.data[:n])
	}
	return list[:most]
}

// appendNumbers reads records of linux_dirent64: inode, offset, length of the record, type, name.
func appendNumbers(list []int, records []byte) []int {
	const lengthAt, nameAt = 16, 19
	for len(records) > nameAt {
		length := int(binary.NativeEndian.Uint16(records[lengthAt:]))
		if length <= nameAt || length > len(records) {
			break
		}
		if n, rest, ok := number(records[nameAt:length]); ok && len(rest) > 0 && rest[0] == 0 {
			list = append(list, int(n))
		}
		records = records[length:]
	}
	return list
}

// sameMemory says that two processes have one address space, as after vfork and before exec. It is false where the kernel
// doesn't tell (without kcmp, or forbidden by seccomp or to other users).
func sameMemory(pid, other int) bool {
	const kcmpVM = 1
	order, _, errno := unix.Syscall6(unix.SYS_KCMP, uintptr(pid), uintptr(other), kcmpVM, 0, 0, 0)
	return errno == 0 && order == 0
}

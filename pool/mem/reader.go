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
	page int64  // bytes
	most int    // bytes of one file
	root string // "/proc/"
	path []byte // of the file being read
	data []byte // its content; always full length
	tids []int  // what the threads of a process were last read into
	all  []int  // what all processes were last read into
}

// newReader makes a reader for lists of up to so many children; of longer ones it reads the start.
func newReader(proc string, children int) reader {
	const short, pid = 1 << 13, len("4194304 ")
	return reader{page: int64(os.Getpagesize()), most: max(short, pid*children), root: proc + "/", data: make([]byte, short)}
}

// read gives the content of /proc/PID/FILE, or of /proc/PID/task/TID/FILE unless tid is 0; nothing when it can't be read.
// It is valid until the next call.
func (r *reader) read(pid, tid int, file string) []byte {
	r.begin(pid)
	if tid != 0 {
		r.path = append(r.path, "/task/"...)
		r.path = strconv.AppendInt(r.path, int64(tid), 10)
	}
	r.path = append(r.path, file...)
	fd, ok := r.open(unix.O_RDONLY)
	if !ok {
		return nil
	}
	defer unix.Close(fd)
	for n := 0; ; {
		m, err := unix.Read(fd, r.data[n:])
		if err == unix.EINTR {
			continue
		}
		if n += max(m, 0); err != nil || m == 0 || n >= r.most {
			return r.data[:n]
		}
		if n == len(r.data) {
			r.data = append(r.data, make([]byte, n)...)
		}
	}
}

// begin starts the path of a process.
func (r *reader) begin(pid int) {
	r.path = append(r.path[:0], r.root...)
	r.path = strconv.AppendInt(r.path, int64(pid), 10)
}

// open is unix.Open of the path, but for a copy of it.
func (r *reader) open(flags int) (fd int, ok bool) {
	r.path = append(r.path, 0)
	for {
		// The folder that a relative path starts from is 0: it means nothing to ours, which are absolute.
		fd, _, errno := unix.Syscall6(unix.SYS_OPENAT, 0, uintptr(unsafe.Pointer(&r.path[0])), uintptr(flags|unix.O_CLOEXEC), 0, 0, 0)
		if errno != unix.EINTR {
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

package mem

import (
	"bytes"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// openFS is a filesystem whose files stay open once they were read by [fs.ReadFile]. It is for the kernel's, which tell what
// is at every read, and take longer to open than to read.
type openFS struct {
	fs.FS
	most   int // how many may stay open
	open   map[string]fs.File
	buffer []byte
}

func newOpenFS(root fs.FS) openFS {
	return openFS{FS: root, most: spareDescriptors(), open: map[string]fs.File{}}
}

// ReadFile reads a file from its start. One that can't be read any more, as those of a cgroup that was removed, is opened
// once more.
func (o *openFS) ReadFile(name string) ([]byte, error) {
	if f, ok := o.open[name]; ok {
		if data, err := o.content(f); err == nil {
			return data, nil
		}
		o.close(name)
	}
	f, err := o.Open(name)
	if err != nil {
		return nil, err
	}
	if len(o.open) < o.most {
		o.open[name] = f
	} else {
		defer f.Close()
	}
	return o.content(f)
}

// content gives all of a file, in memory of its own.
func (o *openFS) content(f fs.File) ([]byte, error) {
	at, ok := f.(io.ReaderAt)
	if !ok {
		return nil, fs.ErrInvalid // a folder, or no file of an operating system
	}
	for {
		n, err := readStart(at, o.buffer)
		switch err {
		case nil: // there may be more
			o.buffer = make([]byte, max(2*len(o.buffer), 4096))
		case io.EOF:
			return bytes.Clone(o.buffer[:n]), nil
		default:
			return nil, err
		}
	}
}

// readStart is f.ReadAt at 0, for files of the operating system without telling Go's scheduler, see pread.
func readStart(f io.ReaderAt, into []byte) (n int, err error) {
	file, ok := f.(*os.File)
	if !ok {
		return f.ReadAt(into, 0)
	}
	conn, err := file.SyscallConn()
	if err != nil {
		return 0, err
	}
	if e := conn.Control(func(fd uintptr) { n, err = preadFull(int(fd), into) }); e != nil {
		return 0, e
	}
	return n, err
}

// preadFull reads until there is no room left, or io.EOF.
func preadFull(fd int, into []byte) (n int, err error) {
	for n < len(into) {
		switch got, errno := pread(fd, into[n:], n); {
		case errno == unix.EINTR:
		case errno != 0:
			return n, errno
		case got == 0:
			return n, io.EOF
		default:
			n += got
		}
	}
	return n, nil
}

func (o *openFS) close(name string) {
	_ = o.open[name].Close()
	delete(o.open, name)
}

func (o *openFS) closeAll() {
	for name := range o.open {
		o.close(name)
	}
}

package proc

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// cgroupFile is an open file of a cgroup, which is read and written as a whole each time. Opening one costs more than reading it.
type cgroupFile int

const noFile cgroupFile = -1

// openCgroupFile opens a file for reading and writing, or for what its mode allows.
func openCgroupFile(dir, name string) (cgroupFile, error) {
	path := filepath.Join(dir, name)
	for _, mode := range []int{unix.O_RDWR, unix.O_RDONLY, unix.O_WRONLY} {
		fd, err := unix.Open(path, mode|unix.O_CLOEXEC, 0)
		if err == nil {
			return cgroupFile(fd), nil
		}
		if err != unix.EACCES {
			return noFile, fmt.Errorf("open %s: %w", path, err)
		}
	}
	return noFile, fmt.Errorf("open %s: %w", path, unix.EACCES)
}

// openOptional is for files that not all kernels have.
func openOptional(dir, name string) cgroupFile {
	f, err := openCgroupFile(dir, name)
	if err != nil {
		return noFile
	}
	return f
}

func (f cgroupFile) write(value string) error {
	_, err := unix.Pwrite(int(f), []byte(value), 0)
	return err
}

// number reads a file that holds one; 0 if it can't be read.
func (f cgroupFile) number() int64 {
	var buf [32]byte
	n, err := unix.Pread(int(f), buf[:], 0)
	if err != nil {
		return 0
	}
	v, _ := strconv.ParseInt(string(bytes.TrimSpace(buf[:n])), 10, 64)
	return v
}

// fields reads some of the lines "name value" of a file, all of which stand among its first; 0 for what is missing.
func (f cgroupFile) fields(names ...string) []int64 {
	values := make([]int64, len(names))
	var buf [4096]byte
	n, err := unix.Pread(int(f), buf[:], 0)
	if err != nil {
		return values
	}
	for line := range bytes.Lines(buf[:n]) {
		name, value, _ := bytes.Cut(bytes.TrimSpace(line), []byte{' '})
		for i := range names {
			if names[i] == string(name) {
				values[i], _ = strconv.ParseInt(string(value), 10, 64)
			}
		}
	}
	return values
}

// close makes the file noFile.
func (f *cgroupFile) close() {
	if *f >= 0 {
		_ = unix.Close(int(*f))
	}
	*f = noFile
}

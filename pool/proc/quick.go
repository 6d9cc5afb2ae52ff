package proc

import (
	"io"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// System calls that never block are made without telling the Go runtime: when it was idle, telling it wakes its monitor thread,
// which then runs beside the jobs for a while. That is a tenth of the cost of a short job.

// quickRead reads what there is in a file that does not block; EAGAIN if there is nothing.
func quickRead(fd uintptr, b []byte) (int, syscall.Errno) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	return int(n), errno
}

// quickSend sends what a socket takes at once; EAGAIN if it takes nothing.
func quickSend(fd uintptr, b []byte) (int, syscall.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	return int(n), errno
}

// quickYield lets the server run, which the kernel wakes on the CPU of the guardian that has just reported: its next order is then there before
// the guardian has gone to sleep. On a virtual machine, where a sleeping CPU is woken through the host, that is a twentieth of a short job.
func quickYield() { _, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }

// QuickWriter gives a writer to a file that makes no fuss about writes that need not wait, on kernels and files that can tell (RWF_NOWAIT; pipes from
// Linux 6.5 on). It is for one goroutine, and a process that catches SIGPIPE.
func QuickWriter(f *os.File) io.Writer { return &quickWriter{f: f, able: true} }

type quickWriter struct {
	f    *os.File
	able bool // whether the kernel can tell for this file, as far as is known
}

func (w *quickWriter) Write(b []byte) (int, error) {
	n := 0
	if w.able && len(b) > 0 {
		n = w.quick(b)
	}
	if n == len(b) {
		return n, nil
	}
	m, err := w.f.Write(b[n:]) // which waits, and has the errors
	return n + m, err
}

// quick writes what can be written without waiting.
func (w *quickWriter) quick(b []byte) int {
	const offset = ^uintptr(0) // where the file is, or its end in append mode
	part := unix.Iovec{Base: unsafe.SliceData(b)}
	part.SetLen(len(b))
	n, _, errno := unix.RawSyscall6(unix.SYS_PWRITEV2, w.f.Fd(), uintptr(unsafe.Pointer(&part)), 1, offset, offset, unix.RWF_NOWAIT)
	runtime.KeepAlive(w.f)
	if errno != 0 {
		w.able = errno == unix.EAGAIN
		return 0
	}
	return int(n)
}

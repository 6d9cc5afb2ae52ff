package proc

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// quickPoll is how long a guardian polls without telling the Go runtime. Telling it costs some wake-ups of the runtime's
// monitor thread each time, which is a tenth of the cost of a short job; not telling it keeps that thread awake.
const quickPoll = 2 * time.Millisecond

// patientPoll is poll for a guardian: it sleeps until the timeout, or for ever when that is negative.
func patientPoll(fds []unix.PollFd, timeout time.Duration) error {
	quick := quickPoll
	if timeout >= 0 && timeout < quick {
		quick = timeout
	}
	ts := unix.NsecToTimespec(int64(quick))
	n, _, errno := unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(unsafe.SliceData(fds))), uintptr(len(fds)),
		uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	if n > 0 || quick == timeout {
		return nil
	}
	var rest *unix.Timespec
	if timeout > 0 {
		ts = unix.NsecToTimespec(int64(timeout - quick))
		rest = &ts
	}
	_, err := unix.Ppoll(fds, rest, nil)
	return err
}

package proc

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// quickPoll is how long a guardian polls without telling the Go runtime. Telling it costs some wake-ups of the runtime's
// monitor thread each time, which is a tenth of the cost of a short job; not telling it keeps that thread awake.
const quickPoll = 2 * time.Millisecond

// patientPoll is poll for a guardian: it sleeps up to timeout milliseconds, or for ever when that is negative.
func patientPoll(fds []unix.PollFd, timeout int) error {
	quick := unix.NsecToTimespec(int64(quickPoll))
	if limit := time.Duration(timeout) * time.Millisecond; timeout >= 0 && limit <= quickPoll {
		quick = unix.NsecToTimespec(int64(limit))
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(unsafe.SliceData(fds))), uintptr(len(fds)),
		uintptr(unsafe.Pointer(&quick)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	if n > 0 || timeout >= 0 && timeout <= int(quickPoll/time.Millisecond) {
		return nil
	}
	_, err := unix.Poll(fds, timeout)
	return err
}

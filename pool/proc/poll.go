package proc

import (
	"time"

	"golang.org/x/sys/unix"
)

// poll waits for one of the descriptors, for as long as timeout, or without end when that is negative. It blocks the thread.
func poll(fds []unix.PollFd, timeout time.Duration) error {
	var end *unix.Timespec
	if timeout >= 0 {
		ts := unix.NsecToTimespec(int64(timeout))
		end = &ts
	}
	_, err := unix.Ppoll(fds, end, nil)
	return err
}

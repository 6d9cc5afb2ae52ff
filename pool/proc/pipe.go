package proc

import "golang.org/x/sys/unix"

// A pipe is made wide only while much goes through it: the two ends then take turns less often. Plain users have 64 MiB for all of their pipes
// (pipe-user-pages-soft), and those made beyond that are tiny.
const (
	pipeSize    = 64 << 10  // what the kernel gives to a pipe, with pages of 4 KiB
	captureSize = 512 << 10 // for the output of a job that goes on
	reportSize  = 1 << 20   // for captured output on its way to the server; the most that plain users may have (pipe-max-size)
)

// setPipeSize may be refused, which leaves the pipe as it is. The runtime isn't told (see quickRead): it never blocks.
func setPipeSize(fd, size int) error {
	if _, _, errno := unix.RawSyscall(unix.SYS_FCNTL, uintptr(fd), unix.F_SETPIPE_SZ, uintptr(size)); errno != 0 {
		return errno
	}
	return nil
}

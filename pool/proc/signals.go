package proc

import (
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// immune are the signals of terminals and operators that a guardian ignores. The forker sets them back for its jobs, and unblocks all: the kernel resets
// only what has a handler. To have os/signal catch them instead takes a millisecond when a guardian starts: two switches of threads for each, twice.
var immune = [...]syscall.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGALRM,
	unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU}

// sigaction is the kernel's struct sigaction, of which the handler is the first word: all zero is the default.
type sigaction [4]uint64

// ignoreSignals makes the guardian immune.
func ignoreSignals() error {
	ignore := sigaction{1} // SIG_IGN
	for _, sig := range immune {
		_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&ignore)), 0, sigsetSize, 0, 0)
		if errno != 0 {
			return fmt.Errorf("ignore signal %d: %w", sig, errno)
		}
	}
	return nil
}

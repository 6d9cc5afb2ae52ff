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

const (
	ignored = 1          // SIG_IGN
	restart = 0x10000000 // SA_RESTART
)

// setSignal sets what is done about a signal, or only gets it if set is nil.
func setSignal(sig syscall.Signal, set, get *sigaction) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(get)), sigsetSize, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// ignoreSignals makes the guardian immune.
func ignoreSignals() error {
	ignore := sigaction{ignored}
	for _, sig := range immune {
		if err := setSignal(sig, &ignore, nil); err != nil {
			return fmt.Errorf("ignore signal %d: %w", sig, err)
		}
	}
	return nil
}

// interrupting has a signal, for which the runtime has a handler, end system calls that it interrupts.
func interrupting(sig syscall.Signal) error {
	var action sigaction
	if err := setSignal(sig, nil, &action); err != nil {
		return err
	}
	action[1] &^= restart
	return setSignal(sig, &action, nil)
}

// ignoredSignals are those, and others that this process was started to ignore.
func ignoredSignals() (list []syscall.Signal) {
	for sig := syscall.Signal(1); sig <= signals; sig++ {
		var is sigaction
		if setSignal(sig, nil, &is) == nil && is[0] == ignored {
			list = append(list, sig)
		}
	}
	return list
}

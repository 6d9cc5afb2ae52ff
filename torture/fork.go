package main

import (
	"syscall"
	"unsafe"
)

// forkForEver has this process and its children fork for ever; when that fails, they pause. It uses bare system calls only: in a child
// the Go runtime does not work.
//
//go:norace
func forkForEver(pause *syscall.Timespec) {
	for {
		_, _, errno := syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
		if errno != 0 {
			syscall.RawSyscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(pause)), 0, 0)
		}
	}
}

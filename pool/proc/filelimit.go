package proc

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// fileLimitAtStart gives the limit of descriptors with which this process was started, nil if it is the one that it has. The Go runtime raises the soft
// limit at its start; the jobs should have the server's, which programs take for the number of descriptors to go through, and select for a bound.
// Package syscall doesn't tell it, but sets it back before an execve, which fails here.
func fileLimitAtStart() *unix.Rlimit {
	var raised, first unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &raised) != nil {
		return nil
	}
	_ = syscall.Exec("", nil, nil)
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &first) != nil || first == raised {
		return nil
	}
	_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &raised)
	return &first
}

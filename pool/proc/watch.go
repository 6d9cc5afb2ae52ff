package proc

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// WatchParent calls gone once when the process that started this one has ended. It fails when that is not known: when it
// has ended already, or lives in another pid namespace. The function stop ends the watch, and waits until gone has
// returned if it is being called; gone must not call it.
func WatchParent(gone func()) (stop func(), err error) {
	pid := os.Getppid()
	if pid == 0 {
		return nil, errors.New("watch the parent process: it is outside of this pid namespace")
	}
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watch the parent process %d: %w", pid, err)
	}
	if os.Getppid() != pid {
		unix.Close(fd)
		return nil, fmt.Errorf("watch the parent process %d: it has ended", pid)
	}
	return watch(os.NewFile(uintptr(fd), "pidfd"), readable, gone)
}

// WatchClosed calls closed once when nobody can read any more what is written to f: the last reader of a pipe has gone,
// the peer of a socket, or a terminal. That never happens to regular files and the like, for which it watches nothing. The
// function stop ends the watch, as with WatchParent.
func WatchClosed(f *os.File, closed func()) (stop func(), err error) {
	return watchHangup(f, 0, closed)
}

// WatchWriters calls gone once when nobody writes to f any more, whether or not there is something left to be read from it. What WatchClosed does not
// watch, it does not either; the function stop ends the watch, as there.
func WatchWriters(f *os.File, gone func()) (stop func(), err error) {
	return watchHangup(f, unix.EPOLLRDHUP, gone)
}

// watchHangup calls fired when f hangs up, or gives one of the events.
func watchHangup(f *os.File, events uint32, fired func()) (stop func(), err error) {
	conn, err := f.SyscallConn() // f.Fd could change how f blocks
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", f.Name(), err)
	}
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", f.Name(), err)
	}
	// An epoll set can itself be polled, by the runtime: this takes no thread, and leaves f blocking as it is.
	if e := conn.Control(func(target uintptr) { err = addHangup(fd, int(target), events) }); e != nil {
		err = e
	}
	if err == unix.EPERM {
		unix.Close(fd)
		return func() {}, nil
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("watch %s: %w", f.Name(), err)
	}
	return watch(os.NewFile(uintptr(fd), "epoll"), readable, fired)
}

// addHangup makes the epoll set readable when target hangs up, or gives one of the events.
func addHangup(set, target int, events uint32) error {
	if err := unix.EpollCtl(set, unix.EPOLL_CTL_ADD, target, &unix.EpollEvent{Events: events}); err != nil { // errors come unasked
		return err
	}
	return unix.SetNonblock(set, true) // what os.NewFile goes by
}

// watch calls fired once ready holds for f, which it closes.
func watch(f *os.File, ready func(fd uintptr) bool, fired func()) (stop func(), err error) {
	conn, err := f.SyscallConn()
	if err == nil {
		err = f.SetReadDeadline(time.Time{}) // fails if the runtime can't poll it
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("watch %s: %w", f.Name(), err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if conn.Read(ready) == nil {
			fired()
		}
	}()
	return func() {
		f.Close()
		<-done
	}, nil
}

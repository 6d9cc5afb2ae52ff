package proc

import (
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Alarm is a timer of the kernel. The Go runtime waits for its own timers in whole milliseconds: it wakes up early, waits once more, and is late by up to
// a millisecond then; and its monitor thread wakes up each time as well. An Alarm wakes up once, in time.
//
// Its methods are for one goroutine; one of its own waits for the timer until Close.
type Alarm struct {
	file *os.File
	conn syscall.RawConn
	c    chan struct{}
	done chan struct{}
}

// NewAlarm makes an Alarm that is not set.
func NewAlarm() (*Alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make a timer: %w", err)
	}
	a := &Alarm{file: os.NewFile(uintptr(fd), "timer"), c: make(chan struct{}, 1), done: make(chan struct{})}
	if a.conn, err = a.file.SyscallConn(); err != nil {
		a.file.Close()
		return nil, fmt.Errorf("make a timer: %w", err)
	}
	go a.wait()
	return a, nil
}

// wait passes on that the timer has expired.
func (a *Alarm) wait() {
	defer close(a.done)
	_ = a.conn.Read(func(fd uintptr) bool {
		var times [8]byte
		if _, errno := quickRead(fd, times[:]); errno == 0 {
			select {
			case a.c <- struct{}{}:
			default:
			}
		}
		return false // wait until the file is closed
	})
}

// Set has C receive after a time, at once if that is not positive, and not when it was set to before. What it was set to may have come already.
func (a *Alarm) Set(after time.Duration) {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(max(after, 1)))} // zero would stop it
	_ = a.conn.Control(func(fd uintptr) {
		_, _, _ = unix.RawSyscall6(unix.SYS_TIMERFD_SETTIME, fd, 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
	})
}

// C receives when the alarm rings.
func (a *Alarm) C() <-chan struct{} { return a.c }

// Close ends the alarm and its goroutine.
func (a *Alarm) Close() {
	a.file.Close()
	<-a.done
}

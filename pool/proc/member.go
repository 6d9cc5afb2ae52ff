package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// member is a second thread of the guardian. It lives as long as the guardian, because PDEATHSIG of its children counts from
// its end.
type member struct {
	tid   int
	calls chan func()
	done  chan struct{}
}

func startMember() *member {
	m := &member{calls: make(chan func()), done: make(chan struct{})}
	go m.serve()
	m.do(func() { m.tid = unix.Gettid() })
	return m
}

func (m *member) serve() {
	runtime.LockOSThread()
	raisePriority()
	keepTime()
	for f := range m.calls {
		f()
		m.done <- struct{}{}
	}
}

// do calls f on the thread, while the caller waits if it is on another one.
func (m *member) do(f func()) {
	if unix.Gettid() == m.tid {
		f()
		return
	}
	m.calls <- f
	<-m.done
}

// elsewhere says whether the caller is on another thread, and there is this one.
func (m *member) elsewhere() bool { return m != nil && unix.Gettid() != m.tid }

// move moves the thread to another cgroup.
func (m *member) move(dir string) error {
	var err error
	m.do(func() { err = os.WriteFile(filepath.Join(dir, "tasks"), []byte(strconv.Itoa(unix.Gettid())), 0) })
	if err != nil {
		return fmt.Errorf("move a thread: %w", err)
	}
	return nil
}

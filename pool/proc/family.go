package proc

import (
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// family knows which children of the server are guardians. The zero value is ready for use.
type family struct {
	mu   sync.RWMutex // held for writing while orphans are told from guardians
	set  sync.Mutex
	pids map[int]bool
}

// start executes this program as a guardian.
func (f *family) start(attr *syscall.ProcAttr) (int, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	pid, err := restMonitor(func(variable string) (int, error) {
		attr.Env = append(attr.Env, variable)
		return forkExec("/proc/self/exe", []string{guardianName}, attr)
	})
	if err != nil {
		return 0, err
	}
	f.set.Lock()
	defer f.set.Unlock()
	if f.pids == nil {
		f.pids = map[int]bool{}
	}
	f.pids[pid] = true
	return pid, nil
}

// forkExec is syscall.ForkExec, with a lack of descriptors told as such: the child moves the descriptors to higher numbers at
// first, and the kernel calls a number beyond the limit a bad one.
func forkExec(file string, args []string, attr *syscall.ProcAttr) (int, error) {
	pid, err := syscall.ForkExec(file, args, attr)
	if err == syscall.EBADF {
		err = syscall.EMFILE
	}
	return pid, err
}

// kill kills a guardian, after its tree. It does nothing for one that was reaped.
func (f *family) kill(pid int) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if !f.knows(pid) {
		return
	}
	// Stopped, it can't take its socket's end or a child's for a reason to do something else meanwhile.
	_ = unix.Kill(pid, unix.SIGSTOP)
	t := newTree(pid)
	k := killer{}
	for range 2 * stopFrom {
		if t.living(0) == 0 {
			break
		}
		k.pass(&t, &leaf{}, 0)
	}
	_ = unix.Kill(pid, unix.SIGKILL)
}

// goOn lets a guardian go on that somebody has stopped.
func (f *family) goOn(pid int) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.knows(pid) {
		_ = unix.Kill(pid, unix.SIGCONT)
	}
}

func (f *family) knows(pid int) bool {
	f.set.Lock()
	defer f.set.Unlock()
	return f.pids[pid]
}

// reap waits for a guardian that has ended, or is about to, and kills it when it takes too long.
func (f *family) reap(pid int) {
	if !waitFor(pid, answerTime) {
		f.kill(pid)
	}
	f.mu.Lock() // from here on the pid may be used again
	defer f.mu.Unlock()
	_ = wait(pid, 0)
	f.set.Lock()
	defer f.set.Unlock()
	delete(f.pids, pid)
}

// waitFor waits until a child has ended, without reaping it, and reports whether it did in time.
func waitFor(pid int, limit time.Duration) bool {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return false
	}
	f := os.NewFile(uintptr(fd), "pidfd")
	defer f.Close()
	if err := f.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return false
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return false
	}
	return conn.Read(readable) == nil
}

// readable says whether a descriptor has something to read now, which for a pidfd means that the process has ended.
func readable(fd uintptr) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return n > 0 && err == nil
}

// wait reaps a child; with WNOHANG it reports false when the child still lives.
func wait(pid, options int) bool {
	for {
		n, err := unix.Wait4(pid, nil, options|unix.WALL, nil)
		if err != unix.EINTR {
			return n == pid || err != nil
		}
	}
}

// sweepTime bounds a sweep, for processes that may not be signalled. Those are left to the next sweep.
const sweepTime = 2 * time.Second

// sweep kills and reaps all children of this process that are not guardians, with all that they started.
func (f *family) sweep() {
	f.mu.Lock()
	defer f.mu.Unlock()
	k := killer{}
	for end := time.Now().Add(sweepTime); time.Now().Before(end); {
		orphans := f.orphans()
		if len(orphans) == 0 {
			return
		}
		for _, pid := range orphans {
			t := newTree(pid)
			k.pass(&t, &leaf{}, 0)
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		time.Sleep(time.Until(k.due))
		for _, pid := range orphans {
			wait(pid, unix.WNOHANG)
		}
	}
}

func (f *family) orphans() []int {
	t := newTree(os.Getpid())
	kids := children(t.root)
	if !t.lists {
		kids = scanParents()[t.root]
	}
	var orphans []int
	for _, pid := range kids {
		if !f.knows(pid) {
			orphans = append(orphans, pid)
		}
	}
	return orphans
}

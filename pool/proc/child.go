package proc

import (
	"errors"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// call is a system call that a new process makes before it executes its command. The layout is known to the assembler files.
type call struct {
	nr, a, b, c, d uintptr
	want           uintptr // the result that it must have; anyResult: no error
}

const anyResult = ^uintptr(0)

// forkAndDo makes a system call that forks, with the arguments a to d, and gives its result. The child, which shares its parent's memory, makes the
// calls of todo one after the other; the last one is an execve. When one fails, the child stores its negative error number in failed and exits. It
// uses registers only: the stack is its parent's, who may be using it, and no code of Go may run in it.
//
//go:noescape
func forkAndDo(nr, a, b, c, d uintptr, todo *call, failed *uintptr) (result uintptr)

// child describes a process to be started.
type child struct {
	file   string
	args   []string
	env    []*byte // as execve takes it
	dir    string  // the guardian's if empty
	stdio  [3]int  // Each is itself a standard descriptor not above its place, or above all of those.
	cgroup int     // the descriptor of the cgroup to be born in; -1: the guardian's
	wait   bool    // this thread waits until the child has left its memory, as vfork does
}

// forker starts children of this thread, one after another. A child shares the memory of this process until it executes its command: so a fork copies nothing, and the
// next one has to wait until done. Unlike vfork, this thread goes on meanwhile. If it waited, the kernel would wake it in the midst of each execve, on the CPU
// of the child; and a file system that hangs would hang it as well. syscall.ForkExec waits, and has a pipe for the error and some seventy system calls more.
type forker struct {
	pid     uintptr          // of this process
	legacy  bool             // there is no clone3, or an old one: Linux before 5.5, and old rules of container engines
	ignored []syscall.Signal // by this process
	files   *unix.Rlimit     // of descriptors, for children; nil: this process's

	// The kernel gets the addresses of all that follows as numbers: so it lies on the heap, where things stay, and is referred to from here.
	todo      []call // reused
	args      cloneArgs
	file, dir *byte
	argv, env []*byte
	none      unix.Sigset_t
	standard  sigaction
	pidfd     int32
	shared    atomic.Int32 // the kernel makes it 0 when the child no longer uses this memory
	failed    uintptr      // a negative error number, of a child that is done
}

// newForker makes a forker, on the heap.
//
//go:noinline
func newForker() *forker {
	return &forker{pid: uintptr(syscall.Getpid()), ignored: ignoredSignals(), files: fileLimitAtStart()}
}

// The kernel's constants that unix has for 64 bits only, or not at all.
const (
	cloneClearSighand = 0x100000000
	cloneIntoCgroup   = 0x200000000
	cloneFlags        = unix.CLONE_VM | unix.CLONE_PIDFD
	signals           = 64
	sigsetSize        = signals / 8
)

// cloneArgs is the kernel's struct clone_args, of which these places are used.
type cloneArgs [11]uint64

const (
	argFlags      = 0
	argPidfd      = 1
	argChildTID   = 2
	argExitSignal = 4
	argCgroup     = 10
)

// start starts a process that leads a process group, and that is killed when this thread ends. It has default signal dispositions.
// An error says that there is no process; whether it could execute its command is known when it is done.
func (f *forker) start(c *child) (pid, pidfd int, err error) {
	if f.file, err = syscall.BytePtrFromString(c.file); err != nil {
		return 0, -1, err
	}
	if f.dir, err = syscall.BytePtrFromString(c.dir); err != nil {
		return 0, -1, err
	}
	if f.argv, err = syscall.SlicePtrFromStrings(c.args); err != nil {
		return 0, -1, err
	}
	f.env = c.env
	f.plan(c)
	pid, errno := f.fork(c)
	if c.cgroup < 0 && !f.legacy && (errno == unix.ENOSYS || errno == unix.EPERM || errno == unix.EINVAL) {
		f.legacy = true
		return f.start(c)
	}
	if errno != 0 {
		return 0, -1, errno
	}
	if f.pidfd < 0 { // Linux before 5.2 takes no notice of CLONE_PIDFD
		_ = unix.Kill(pid, unix.SIGKILL)
		wait(pid, 0)
		return 0, -1, errNoPidfd
	}
	return pid, int(f.pidfd), nil
}

var errNoPidfd = errors.New("the kernel gives no descriptors of processes: Linux 5.3 or later is needed")

// done says whether the last child executes its command, or has ended.
func (f *forker) done() bool { return f.shared.Load() == 0 }

// failure says why the last child, which is done, could not execute its command; nil if it could, or was killed before. Such a
// child exits, and is reaped like any other.
func (f *forker) failure() error {
	if f.failed == 0 {
		return nil
	}
	return syscall.Errno(-f.failed)
}

// forget lets go of what the last child was started with, which must be done.
func (f *forker) forget() { f.file, f.dir, f.argv, f.env = nil, nil, nil, nil }

func addr[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

func (f *forker) add(c call) {
	if c.want == 0 {
		c.want = anyResult
	}
	f.todo = append(f.todo, c)
}

// plan lists what the child does.
func (f *forker) plan(c *child) {
	f.todo = f.todo[:0]
	f.resetSignals()
	f.add(call{nr: unix.SYS_SETPGID}) // not SETSID: this process leads a session without terminal, and the kernel makes a scheduling group for each
	f.add(call{nr: unix.SYS_PRCTL, a: unix.PR_SET_PDEATHSIG, b: uintptr(unix.SIGKILL)})
	f.add(call{nr: unix.SYS_GETPPID, want: f.pid})       // else this process has just ended
	for place := len(c.stdio) - 1; place >= 0; place-- { // downwards, so that none is replaced that is still needed
		if fd := c.stdio[place]; fd != place {
			f.add(call{nr: unix.SYS_DUP3, a: uintptr(fd), b: uintptr(place)})
		}
	}
	if c.dir != "" {
		f.add(call{nr: unix.SYS_CHDIR, a: addr(f.dir)})
	}
	if f.files != nil {
		f.add(call{nr: unix.SYS_PRLIMIT64, b: unix.RLIMIT_NOFILE, c: addr(f.files)})
	}
	f.add(call{nr: unix.SYS_RT_SIGPROCMASK, a: unix.SIG_SETMASK, b: addr(&f.none), d: sigsetSize})
	f.add(call{nr: unix.SYS_EXECVE, a: addr(f.file), b: addr(&f.argv[0]), c: addr(&f.env[0])})
}

// resetSignals has the child reset what this process ignores, and what it handles if clone3 has not done so.
func (f *forker) resetSignals() {
	for _, sig := range f.ignored {
		f.resetSignal(sig)
	}
	for sig := syscall.Signal(1); f.legacy && sig <= signals; sig++ {
		if sig != unix.SIGKILL && sig != unix.SIGSTOP {
			f.resetSignal(sig)
		}
	}
}

func (f *forker) resetSignal(sig syscall.Signal) {
	f.add(call{nr: unix.SYS_RT_SIGACTION, a: uintptr(sig), b: addr(&f.standard), d: sigsetSize})
}

// fork forks with all signals blocked, as a handler must not run in the child.
func (f *forker) fork(c *child) (pid int, errno syscall.Errno) {
	var all, before unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^uint64(0)
	}
	if f.legacy && c.cgroup >= 0 {
		return 0, unix.ENOSYS
	}
	f.failed, f.pidfd = 0, -1
	_ = unix.PthreadSigmask(unix.SIG_SETMASK, &all, &before)
	result := f.clone(c)
	_ = unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil)
	if code := int(result); code < 0 {
		f.shared.Store(0)
		return 0, syscall.Errno(-code)
	}
	return int(result), 0
}

func (f *forker) clone(c *child) (result uintptr) {
	flags := uintptr(cloneFlags)
	if c.wait || f.legacy { // the order of clone's arguments differs between processors: so it does without this one
		flags |= unix.CLONE_VFORK
	} else {
		flags |= unix.CLONE_CHILD_CLEARTID
		f.shared.Store(1)
	}
	if f.legacy {
		return forkAndDo(unix.SYS_CLONE, flags|uintptr(unix.SIGCHLD), 0, addr(&f.pidfd), 0, &f.todo[0], &f.failed)
	}
	f.args = cloneArgs{argFlags: uint64(flags) | cloneClearSighand, argPidfd: uint64(addr(&f.pidfd)), argChildTID: uint64(addr(&f.shared)),
		argExitSignal: uint64(unix.SIGCHLD)}
	if c.cgroup >= 0 {
		f.args[argFlags] |= cloneIntoCgroup
		f.args[argCgroup] = uint64(c.cgroup)
	}
	return forkAndDo(unix.SYS_CLONE3, addr(&f.args), unsafe.Sizeof(f.args), 0, 0, &f.todo[0], &f.failed)
}

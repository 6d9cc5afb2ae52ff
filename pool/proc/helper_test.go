package proc

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// helperMark as first argument makes the test binary one of the programs below.
const helperMark = "-expool-helper"

// helper is the command line of one of the programs.
func helper(args ...string) []string {
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return append([]string{exe, helperMark}, args...)
}

func runHelper(name string, args []string) {
	programs := map[string]func(args []string) error{
		"tree": helperTree, "leaf": helperLeaf, "middle": helperMiddle, "server": helperServer, "burn": helperBurn,
		"orphans": helperOrphans, "flood": helperFlood, "bomb": helperBomb, "fds": helperFds,
		"odd signals": helperOddSignals, "run": helperRun, "watch parent": helperWatchParent, "root": helperRoot,
		"hold": helperHold, "family": helperFamily, "grow": helperGrow, "early": helperEarly, "settle": helperSettle, "cache": helperCache,
	}
	if err := programs[name](args); err != nil {
		fmt.Fprintln(os.Stderr, name+":", err)
		os.Exit(99)
	}
}

// pollFor waits until a condition holds; it is for conditions that nothing announces.
func pollFor(limit time.Duration, holds func() bool) bool {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); ; <-tick.C {
		if holds() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

// shapes are trees: what the main process starts, and how each of these is started.
var shapes = []struct {
	name   string
	others []other
}{
	{"plain", nil},
	{"children", []other{{}, {}}},
	{"setsid", []other{{setsid: true}}},
	{"double fork", []other{{double: true}, {double: true, setsid: true}}},
	{"clean environment", []other{{double: true, setsid: true, clean: true}}},
	{"closed descriptors", []other{{double: true, setsid: true, mode: "close"}}},
	{"ignoring SIGTERM", []other{{mode: "ignore"}, {mode: "ignore", double: true, setsid: true}}},
	{"stopped", []other{{mode: "stop"}, {mode: "stop", double: true, setsid: true}}},
	{"cgroups below", []other{{mode: "below"}, {mode: "below", double: true, setsid: true}}},
	{"frozen below", []other{{mode: "freeze", double: true, setsid: true}}},
}

type other struct {
	double, setsid, clean bool
	mode                  string
}

// helperTree is the main process of a tree: SHAPE FOLDER exit|stay. Each process leaves a file in the folder that is
// named by its pid when it is ready.
func helperTree(args []string) error {
	for _, shape := range shapes {
		if shape.name != args[0] {
			continue
		}
		for _, o := range shape.others {
			if err := o.start(args[1]); err != nil {
				return err
			}
		}
		ready := pollFor(patience, func() bool { return len(marks(args[1])) == len(shape.others) })
		if !ready {
			return errors.New("the others are not ready")
		}
		if args[2] == "exit" {
			return nil
		}
		mode := ""
		if len(shape.others) > 0 && shape.others[0].mode == "ignore" {
			mode = "ignore"
		}
		return helperLeaf([]string{args[1], mode, "false"})
	}
	return fmt.Errorf("no shape %q", args[0])
}

func (o other) start(dir string) error {
	args := helper("leaf", dir, o.mode, strconv.FormatBool(o.double))
	if o.double {
		args = append(helper("middle", strconv.FormatBool(o.setsid)), args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: o.setsid}
	if o.clean {
		cmd.Env = []string{}
	}
	if o.double {
		return cmd.Run() // its child is adopted before all of its threads are gone, and until then it counts as alive
	}
	return cmd.Start()
}

// helperMiddle starts a program and exits: SETSID COMMAND...
func helperMiddle(args []string) error {
	cmd := exec.Command(args[1], args[2:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: args[0] == "true"}
	return cmd.Start()
}

// helperLeaf says that it is ready and does nothing: FOLDER MODE ORPHAN. As an orphan it is ready when its guardian has it.
func helperLeaf(args []string) error {
	adopted := func() bool {
		comm, _ := os.ReadFile("/proc/" + strconv.Itoa(os.Getppid()) + "/comm")
		return string(comm) == guardianName+"\n"
	}
	if args[2] == "true" && !pollFor(patience, adopted) {
		return errors.New("no guardian adopted it")
	}
	switch args[1] {
	case "ignore":
		signal.Ignore(syscall.SIGTERM)
	case "close":
		for fd := range 3 {
			unix.Close(fd)
		}
	case "below", "freeze":
		if err := moveBelow(); err != nil {
			return err
		}
	}
	name := filepath.Join(args[0], strconv.Itoa(os.Getpid()))
	if err := os.WriteFile(name, nil, 0o666); err != nil {
		return err
	}
	if args[1] == "stop" {
		if err := unix.Kill(os.Getpid(), unix.SIGSTOP); err != nil {
			return err
		}
	}
	if args[1] == "freeze" {
		freeze()
	}
	for {
		_ = unix.Pause()
	}
}

// marks are the pids of the processes that are ready.
func marks(dir string) []int {
	entries, _ := os.ReadDir(dir)
	var pids []int
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func alive(pid int) bool {
	s, ok := readStat(pid)
	return ok && s.alive()
}

func anyAlive(pids []int) bool {
	for _, pid := range pids {
		if alive(pid) {
			return true
		}
	}
	return false
}

// helperServer is a server that runs one command until its stdin ends: bare|plain|group COMMAND... A group is a memory cgroup, and
// bare without any cgroup. It prints the pid of the job, and the folders of its cgroups.
func helperServer(args []string) error {
	ShortenSlices()
	rec := newRecorder()
	r, err := New(Config{Subreaper: true, NoCgroup: args[0] == "bare"}, rec)
	if err != nil {
		return err
	}
	a := Attempt{Job: 1, N: 1}
	r.Start(a, &Command{Args: args[1:], Stdout: Output{Kind: Null}, Stderr: Output{Kind: Null}, MemGroup: args[0] == "group"})
	for rec.find(a, event.begun) == nil {
		rec.next()
	}
	fmt.Printf("%d\n%s\n%s\n", rec.find(a, event.begun).pid, r.Capabilities().CgroupDir, r.cgroups.memory.root)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); { // paths that further jobs read, each in the guardian of the job before
		for rec.find(a, event.ended) == nil {
			rec.next()
		}
		a.Job++
		r.Start(a, &Command{Args: []string{"true"}, Stdin: lines.Text(), Stdout: Output{Kind: Null}, Stderr: Output{Kind: Null}, MemGroup: args[0] == "group"})
	}
	return r.Close()
}

// burn uses CPU time.
func burn(d time.Duration) {
	var ru unix.Rusage
	for x := 1; time.Duration(ru.Utime.Nano()+ru.Stime.Nano()) < d; _ = unix.Getrusage(unix.RUSAGE_SELF, &ru) {
		for range 100_000 {
			x = x*31 + 1
		}
	}
}

// helperBurn burns CPU time: DURATION.
func helperBurn(args []string) error {
	d, err := time.ParseDuration(args[0])
	if err == nil {
		burn(d)
	}
	return err
}

// helperOrphans burns in orphans and waits for their end, though they are not its own: COUNT DURATION.
func helperOrphans(args []string) error {
	count, _ := strconv.Atoi(args[0])
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	for range count {
		burner := helper("burn", args[1])
		middle := helper(append([]string{"middle", "true"}, burner...)...)
		cmd := exec.Command(middle[0], middle[1:]...)
		cmd.ExtraFiles = []*os.File{w}
		if err := cmd.Run(); err != nil {
			return err
		}
	}
	w.Close()
	_, err = io.Copy(io.Discard, r)
	return err
}

// helperFlood writes numbered lines: BYTES.
func helperFlood(args []string) error {
	left, _ := strconv.ParseInt(args[0], 10, 64)
	w := bufio.NewWriterSize(os.Stdout, 1<<16)
	chunk := []byte(strings.Repeat("0123456789abcdef", 4<<10))
	for ; left > 0; left -= int64(len(chunk)) {
		if _, err := w.Write(chunk[:min(left, int64(len(chunk)))]); err != nil {
			return err
		}
	}
	return w.Flush()
}

// helperBomb starts copies of itself for ever, up to a depth: FOLDER.
func helperBomb(args []string) error {
	signal.Ignore(syscall.SIGTERM)
	if err := os.WriteFile(filepath.Join(args[0], strconv.Itoa(os.Getpid())), nil, 0o666); err != nil {
		return err
	}
	bomb := helper("bomb", args[0])
	for {
		cmd := exec.Command(bomb[0], bomb[1:]...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if len(marks(args[0])) < 60 {
			_ = cmd.Start()
		} else {
			_ = exec.Command("/bin/true").Run() // goes on forking
		}
	}
}

// helperFds prints the descriptors that it was given, and the signals that are not as usual.
func helperFds([]string) error {
	for fd := range 1000 {
		var st unix.Stat_t
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && unix.Fstat(fd, &st) == nil && flags&unix.FD_CLOEXEC == 0 {
			fmt.Print(fd, " ")
		}
	}
	return nil
}

// helperOddSignals becomes a program that starts with signals blocked and ignored: HELPER...
func helperOddSignals(args []string) error {
	runtime.LockOSThread()
	signal.Ignore(syscall.SIGHUP, syscall.SIGTSTP, syscall.SIGPIPE, syscall.SIGTTOU)
	var set unix.Sigset_t
	set.Val[0] = 1<<(unix.SIGTERM-1) | 1<<(unix.SIGUSR1-1)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &set, nil); err != nil {
		return err
	}
	ignore := sigaction{ignored}
	for _, sig := range []syscall.Signal{unix.SIGCONT, 34} { // which the Go runtime leaves as they are
		if err := setSignal(sig, &ignore, nil); err != nil {
			return err
		}
	}
	next := helper(args...)
	return unix.Exec(next[0], next, os.Environ())
}

// helperRun is a server that prints the output of one command: COMMAND...
func helperRun(args []string) error {
	rec := newRecorder()
	r, err := New(Config{}, rec)
	if err != nil {
		return err
	}
	a := Attempt{Job: 1, N: 1}
	r.Start(a, &Command{Args: args, Stdout: Output{Kind: Pipe}, Stderr: Output{Kind: Merge}})
	for rec.find(a, event.ended) == nil {
		rec.next()
	}
	if e := rec.find(a, event.ended); e.exit != nil {
		os.Stdout.Write(e.exit.Stdout.Data)
	}
	return r.Close()
}

// helperWatchParent prints "watching", and "gone" when its parent has ended.
func helperWatchParent([]string) error {
	gone := make(chan struct{})
	stop, err := WatchParent(func() { close(gone) })
	if err != nil {
		return err
	}
	defer stop()
	fmt.Println("watching")
	<-gone
	fmt.Println("gone")
	return nil
}

// helperRoot, in a setuid program, becomes root altogether, so that its user may not signal it, until
// the folder is gone: FOLDER.
func helperRoot(args []string) error {
	if err := syscall.Setresuid(0, 0, 0); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(args[0], strconv.Itoa(os.Getpid())), nil, 0o666); err != nil {
		return err
	}
	pollFor(patience, func() bool { _, err := os.Stat(args[0]); return err != nil })
	return nil
}

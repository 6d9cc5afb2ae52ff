package proc

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestCaptureKeepsBothEndsOfAStream(t *testing.T) {
	const mib = 1 << 20
	for _, test := range []struct{ size, kept, truncated int }{
		{0, 0, 0},
		{10, 10, 0},
		{mib, mib, 0},
		{2 * mib, 2 * mib, 0},
		{2*mib + 1, 2 * mib, 1},
		{5*mib + 12345, 2 * mib, 3*mib + 12345},
	} {
		data := make([]byte, test.size)
		for i := range data {
			data[i] = byte(i>>16) ^ byte(i) ^ 0xf0 // holds bytes that are no UTF-8
		}
		c := capture{fd: -1, mem: make(store, 2*captureLimit)}
		for rest := data; len(rest) > 0; rest = data[c.total:] {
			space := c.space()
			c.total += copy(space[:min(len(space), 40_000)], rest)
		}
		got := c.finish().whole()
		if len(got.Data) != test.kept || got.Truncated != int64(test.truncated) {
			t.Errorf("%d bytes: kept %d, truncated %d", test.size, len(got.Data), got.Truncated)
		}
		head, tail := got.Data[:got.Head], got.Data[got.Head:]
		if !bytes.HasPrefix(data, head) || !bytes.HasSuffix(data, tail) {
			t.Errorf("%d bytes: what was kept differs", test.size)
		}
	}
}

func TestAStreamThatGoesOnIsReadAtIntervals(t *testing.T) {
	var mem store
	c, fd, err := newPipe(&mem)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	defer c.close()
	o := outputs{out: c}
	start := time.Now()
	for _, step := range []struct {
		at   time.Duration // of a read that gave something
		wait time.Duration // until the next one; 0: it comes with the next write
		size int
	}{
		{0, 0, 64 << 10},
		{goesOn, 0, 64 << 10},
		{goesOn + time.Millisecond, widePause, captureSize},
		{goesOn + 2*time.Millisecond, widePause, captureSize},
		{time.Minute, 0, captureSize}, // it paused
		{time.Minute + time.Millisecond, widePause, captureSize},
	} {
		now := start.Add(step.at)
		c.pace(now)
		fds, due := o.wait(nil, now)
		polled := len(fds) == 1 && due.IsZero()
		if paused := len(fds) == 0 && due.Equal(now.Add(step.wait)); polled == paused || polled != (step.wait == 0) {
			t.Errorf("at %v: polls %v until %v", step.at, fds, due)
		}
		if fds, due := o.wait(nil, now.Add(widePause)); len(fds) != 1 || !due.IsZero() {
			t.Errorf("at %v: polls %v until %v after a pause", step.at, fds, due)
		}
		if size, err := unix.FcntlInt(uintptr(fd), unix.F_GETPIPE_SZ, 0); err != nil || size != step.size {
			t.Errorf("at %v: the pipe holds %d bytes, %v", step.at, size, err)
		}
	}
}

// What is in the pipe counts as the job's where its memory is limited, or measured in a cgroup.
func TestThePipeOfAJobInAMemoryGroupStaysAsItIs(t *testing.T) {
	for _, command := range []Command{{MemLimit: 1}, {MemGroup: true}} {
		var mem stores
		command.Stdout, command.Stderr = Output{Kind: Pipe}, Output{Kind: Null}
		o, err := openOutputs(&command, &mem)
		if err != nil {
			t.Fatal(err)
		}
		defer o.discard()
		for range 3 {
			o.out.pace(time.Unix(1, 0))
		}
		if size, err := unix.FcntlInt(uintptr(o.stdout), unix.F_GETPIPE_SZ, 0); err != nil || size != 64<<10 || !o.out.due.IsZero() {
			t.Errorf("the pipe holds %d bytes, %v; the next read is due at %v", size, err, o.out.due)
		}
	}
}

// A small pipe would be full long before the end of a pause, and the job would wait.
func TestAPipeThatCannotBeWidenedIsReadWithoutPause(t *testing.T) {
	file, err := os.Open(os.DevNull) // stands for a pipe of a user who has too many
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	c := capture{fd: int(file.Fd())}
	for range 3 {
		c.pace(time.Unix(1, 0))
	}
	if !c.due.IsZero() {
		t.Errorf("the next read is due at %v", c.due)
	}
}

func TestAFloodIsCapturedWithinBounds(t *testing.T) {
	p := newPool(t, Config{Idle: 1})
	const size = 300 << 20
	a := p.start(Command{Args: helper("flood", "314572800"), Stdout: Output{Kind: Pipe}})
	guardian := guardianOf(t, p.started(a))
	x := p.exited(a)
	if x.Code != 0 || len(x.Stdout.Data) != 2<<20 || x.Stdout.Truncated != size-2<<20 {
		t.Errorf("code %d, kept %d, truncated %d", x.Code, len(x.Stdout.Data), x.Stdout.Truncated)
	}
	if peak := statusKB(t, guardian, "VmHWM"); peak > 24<<10 && !raced {
		t.Errorf("the guardian grew to %d kB", peak)
	}
}

func TestALargeOutputHasAWidePipeOnItsWayToTheServer(t *testing.T) {
	large := Command{Args: helper("flood", "1900000"), Stdout: Output{Kind: Pipe}}
	inGroup := large
	inGroup.MemGroup = true
	for _, test := range []struct {
		name    string
		command Command
		wide    bool
	}{
		{"any job", large, true},
		{"in a memory cgroup that holds a thread of the guardian", inGroup, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPool(t, Config{Idle: 1})
			if !test.wide && p.Capabilities().Memory != memoryV1 {
				t.Skip("needs memory cgroups of version 1")
			}
			p.recorder.mu.Lock() // so that the server reads no further than the start
			a := p.start(test.command)
			full := pollFor(patience, func() bool {
				n, size := reportPipe(p)
				return n > pipeSize-os.Getpagesize() && (size == reportSize) == test.wide
			})
			n, size := reportPipe(p)
			p.recorder.mu.Unlock()
			if !full {
				t.Errorf("the pipe has %d of %d bytes", n, size)
			}
			if x := p.exited(a); len(x.Stdout.Data) != 1_900_000 {
				t.Errorf("captured %d bytes", len(x.Stdout.Data))
			}
			if n, size := reportPipe(p); n != 0 || size != pipeSize {
				t.Errorf("afterwards the pipe has %d of %d bytes", n, size)
			}
		})
	}
}

// reportPipe gives how much is in the pipe of the only guardian, and its size; 0 as long as there is none.
func reportPipe(p *pool) (n, size int) {
	p.Runner.mu.Lock()
	defer p.Runner.mu.Unlock()
	for peer := range p.guardians {
		peer.mu.Lock()
		defer peer.mu.Unlock()
		if peer.reports.file != nil {
			_ = peer.reports.conn.Control(func(fd uintptr) {
				n, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ)
				size, _ = unix.FcntlInt(fd, unix.F_GETPIPE_SZ, 0)
			})
		}
	}
	return n, size
}

// The kernel takes the guardian's peak for that of a job which is smaller.
func TestALargeOutputLeavesThePeaksOfLaterJobsAlone(t *testing.T) {
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		t.Skipf("this kernel resets no peak: %v", err)
	}
	p := newPool(t, Config{Idle: 1})
	small := func() int64 { return p.run(Command{Args: []string{"/bin/true"}, Stdout: Output{Kind: Pipe}}).MaxRSS }
	small() // the guardian has all that it needs from now on
	before := small()
	large := p.run(Command{Args: helper("flood", "4194304"), Stdout: Output{Kind: Pipe}})
	if len(large.Stdout.Data) != 2<<20 {
		t.Fatalf("captured %d bytes", len(large.Stdout.Data))
	}
	if after := small(); after > before+1<<20 {
		t.Errorf("a small job had %d bytes before a large output, and %d after", before, after)
	}
}

func TestALargeOrderLeavesThePeaksOfLaterJobsAlone(t *testing.T) {
	if raced {
		t.Skip("the race detector keeps memory of its own for what was in use: it is tested without it")
	}
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		t.Skipf("this kernel resets no peak: %v", err)
	}
	p := newPool(t, Config{Idle: 1})
	small := func() int64 { return p.run(Command{Args: []string{"/bin/true"}}).MaxRSS }
	small() // the guardian has all that it needs from now on
	before := small()
	const kept = 3 << 20 // the runtime keeps up to 1.6 MB for itself; orders that were kept show with 5.3 and 90 MB
	megabytes := slices.Repeat([]string{strings.Repeat("x", 100_000)}, 15)
	p.run(Command{Args: append([]string{"/bin/true"}, megabytes...)})
	if after := small(); after > before+kept {
		t.Errorf("a small job had %d bytes before one with large arguments, and %d after", before, after)
	}
	refused := slices.Repeat(megabytes, 20)
	if f := p.failed(p.start(Command{Args: append([]string{"/bin/true"}, refused...)})); !strings.Contains(f.Err, "argument list too long") {
		t.Fatal(f.Err)
	}
	if after := small(); after > before+kept {
		t.Errorf("a small job had %d bytes before one with too many arguments, and %d after", before, after)
	}
}

func TestMergeKeepsTheOrder(t *testing.T) {
	p := newPool(t, Config{})
	c := shell("echo 1; echo 2 >&2; echo 3; echo 4 >&2")
	c.Stderr = Output{Kind: Merge}
	x := p.run(c)
	if string(x.Stdout.Data) != "1\n2\n3\n4\n" || x.Stderr != nil {
		t.Errorf("got %q and %v", x.Stdout.Data, x.Stderr)
	}
}

func TestAPipeThatOthersHoldDoesNotDelayTheEnd(t *testing.T) {
	p := newPool(t, Config{})
	fifo := filepath.Join(t.TempDir(), "fd")
	// This process, which is outside of the tree, opens the job's pipe by itself and keeps it.
	a := p.start(shell(`echo kept; : > "$1"; read wait < /dev/null; while [ -e "$1" ]; do :; done`, fifo))
	pid := p.started(a)
	if !pollFor(patience, func() bool { _, err := os.Stat(fifo); return err == nil }) {
		t.Fatal("the job is not ready")
	}
	held, err := os.OpenFile("/proc/"+itoa(pid)+"/fd/1", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if err := os.Remove(fifo); err != nil {
		t.Fatal(err)
	}
	if x := p.exited(a); string(x.Stdout.Data) != "kept\n" {
		t.Errorf("got %q", x.Stdout.Data)
	}
}

func TestOutputOfALeftoverIsCaptured(t *testing.T) {
	p := newPool(t, Config{})
	x := p.run(shell(`mkfifo "$1"; (echo late; : > "$1"; sleep 100) & read x < "$1"; echo main`, filepath.Join(t.TempDir(), "f")))
	if x.Leaked < 1 || string(x.Stdout.Data) != "late\nmain\n" {
		t.Errorf("got %q, %d leaked", x.Stdout.Data, x.Leaked)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func toFile(path, script string) Command {
	return Command{Args: []string{"/bin/sh", "-c", script}, Stdout: Output{Kind: File, Path: path}, Stderr: Output{Kind: Null}}
}

func TestFilesAreAppendedBehindATimestamp(t *testing.T) {
	p := newPool(t, Config{})
	path := filepath.Join(t.TempDir(), "no such folder", "größe ☃", "out put.txt")
	p.run(toFile(path, "echo one"))
	if got := read(t, path); got != "one\n" {
		t.Errorf("after the first run: %q", got)
	}
	p.run(toFile(path, "echo two"))
	want := regexp.MustCompile(`^one\n# \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d\ntwo\n$`)
	if got := read(t, path); !want.MatchString(got) {
		t.Errorf("after the second run: %q", got)
	}
}

func TestATimestampStartsALine(t *testing.T) {
	p := newPool(t, Config{})
	path := filepath.Join(t.TempDir(), "log")
	p.run(toFile(path, "printf one"))
	p.run(toFile(path, "echo two"))
	if got := read(t, path); !regexp.MustCompile(`^one\n# [^\n]+\ntwo\n$`).MatchString(got) {
		t.Errorf("got %q", got)
	}
}

func TestOneFileForBothStreamsIsOpenedOnce(t *testing.T) {
	p := newPool(t, Config{})
	path := filepath.Join(t.TempDir(), "log")
	c := toFile(path, "echo out; echo err >&2")
	c.Stderr = c.Stdout
	p.run(c)
	c.Stderr.Path = filepath.Dir(path) + "/./log"
	p.run(c)
	if got := read(t, path); strings.Count(got, "# ") != 1 || strings.Count(got, "out\nerr\n") != 2 {
		t.Errorf("got %q", got)
	}
}

func TestEmptyFilesAreRemoved(t *testing.T) {
	p := newPool(t, Config{})
	dir := t.TempDir()
	path := filepath.Join(dir, "empty")
	p.run(toFile(path, ":"))
	if _, err := os.Stat(path); err == nil {
		t.Error("the empty file is left")
	}
	// While another job has it, it stays.
	a := p.start(toFile(path, "read x; kill -STOP $$; echo written"))
	pid := p.started(a)
	if !pollFor(patience, func() bool { s, _ := readStat(pid); return s.state == 'T' }) {
		t.Fatal("the job does not stop")
	}
	p.run(toFile(path, ":"))
	kill(t, pid, 18)
	p.exited(a)
	if got := read(t, path); got != "written\n" {
		t.Errorf("got %q", got)
	}
	// A file that a failed start made is removed as well.
	c := toFile(filepath.Join(dir, "failed"), "")
	c.Args = []string{"/no/such/command"}
	p.failed(p.start(c))
	if _, err := os.Stat(filepath.Join(dir, "failed")); err == nil {
		t.Error("the file of the failed job is left")
	}
}

func TestSpecialFilesAreNeitherStampedNorRemoved(t *testing.T) {
	p := newPool(t, Config{})
	c := toFile("/dev/null", "echo lost")
	if x := p.run(c); x.Code != 0 || len(x.Warnings) != 0 {
		t.Errorf("got %+v", x)
	}
	if _, err := os.Stat("/dev/null"); err != nil {
		t.Fatal(err)
	}
}

func TestAFullDiskDoesNotKeepAJobFromRunning(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("this host has no /dev/full to stand for a full disk")
	}
	p := newPool(t, Config{})
	if x := p.run(toFile("/dev/full", "exit 3")); x.Code != 3 {
		t.Errorf("got %+v", x)
	}
}

func TestInheritedStreamsAreTheHosts(t *testing.T) {
	dir := t.TempDir()
	out, err1 := os.Create(filepath.Join(dir, "out"))
	err, err2 := os.Create(filepath.Join(dir, "err"))
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	defer out.Close()
	defer err.Close()
	p := newPool(t, Config{HostStdout: out, HostStderr: err})
	p.run(Command{Args: []string{"/bin/sh", "-c", "echo o; echo e >&2"}})
	p.run(Command{Args: []string{"/bin/sh", "-c", "echo m >&2"}, Stderr: Output{Kind: Merge}})
	if o, e := read(t, out.Name()), read(t, err.Name()); o != "o\nm\n" || e != "e\n" {
		t.Errorf("got %q and %q", o, e)
	}
}

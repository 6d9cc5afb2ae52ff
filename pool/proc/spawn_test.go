package proc

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func itoa(n int) string { return strconv.Itoa(n) }

// statusKB reads a figure of /proc/PID/status.
func statusKB(t *testing.T, pid int, field string) int {
	t.Helper()
	for line := range strings.Lines(read(t, "/proc/"+itoa(pid)+"/status")) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			n, err := strconv.Atoi(strings.Fields(value)[0])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no %s of process %d", field, pid)
	return 0
}

func writeFile(t *testing.T, path, content string, mode os.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCommandsAreFoundByTheJobsPath(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\necho $0\n"
	writeFile(t, dir+"/a/tool", script, 0o755)
	writeFile(t, dir+"/folder/tool", script, 0o755)
	writeFile(t, dir+"/folder/sub/tool", script, 0o755)
	writeFile(t, dir+"/plain/tool", script, 0o644)
	p := newPool(t, Config{})
	for _, test := range []struct{ name, path, want string }{
		{"tool", dir + "/a:/bin", dir + "/a/tool"},
		{"tool", dir + "/plain:" + dir + "/a", dir + "/a/tool"},
		{"tool", "sub", "./sub/tool"},
		{"tool", "", "./tool"},
		{"tool", "/nowhere::/bin", "./tool"},
		{"./tool", "/bin", "./tool"},
		{"sub/tool", "/bin", "sub/tool"},
		{dir + "/a/tool", "", dir + "/a/tool"},
	} {
		c := Command{Args: []string{test.name}, Dir: dir + "/folder", Env: []string{"PATH=" + test.path}, Stdout: Output{Kind: Pipe}}
		if x := p.run(c); strings.TrimSpace(string(x.Stdout.Data)) != test.want {
			t.Errorf("%q by %q ran %q, want %q", test.name, test.path, x.Stdout.Data, test.want)
		}
	}
}

func TestWithoutPathCommandsAreFoundInTheUsualFolders(t *testing.T) {
	e := newEnvironment([]string{"HOME=/"})
	if file, err := lookup("sh", "", e.merge(nil).list); err != nil || !strings.HasSuffix(file, "/sh") {
		t.Errorf("got %q, %v", file, err)
	}
}

func TestWhatCantStartSaysWhy(t *testing.T) {
	dir := t.TempDir()
	plain := writeFile(t, dir+"/plain", "x", 0o644)
	garbage := writeFile(t, dir+"/garbage", "\x01\x02garbage", 0o755)
	orphan := writeFile(t, dir+"/orphan", "#!/no/such/interpreter -x\n", 0o755)
	null := Output{Kind: Null}
	p := newPool(t, Config{})
	for _, test := range []struct {
		name string
		c    Command
		want []string
	}{
		{"not found by PATH", Command{Args: []string{"no-such"}, Env: []string{"PATH=/bin:/x"}}, []string{"command not found", `"no-such"`, `"/bin:/x"`}},
		{"empty name", Command{Args: []string{""}}, []string{"command not found"}},
		{"no command", Command{}, []string{"no command"}},
		{"path not found", Command{Args: []string{"/no/such"}}, []string{"command not found", `"/no/such"`}},
		{"below a file", Command{Args: []string{plain + "/x"}}, []string{"command not found", plain}},
		{"not executable", Command{Args: []string{plain}}, []string{"not executable", plain}},
		{"not executable by PATH", Command{Args: []string{"plain"}, Env: []string{"PATH=" + dir}}, []string{"not executable", plain}},
		{"a folder", Command{Args: []string{dir}}, []string{"not executable", "folder"}},
		{"no format", Command{Args: []string{garbage}}, []string{"exec format error", garbage}},
		{"no interpreter", Command{Args: []string{orphan}}, []string{"interpreter not found", `"/no/such/interpreter"`, orphan}},
		{"no working folder", Command{Args: []string{"true"}, Dir: dir + "/none"}, []string{"working folder", "none", "no such file"}},
		{"working folder is a file", Command{Args: []string{"/bin/true"}, Dir: plain}, []string{"working folder", "not a folder"}},
		{"no stdin", Command{Args: []string{"true"}, Stdin: dir + "/none"}, []string{"open stdin", "none", "no such file"}},
		{"output is a folder", Command{Args: []string{"true"}, Stdout: Output{Kind: File, Path: dir}}, []string{"open stdout file", dir, "is a directory"}},
		{"output below a file", Command{Args: []string{"true"}, Stdout: null, Stderr: Output{Kind: File, Path: plain + "/x"}}, []string{"open stderr file", plain}},
		{"NUL in an argument", Command{Args: []string{"true", "a\x00b"}}, []string{"NUL", `"a\x00b"`}},
		{"no name in env", Command{Args: []string{"true"}, Env: []string{"novalue"}}, []string{"NAME=value", `"novalue"`}},
		{"arguments too long", Command{Args: []string{"true", strings.Repeat("x", 1<<20)}}, []string{"argument list too long"}},
		{"merged with itself", Command{Args: []string{"true"}, Stdout: Output{Kind: Merge}}, []string{"stdout", "kind"}},
	} {
		f := p.failed(p.start(test.c))
		for _, want := range test.want {
			if !strings.Contains(f.Err, want) || f.Exhausted {
				t.Errorf("%s: %+v lacks %q", test.name, f, want)
			}
		}
	}
	if x := p.run(shell("exit 6")); x.Code != 6 {
		t.Errorf("after the failures: %+v", x)
	}
}

func TestAFileThatIsStillBeingWrittenIsTriedAgain(t *testing.T) {
	path := writeFile(t, t.TempDir()+"/busy", "", 0o755)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(read(t, "/bin/echo")); err != nil {
		t.Fatal(err)
	}
	p := newPool(t, Config{})
	p.run(shell(":")) // a guardian is there
	out := writeFile(t, t.TempDir()+"/out", "before\n", 0o644)
	a := p.start(Command{Args: []string{path, "after"}, Stdout: Output{Kind: File, Path: out}, CPUs: []int{1000}}) // no machine has that one
	b := p.start(shell(":"))
	p.exited(b) // meanwhile a is being tried
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	x := p.exited(a)
	lines := strings.Split(read(t, out), "\n")
	if x.Code != 0 || len(x.Warnings) != 1 || len(lines) != 4 || lines[0] != "before" || !strings.HasPrefix(lines[1], "# ") || lines[2] != "after" {
		t.Errorf("got %+v, %q", x, lines)
	}
}

// lease holds up whoever opens or executes a file, until release is called; asked is told of the first one.
func lease(t *testing.T, path string) (asked <-chan os.Signal, release func()) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := make(chan os.Signal, 1)
	signal.Notify(c, unix.SIGIO)
	t.Cleanup(func() { signal.Stop(c); f.Close() })
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		t.Skip("no leases on files here: ", err)
	}
	return c, func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestAnExecuteThatHangs has a file that can't be opened for a while, as on a file system that does not answer.
func TestAnExecuteThatHangs(t *testing.T) {
	p := newPool(t, Config{})
	for _, kill := range []bool{false, true} {
		path := writeFile(t, t.TempDir()+"/leased", read(t, "/bin/true"), 0o755)
		asked, release := lease(t, path)
		a := p.start(Command{Args: []string{path}})
		select {
		case <-asked:
		case <-time.After(patience):
			t.Fatal("the file is not opened")
		}
		want := 0
		if kill {
			p.Signal(a, Hard)
			want = -int(unix.SIGKILL)
		} else {
			release()
		}
		if x := p.exited(a); x.Code != want || len(x.Warnings) > 0 {
			t.Errorf("killed: %v, got %+v", kill, x)
		}
	}
}

func TestTheEnvironmentIsTheServersAndTheJobs(t *testing.T) {
	t.Setenv("EXPOOL_TEST_A", "server")
	t.Setenv("EXPOOL_TEST_B", "server")
	t.Setenv("GOMAXPROCS", "7")
	p := newPool(t, Config{})
	c := Command{Args: []string{"env"}, Stdout: Output{Kind: Pipe}, Env: []string{"EXPOOL_TEST_B=first", "EXPOOL_TEST_C=x=y", "EXPOOL_TEST_B=last"}}
	got := map[string]string{}
	for line := range strings.Lines(string(p.run(c).Stdout.Data)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if _, twice := got[name]; twice {
			t.Errorf("%s is there twice", name)
		}
		got[name] = value
	}
	for name, want := range map[string]string{"EXPOOL_TEST_A": "server", "EXPOOL_TEST_B": "last", "EXPOOL_TEST_C": "x=y", "GOMAXPROCS": "7",
		"HOME": os.Getenv("HOME")} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	for _, name := range []string{"GOGC", "GODEBUG", "GOTRACEBACK"} {
		if value, ok := os.LookupEnv(name); !ok && got[name] != value {
			t.Errorf("%s=%s leaks into the job", name, got[name])
		}
	}
}

func TestLongArgumentsAndEnvironmentsArePassed(t *testing.T) {
	p := newPool(t, Config{})
	args := []string{"/bin/sh", "-c", `echo $# ${#1} ${#BIG0}`, "sh"}
	for range 10 {
		args = append(args, strings.Repeat("x", 100_000))
	}
	var env []string
	for i := range 7 {
		env = append(env, "BIG"+itoa(i)+"="+strings.Repeat("y", 100_000))
	}
	x := p.run(Command{Args: args, Env: env, Stdout: Output{Kind: Pipe}})
	if got := string(x.Stdout.Data); got != "10 100000 100000\n" {
		t.Errorf("got %q", got)
	}
}

func TestJobsInheritThreeDescriptors(t *testing.T) {
	var leak [2]int
	if err := unix.Pipe(leak[:]); err != nil { // not close-on-exec, as a careless host would do
		t.Fatal(err)
	}
	defer unix.Close(leak[0])
	defer unix.Close(leak[1])
	p := newPool(t, Config{})
	in := writeFile(t, t.TempDir()+"/in", "hello", 0o644)
	x := p.run(Command{Args: []string{"/bin/ls", "/proc/self/fd"}, Stdin: in, Stdout: Output{Kind: Pipe}, Stderr: Output{Kind: Pipe}})
	if got := strings.Join(strings.Fields(string(x.Stdout.Data)), " "); got != "0 1 2 3" { // 3 is the folder that ls reads
		t.Errorf("descriptors %q", got)
	}
}

func TestStdinIsAFileOrEmpty(t *testing.T) {
	p := newPool(t, Config{})
	in := writeFile(t, t.TempDir()+"/in put", "hello", 0o644)
	cat := Command{Args: []string{"cat"}, Stdout: Output{Kind: Pipe}}
	if x := p.run(cat); len(x.Stdout.Data) != 0 {
		t.Errorf("got %q", x.Stdout.Data)
	}
	cat.Stdin = in
	if x := p.run(cat); string(x.Stdout.Data) != "hello" {
		t.Errorf("got %q", x.Stdout.Data)
	}
}

func TestJobsStartWithUsualSignals(t *testing.T) {
	status := []string{"/bin/grep", "^Sig[BI]", "/proc/self/status"}
	args := helper(append([]string{"odd signals", "run"}, status...)...)
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	var blocked, ignored uint64
	n, scanErr := fmt.Sscanf(string(out), "SigBlk:\t%x\nSigIgn:\t%x\n", &blocked, &ignored)
	if err != nil || n != 2 || blocked != 0 || ignored != 0 {
		t.Errorf("got %q, %v, %v", out, err, scanErr)
	}
}

// The Go runtime raises the soft limit of each of its programs, guardians included.
func TestJobsHaveTheServersLimitOfDescriptors(t *testing.T) {
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 777, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &before)
	p := newPool(t, Config{})
	for _, c := range []Command{shell("ulimit -Sn; ulimit -Hn"), {Args: []string{"/bin/sh", "-c", "ulimit -Sn; ulimit -Hn"}, MemGroup: true}} {
		c.Stdout = Output{Kind: Pipe}
		if got, want := string(p.run(c).Stdout.Data), fmt.Sprintf("777\n%d\n", before.Max); got != want {
			t.Errorf("the job has %q, want %q", got, want)
		}
	}
}

// A debugger that traces the main process can keep it from being reaped: its descriptor is readable all the time then.
func TestAMainProcessThatHasEndedIsNotPolledAgain(t *testing.T) {
	r := &run{pidfd: 7, announced: true}
	now := time.Now()
	fds, timeout := r.waitFor(nil, now)
	if len(fds) != 1 || timeout >= 0 {
		t.Fatalf("before: %v, for %v", fds, timeout)
	}
	fds[0].Revents = unix.POLLIN
	r.polled(fds)
	if fds, timeout = r.waitFor(nil, now); len(fds) != 0 || timeout != orphanPoll {
		t.Errorf("after: %v, for %v", fds, timeout)
	}
}

func TestCPUTimeOfTheWholeTreeIsExact(t *testing.T) {
	p := newPool(t, Config{})
	const each, count = 500 * time.Millisecond, 3
	const own = 400 * time.Millisecond // at most, of four processes to start; less than a burner that is counted twice
	x := p.run(Command{Args: helper("orphans", itoa(count), each.String())})
	cpu := x.User + x.Sys
	if x.Code != 0 || cpu < count*each || cpu > count*each+own {
		t.Errorf("code %d, CPU time %v, want a little above %v", x.Code, cpu, count*each)
	}
	if y := p.run(Command{Args: []string{"true"}}); y.User+y.Sys > 50*time.Millisecond {
		t.Errorf("the next job of the same guardian: %v", y.User+y.Sys)
	}
}

func TestTimesAndMemoryAreMeasured(t *testing.T) {
	if raced {
		t.Skip("the runtime of the race detector shows in jobs: it is tested without it")
	}
	p := newPool(t, Config{})
	before := time.Now()
	a := p.start(shell(`head -c 50000000 /dev/zero | tail -c 50000000 | wc -c; exec sleep 0.2`))
	e := p.await(t, a, event.begun)
	x := p.exited(a)
	if x.Duration < 200*time.Millisecond || x.Duration > time.Since(before) {
		t.Errorf("duration %v", x.Duration)
	}
	if x.Wall != e.wall || x.Wall < before.UnixMicro() || x.Wall > time.Now().UnixMicro() {
		t.Errorf("started at %d, reported %d", x.Wall, e.wall)
	}
	if x.MaxRSS < 50_000_000 || x.MaxRSS > 70_000_000 {
		t.Errorf("peak %d", x.MaxRSS)
	}
	if small := p.run(Command{Args: []string{"true"}}); small.MaxRSS > 16<<20 {
		t.Errorf("peak of true %d: the memory of the guardian shows", small.MaxRSS)
	}
}

func TestWrittenBlocksAreCounted(t *testing.T) {
	p := newPool(t, Config{})
	x := p.run(shell(`dd if=/dev/zero of="$1" bs=1M count=4 conv=fsync 2>/dev/null`, filepath.Join(t.TempDir(), "f")))
	if x.WriteBytes != 0 && x.WriteBytes < 4<<20 { // 0 on file systems without a device
		t.Errorf("written %d bytes", x.WriteBytes)
	}
}

func TestJobsRunOnTheirCPUs(t *testing.T) {
	var own unix.CPUSet
	if err := unix.SchedGetaffinity(0, &own); err != nil {
		t.Fatal(err)
	}
	p := newPool(t, Config{})
	list := Command{Args: []string{"/bin/grep", "Cpus_allowed_list", "/proc/self/status"}, Stdout: Output{Kind: Pipe}}
	all := p.run(list).Stdout.Data
	last := 0
	for cpu := range 1024 {
		if own.IsSet(cpu) {
			last = cpu
		}
	}
	list.CPUs = []int{last}
	if x := p.run(list); string(x.Stdout.Data) != "Cpus_allowed_list:\t"+itoa(last)+"\n" {
		t.Errorf("got %q", x.Stdout.Data)
	}
	list.CPUs = []int{1023}
	if x := p.run(list); len(x.Warnings) != 1 || !bytes.Equal(x.Stdout.Data, all) {
		t.Errorf("refused: %q, %q", x.Warnings, x.Stdout.Data)
	}
	list.CPUs = nil
	if x := p.run(list); !bytes.Equal(x.Stdout.Data, all) {
		t.Errorf("afterwards: %q", x.Stdout.Data)
	}
}

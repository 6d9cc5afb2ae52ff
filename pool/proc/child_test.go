package proc

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// forkers are the ways to fork: a new kernel's, and that of a container whose rules know no clone3.
func forkers() map[string]*forker {
	old := newForker()
	old.legacy = true
	return map[string]*forker{"clone3": newForker(), "clone": old}
}

// outputOf runs a child with its standard output and error in a pipe, and gives both with its status.
func outputOf(t *testing.T, f *forker, c child) (string, unix.WaitStatus) {
	t.Helper()
	runtime.LockOSThread() // the child is killed when the thread ends
	defer runtime.UnlockOSThread()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c.stdio[1], c.stdio[2], c.cgroup = int(w.Fd()), int(w.Fd()), -1
	c.env = newBlock([]string{"A=1"}).pointers
	pid, pidfd, err := f.start(&c)
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	var status unix.WaitStatus
	if n, err := unix.Wait4(pid, &status, unix.WALL, nil); n != pid || err != nil {
		t.Fatal(n, err)
	}
	return string(out), status
}

func TestAChildIsWhatItWasDescribedAs(t *testing.T) {
	dir := t.TempDir()
	session, err := unix.Getsid(0)
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range forkers() {
		script := `pwd; echo $A; cut -d" " -f5,6 /proc/$$/stat; echo $$; grep -E "^Sig(Blk|Ign)" /proc/self/status; echo error >&2; exit 3`
		out, status := outputOf(t, f, child{file: "/bin/sh", args: []string{"sh", "-c", script}, dir: dir})
		lines := strings.Split(out, "\n")
		if len(lines) != 8 || lines[0] != dir || lines[1] != "1" || lines[2] != fmt.Sprint(lines[3], " ", session) || lines[6] != "error" || status.ExitStatus() != 3 {
			t.Fatalf("%s: %v, %q", name, status, out)
		}
		for _, line := range lines[4:6] {
			var field string
			var set uint64
			if _, err := fmt.Sscanf(line, "%s %x", &field, &set); err != nil || set != 0 {
				t.Errorf("%s: %s", name, line)
			}
		}
	}
}

func TestAChildThatFailsToExecuteSaysWhyAndLeavesNothing(t *testing.T) {
	text := writeFile(t, t.TempDir()+"/text", "no program", 0o755)
	for name, f := range forkers() {
		for _, test := range []struct {
			c    child
			want error
		}{
			{child{file: "/nowhere"}, syscall.ENOENT},
			{child{file: text}, syscall.ENOEXEC},
			{child{file: "/bin/true", dir: "/nowhere"}, syscall.ENOENT},
			{child{file: "/bin/true", dir: text}, syscall.ENOTDIR},
			{child{file: "/bin/true", stdio: [3]int{999, 1, 2}}, syscall.EBADF},
		} {
			c := test.c
			c.args, c.env, c.cgroup = []string{"x"}, newBlock(nil).pointers, -1
			if c.stdio == [3]int{} {
				c.stdio = [3]int{0, 1, 2}
			}
			before := descriptors(t)
			if err := failureOf(t, f, &c); !errors.Is(err, test.want) {
				t.Errorf("%s: %+v: %v", name, c, err)
			}
			if after := descriptors(t); after != before {
				t.Errorf("%s: %d descriptors, %d before", name, after, before)
			}
		}
	}
	if left := children(os.Getpid()); len(left) != 0 {
		t.Errorf("processes %v are left", left)
	}
}

// failureOf runs a child, and says why it could not execute its command.
func failureOf(t *testing.T, f *forker, c *child) error {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	pid, pidfd, err := f.start(c)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	var status unix.WaitStatus
	if n, err := unix.Wait4(pid, &status, unix.WALL, nil); n != pid || err != nil || status.ExitStatus() != 127 || !f.done() {
		t.Fatal(n, err, status, f.done())
	}
	return f.failure()
}

// descriptors counts those of this process.
func descriptors(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

func TestStandardDescriptorsChangePlaces(t *testing.T) {
	const script = `in=$(readlink /proc/$$/fd/0); out=$(readlink /proc/$$/fd/1); err=$(readlink /proc/$$/fd/2); echo $in $out $err >$0`
	p := newPool(t, Config{})
	dir := t.TempDir()
	file := func(name string) Output { return Output{Kind: File, Path: dir + "/" + name} }
	for _, test := range []struct {
		stdout, stderr Output
		want           string
	}{
		{Output{Kind: Null}, Output{Kind: Null}, "/dev/null /dev/null"},
		{Output{Kind: Null}, file("e"), "/dev/null " + dir + "/e"},
		{file("o"), Output{Kind: Null}, dir + "/o /dev/null"},
		{file("o"), Output{Kind: Merge}, dir + "/o " + dir + "/o"},
		{file("o"), file("e"), dir + "/o " + dir + "/e"},
		{Output{Kind: Null}, Output{Kind: Merge}, "/dev/null /dev/null"},
	} {
		seen := dir + "/seen"
		p.run(Command{Args: []string{"/bin/sh", "-c", script, seen}, Stdout: test.stdout, Stderr: test.stderr})
		got, err := os.ReadFile(seen)
		if want := "/dev/null " + test.want; err != nil || string(got) != want+"\n" {
			t.Errorf("%+v, %+v: %q, want %q", test.stdout, test.stderr, got, want)
		}
	}
}

package mem

import (
	"errors"
	"maps"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// opened gives the descriptors that a Meter keeps, by file.
func opened(m *Meter) map[file]int {
	fds := map[file]int{}
	for name, f := range m.reader.files.open {
		fds[name] = f.fd
	}
	return fds
}

func TestFilesOfWhatStaysAreOpenedOnce(t *testing.T) {
	tr := grow(t, family(false))
	m := meter(t, Config{})
	first := tr.measure(m, Tree)
	before := opened(m)
	for range 3 {
		if u := tr.measure(m, Tree); u.Processes != first.Processes {
			t.Errorf("got %+v, and %+v before", u, first)
		}
	}
	if after := opened(m); len(before) == 0 || !maps.Equal(before, after) {
		t.Errorf("open are %v, and after more looks %v", before, after)
	}
}

func TestFilesAreClosedOnceTheyAreNotReadAnyMore(t *testing.T) {
	one, other := grow(t, family(false)), grow(t, node{Name: "main"})
	m := meter(t, Config{})
	one.measure(m, Tree)
	other.measure(m, Process)
	if left := opened(m); len(left) != 1 || left[statOf(other.pids["main"])] == 0 {
		t.Errorf("open are %v after a look at process %d alone", left, other.pids["main"])
	}
	m.Close()
	if left := opened(m); len(left) != 0 {
		t.Errorf("open are %v of a closed Meter", left)
	}
	if u := one.measure(m, Tree); u.Processes != 4 {
		t.Errorf("got %+v after Close", u)
	}
	other.end() // a child of this process, which leaves no zombie
	m.Measure([]Target{other.target(Tree)}, nil)
	if left := opened(m); len(left) != 0 {
		t.Errorf("open are %v of a process that has ended", left)
	}
}

func TestFewDescriptorsAreEnough(t *testing.T) {
	tr := grow(t, family(false))
	for most := range 4 {
		m := meter(t, Config{})
		m.reader.files.most = most
		for range 3 {
			if u := tr.measure(m, Tree); u.Processes != 4 || len(opened(m)) != most {
				t.Errorf("got %+v with %v open, want 4 processes and %d files", u, opened(m), most)
			}
		}
	}
}

// limitDescriptors sets how many descriptors this process may have, until the test ends.
func limitDescriptors(t *testing.T, limit uint64) {
	t.Helper()
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	if limit > was.Max {
		t.Skipf("at most %d descriptors are allowed here", was.Max)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: limit, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
			t.Fatal(err)
		}
	})
}

func TestMostDescriptorsAreLeftToOthers(t *testing.T) {
	for _, c := range []struct {
		limit uint64
		spare int
	}{{64, 0}, {255, 0}, {256, 32}, {1024, 128}, {20_000, 1000}} {
		t.Run(strconv.FormatUint(c.limit, 10), func(t *testing.T) {
			limitDescriptors(t, c.limit)
			if files, host := newOpenFiles(), newOpenFS(nil); files.most != c.spare || host.most != c.spare {
				t.Errorf("%d and %d files may stay open, want %d", files.most, host.most, c.spare)
			}
		})
	}
}

func TestALackOfDescriptorsTakesThoseThatAreKept(t *testing.T) {
	one, other := grow(t, family(false)), grow(t, family(false))
	m := meter(t, Config{})
	one.measure(m, Tree)
	limitDescriptors(t, 256)
	for {
		f, err := os.Open(os.DevNull)
		if errors.Is(err, unix.EMFILE) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
	}
	for _, tr := range []*tree{other, one} {
		if u := tr.measure(m, Tree); u.Processes != 4 {
			t.Errorf("got %+v, want 4 processes", u)
		}
	}
}

// ofEnded gives a descriptor of a file of a process that has ended since.
func ofEnded(t *testing.T, name string) int {
	t.Helper()
	tr := grow(t, node{Name: "main"})
	r := newReader("/proc", 0)
	pid := tr.pids["main"]
	if len(r.read(statOf(pid))) == 0 {
		t.Fatalf("process %d can't be read", pid)
	}
	r.pathOf(file{pid, pid, name})
	fd, ok := r.open(unix.O_RDONLY)
	if !ok {
		t.Fatalf("process %d has no file %s", pid, name)
	}
	r.files.closeAll()
	tr.end()
	return fd
}

// TestAFileOfAProcessThatEndedDoesNotStandForTheNextWithItsNumber gives the file of one that has ended the name of one that runs.
func TestAFileOfAProcessThatEndedDoesNotStandForTheNextWithItsNumber(t *testing.T) {
	tr := grow(t, node{Name: "main", Kids: []node{{Name: "child"}}})
	pid := tr.pids["main"]
	m := meter(t, Config{})
	m.reader.files.keep(statOf(pid), ofEnded(t, "stat"))
	if u := tr.measure(m, Tree); u.Processes != 2 {
		t.Errorf("got %+v, want the new process and its child", u)
	}
	if _, err := os.Stat("/proc/thread-self/children"); err != nil {
		return // by scans, no lists are read
	}
	list := file{pid, pid, "children"}
	m.reader.files.close(list)
	m.reader.files.keep(list, ofEnded(t, "children"))
	for looks := 0; tr.measure(m, Tree).Processes != 2; looks++ {
		if looks > openReads {
			t.Fatalf("after %d looks, the list of a process that has ended is still read", looks)
		}
	}
}

// TestOnlyNewProcessesAreAskedForSharedMemory counts the questions to the kernel.
func TestOnlyNewProcessesAreAskedForSharedMemory(t *testing.T) {
	asked, shares := 0, true
	m := fakeMeter(t, map[int]proc{1: {}, 2: {parent: 1, rss: 10}}, true, Config{})
	m.shared = func(int, int) bool { asked++; return shares }
	look := func() Usage { return m.Measure([]Target{{Main: 2, Guardian: 1, Kind: Tree}}, nil)[0] }
	for range 2 {
		if u := look(); u.RSS != 0 {
			t.Errorf("got %+v while the memory is its parent's", u)
		}
	}
	shares = false
	for range 3 {
		if u := look(); u.RSS != 10*page {
			t.Errorf("got %+v when the process has memory of its own", u)
		}
	}
	if asked != 3 {
		t.Errorf("asked %d times, want 3: as long as it shares, and once more", asked)
	}
}

package mem

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"
)

const meminfo = "proc/meminfo"

// small is a container of 64 MiB, which every machine has.
func small() fstest.MapFS {
	return files(map[string]string{
		cgroup: "0::/a\n", mountinfo: v2Mount, meminfo: "MemTotal:  999999 kB\nMemAvailable:   524288 kB\nBuffers: 1 kB\n",
		"sys/fs/cgroup/a/memory.max": "67108864\n", "sys/fs/cgroup/a/memory.current": "0\n",
	})
}

// expectFree wants what is free, besides a reserve of a quarter, of a container.
func expectFree(t *testing.T, m *HostMeter, total, available int64) {
	t.Helper()
	if free, err := m.Free(); err != nil || free != available-total/4 {
		t.Errorf("got %d free, %v; want %d of %d without a quarter", free, err, available, total)
	}
}

func TestWhatIsUsedIsSeenAtOnceAndLimitsSoon(t *testing.T) {
	root := small()
	m := NewHostMeter(root)
	t.Cleanup(m.Close)
	expectFree(t, m, 64*mib, 64*mib)
	root["sys/fs/cgroup/a/memory.current"].Data = []byte("41943040\n")
	expectFree(t, m, 64*mib, 24*mib)
	root[meminfo].Data = []byte("MemTotal: 999999 kB\nMemAvailable: 1024 kB\n")
	expectFree(t, m, 64*mib, mib)
	root[meminfo].Data = []byte("MemTotal: 999999 kB\nMemAvailable: 524288 kB\n")
	root["sys/fs/cgroup/a/memory.max"].Data = []byte("50331648\n")
	if m.until.After(time.Now().Add(hostStays)) {
		t.Errorf("limits are to be read at %v only", m.until)
	}
	m.until = time.Time{} // it is time
	expectFree(t, m, 48*mib, 8*mib)
	root[cgroup].Data, m.until = []byte("0::/b\n"), time.Time{}
	root["sys/fs/cgroup/b/memory.max"] = &fstest.MapFile{Data: []byte("33554432\n")}
	expectFree(t, m, 32*mib, 32*mib)
}

func TestWithoutAFigureInMeminfoTheHostIsReadWhole(t *testing.T) {
	for _, text := range []string{"", "MemTotal: 999999 kB\n", "x\nMemAvailable: lots\n"} {
		root := small()
		root[meminfo].Data = []byte(text)
		m := NewHostMeter(root)
		expectFree(t, m, 64*mib, 64*mib)
		root["sys/fs/cgroup/a/memory.max"].Data = []byte("33554432\n")
		expectFree(t, m, 32*mib, 32*mib)
		m.Close()
	}
}

func TestThisHostHasRoomWithinItsMemory(t *testing.T) {
	m := NewHostMeter(nil)
	for range 3 {
		free, err := m.Free()
		host, hostErr := ReadHost(nil)
		if err != nil || hostErr != nil || free < -host.Reserve || free > host.Total {
			t.Errorf("got %d free, %v of %+v, %v", free, err, host, hostErr)
		}
		m.Close() // and open again
	}
	t.Setenv("HOST_PROC", t.TempDir()) // where gopsutil looks
	if free, err := NewHostMeter(nil).Free(); err == nil {
		t.Errorf("got %d free without the RAM", free)
	}
}

// removed is a file of a cgroup that is gone.
type removed struct{ fs.File }

var errRemoved = errors.New("no such device")

func (removed) ReadAt([]byte, int64) (int, error) { return 0, errRemoved }
func (removed) Close() error                      { return nil }

func TestAFileThatCanNotBeReadAnyMoreIsOpenedAgain(t *testing.T) {
	o := NewHostMeter(files(map[string]string{"a": "new"})).files
	o.open["a"], o.open["b"] = removed{}, removed{}
	if data, err := o.ReadFile("a"); err != nil || string(data) != "new" {
		t.Errorf("got %q, %v", data, err)
	}
	if data, err := o.ReadFile("b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %q, %v of a file that is gone", data, err)
	}
	if o.closeAll(); len(o.open) != 0 {
		t.Errorf("open are %v", o.open)
	}
}

func TestAFileMayBeLongerThanABuffer(t *testing.T) {
	text := make([]byte, 10_000)
	for i := range text {
		text[i] = byte('a' + i%26)
	}
	root := files(map[string]string{"long": string(text), "short": "x", "none": ""})
	dir := t.TempDir()
	if err := os.CopyFS(dir, root); err != nil {
		t.Fatal(err)
	}
	for _, of := range []fs.FS{root, os.DirFS(dir)} {
		o := NewHostMeter(of).files
		for o.most = range 2 { // none stay open, or one
			for name, f := range root {
				if data, err := o.ReadFile(name); err != nil || string(data) != string(f.Data) || len(o.open) != o.most {
					t.Errorf("%s: got %d bytes, %v with %d files open", name, len(data), err, len(o.open))
				}
			}
		}
		o.closeAll()
	}
}

func TestAFileOfTheSystemIsReadAnew(t *testing.T) {
	dir := t.TempDir()
	o := NewHostMeter(os.DirFS(dir)).files
	defer o.closeAll()
	for _, text := range []string{"first", "then"} {
		if err := os.WriteFile(filepath.Join(dir, "a"), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if data, err := o.ReadFile("a"); err != nil || string(data) != text {
			t.Errorf("got %q, %v", data, err)
		}
	}
	if data, err := o.ReadFile("."); err == nil {
		t.Errorf("got %q of a folder", data)
	}
}

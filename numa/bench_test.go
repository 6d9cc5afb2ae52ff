package numa

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// largeMachine has 1,024 CPUs on 8 nodes.
func largeMachine(threads int) *memFS {
	shapes := make([]shape, 8)
	ids := make([]int, len(shapes))
	for i := range shapes {
		shapes[i] = slices.Repeat(shape{threads}, 1024/len(shapes)/threads)
		ids[i] = i
	}
	s := numberCPUs(shapes, ids, "cross")
	s.perL2 = 1
	return s.render()
}

// onDisk writes a tree to a real folder.
func onDisk(t testing.TB, root *memFS) fs.FS {
	t.Helper()
	dir := t.TempDir()
	for name, content := range root.files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return os.DirFS(dir)
}

func BenchmarkRead1024CPUs(b *testing.B) {
	for name, root := range map[string]fs.FS{
		"memory/threads=1": largeMachine(1),
		"memory/threads=2": largeMachine(2),
		"disk/threads=1":   onDisk(b, largeMachine(1)),
		"disk/threads=2":   onDisk(b, largeMachine(2)),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Read(root, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkGroupsOf1024CPUs(b *testing.B) {
	top, err := Read(largeMachine(2), Options{})
	if err != nil {
		b.Fatal(err)
	}
	for _, step := range []Step{ByThread, ByCore, ByL3, ByNode, Threads(8)} {
		b.Run(step.String(), func(b *testing.B) {
			for b.Loop() {
				if _, err := top.Groups(step, true, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// countingFS counts what is opened.
type countingFS struct {
	fs.FS
	opened, missing atomic.Int64
}

func (c *countingFS) Open(name string) (fs.File, error) {
	f, err := c.FS.Open(name)
	if err == nil {
		c.opened.Add(1)
	} else {
		c.missing.Add(1)
	}
	return f, err
}

// The cost of reading is the number of files. It is held here, since times
// depend on who else uses the machine; the benchmark measures them.
func TestALargeMachineIsReadWithFewFiles(t *testing.T) {
	for threads, most := range map[int]int64{1: 10700, 2: 6700} {
		c := &countingFS{FS: largeMachine(threads)}
		start := time.Now()
		top, err := Read(c, Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d threads a core: %d files, %d missing, %v", threads, c.opened.Load(), c.missing.Load(), time.Since(start))
		if top.CPUs.Len() != 1024 || len(top.Cores) != 1024/threads {
			t.Errorf("read %d CPUs and %d cores", top.CPUs.Len(), len(top.Cores))
		}
		if c.opened.Load() > most || c.missing.Load() > 100 {
			t.Errorf("%d files were opened and %d missed, want at most %d and 100", c.opened.Load(), c.missing.Load(), most)
		}
	}
}

func TestATreeOnDiskIsReadAsTheOneInMemory(t *testing.T) {
	for _, name := range []string{"x86-westmere-x5680-2s-24", "x86-opteron6134-cgroup2-32"} {
		top, err := Read(onDisk(t, machineFS(t, name)), Options{})
		if err != nil {
			t.Fatal(err)
		}
		same(t, "topology", describe(t, top), describe(t, machine(t, name)))
		if text := strings.Join(top.Warnings, "\n"); text != "" {
			t.Errorf("warnings: %s", text)
		}
	}
}

package numa

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"testing"
	"time"
)

// memFS is a tree of regular files in memory. Unlike fstest.MapFS it answers
// in constant time for what is not there, which is what a benchmark needs.
type memFS struct {
	files map[string][]byte
	dirs  map[string][]string // entries by folder
}

func newMemFS() *memFS {
	return &memFS{map[string][]byte{}, map[string][]string{".": nil}}
}

func (m *memFS) write(name, content string) {
	if _, ok := m.files[name]; !ok {
		m.enter(name)
	}
	m.files[name] = []byte(content)
}

func (m *memFS) enter(name string) {
	dir := path.Dir(name)
	if _, ok := m.dirs[dir]; !ok {
		m.enter(dir)
	}
	m.dirs[dir] = append(m.dirs[dir], path.Base(name))
	if _, ok := m.files[name]; !ok && m.dirs[name] == nil {
		m.dirs[name] = nil
	}
}

// remove takes away a file, or a folder with all below it.
func (m *memFS) remove(name string) {
	for _, entry := range slices.Clone(m.dirs[name]) {
		m.remove(name + "/" + entry)
	}
	delete(m.files, name)
	delete(m.dirs, name)
	parent := path.Dir(name)
	m.dirs[parent] = slices.DeleteFunc(m.dirs[parent], func(e string) bool { return e == path.Base(name) })
}

func (m *memFS) clone() *memFS {
	c := newMemFS()
	for name, content := range m.files {
		c.files[name] = content
	}
	for dir, entries := range m.dirs {
		c.dirs[dir] = slices.Clone(entries)
	}
	return c
}

func (m *memFS) names() []string {
	names := make([]string, 0, len(m.files))
	for name := range m.files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (m *memFS) Open(name string) (fs.File, error) {
	if content, ok := m.files[name]; ok {
		return &memFile{memInfo{path.Base(name), false}, bytes.NewReader(content), nil}, nil
	}
	if entries, ok := m.dirs[name]; ok {
		return &memFile{memInfo{path.Base(name), true}, nil, m.list(name, entries)}, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func (m *memFS) list(dir string, entries []string) []fs.DirEntry {
	list := make([]fs.DirEntry, len(entries))
	for i, e := range entries {
		_, isFile := m.files[path.Join(dir, e)]
		list[i] = fs.FileInfoToDirEntry(memInfo{e, !isFile})
	}
	return list
}

type memFile struct {
	info    memInfo
	content *bytes.Reader
	entries []fs.DirEntry
}

func (f *memFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *memFile) Close() error               { return nil }

func (f *memFile) Read(b []byte) (int, error) {
	if f.content == nil {
		return 0, &fs.PathError{Op: "read", Path: f.info.name, Err: errors.New("is a directory")}
	}
	return f.content.Read(b)
}

func (f *memFile) ReadDir(n int) ([]fs.DirEntry, error) {
	if n > 0 && len(f.entries) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(f.entries) {
		n = len(f.entries)
	}
	list := f.entries[:n]
	f.entries = f.entries[n:]
	return list, nil
}

type memInfo struct {
	name string
	dir  bool
}

func (i memInfo) Name() string       { return i.name }
func (i memInfo) Size() int64        { return 0 } // as sysfs: unknown until read
func (i memInfo) ModTime() time.Time { return time.Time{} }
func (i memInfo) IsDir() bool        { return i.dir }
func (i memInfo) Sys() any           { return nil }
func (i memInfo) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}

// tarFS unpacks a .tar.gz of regular files and folders into memory.
func tarFS(t testing.TB, file string) *memFS {
	t.Helper()
	packed, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	plain, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	m := newMemFS()
	for archive := tar.NewReader(plain); ; {
		h, err := archive.Next()
		if err == io.EOF {
			return m
		}
		if err != nil {
			t.Fatal(err)
		}
		name := path.Clean(h.Name)
		switch h.Typeflag {
		case tar.TypeDir:
			if _, ok := m.dirs[name]; !ok {
				m.enter(name)
			}
		case tar.TypeReg:
			content, err := io.ReadAll(archive)
			if err != nil {
				t.Fatal(err)
			}
			m.write(name, string(content))
		default:
			t.Fatalf("%s: %s is neither file nor folder", file, h.Name)
		}
	}
}

package proc

import (
	"os"
	"path/filepath"
	"sync"
)

// fileUse counts the attempts that have each output file, so that an empty file is removed only when nobody is about
// to write to it. The zero value is ready for use.
type fileUse struct {
	mu    sync.Mutex
	users map[string]int
}

// acquire registers the output files of a command, and returns what release needs.
func (u *fileUse) acquire(dir string, c *Command) []string {
	var paths []string
	for _, out := range [...]Output{c.Stdout, c.Stderr} {
		if out.Kind != File {
			continue
		}
		path := out.Path
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		paths = append(paths, filepath.Clean(path))
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, path := range paths {
		if u.users == nil {
			u.users = map[string]int{}
		}
		u.users[path]++
	}
	return paths
}

// release gives output files back, and removes those that are empty and have no user left.
func (u *fileUse) release(paths []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, path := range paths {
		if u.users[path]--; u.users[path] > 0 {
			continue
		}
		delete(u.users, path)
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && info.Size() == 0 {
			_ = os.Remove(path)
		}
	}
}

package proc

import (
	"slices"
	"strings"
	"syscall"
)

// environment is the server's environment, which each job starts from.
type environment struct {
	block
	index map[string]int // place of a name in list
}

// block is an environment in the forms that are needed; it is not changed.
type block struct {
	list     []string
	pointers []*byte // for the kernel, with a nil at the end
}

// newBlock leaves out what holds a NUL byte, which the kernel can't be given.
func newBlock(list []string) block {
	list = slices.DeleteFunc(list, func(entry string) bool { return strings.IndexByte(entry, 0) >= 0 })
	pointers, _ := syscall.SlicePtrFromStrings(list)
	return block{list, pointers}
}

// defaultPath is where commands are looked for when PATH is not set.
const defaultPath = "/usr/local/bin:/usr/bin:/bin"

func newEnvironment(list []string) environment {
	list = dedupe(list)
	e := environment{block: newBlock(list), index: make(map[string]int, len(list))}
	for i, entry := range e.list {
		e.index[envName(entry)] = i
	}
	return e
}

func envName(entry string) string {
	name, _, _ := strings.Cut(entry, "=")
	return name
}

// dedupe keeps the last entry of each name.
func dedupe(list []string) []string {
	seen := make(map[string]int, len(list))
	kept := make([]string, 0, len(list))
	for _, entry := range list {
		name := envName(entry)
		if i, ok := seen[name]; ok {
			kept[i] = entry
			continue
		}
		seen[name] = len(kept)
		kept = append(kept, entry)
	}
	return kept
}

// merge adds entries; later ones win.
func (e *environment) merge(added []string) block {
	if len(added) == 0 {
		return e.block
	}
	merged := slices.Clone(e.list)
	for _, entry := range dedupe(added) {
		if i, ok := e.index[envName(entry)]; ok {
			merged[i] = entry
		} else {
			merged = append(merged, entry)
		}
	}
	return newBlock(merged)
}

// searchPath is the PATH of an environment, or the default when it is not set.
func searchPath(env []string) string {
	for _, entry := range slices.Backward(env) {
		if path, ok := strings.CutPrefix(entry, "PATH="); ok {
			return path
		}
	}
	return defaultPath
}

package proc

import (
	"slices"
	"strings"
)

// environment is the server's environment, which each job starts from.
type environment struct {
	list  []string
	index map[string]int // place of a name in list
}

// defaultPath is where commands are looked for when PATH is not set.
const defaultPath = "/usr/local/bin:/usr/bin:/bin"

func newEnvironment(list []string) environment {
	list = dedupe(list)
	e := environment{list: list, index: make(map[string]int, len(list))}
	for i, entry := range list {
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

// merge adds entries; later ones win. The result must not be changed.
func (e *environment) merge(added []string) []string {
	if len(added) == 0 {
		return e.list
	}
	merged := slices.Clone(e.list)
	for _, entry := range dedupe(added) {
		if i, ok := e.index[envName(entry)]; ok {
			merged[i] = entry
		} else {
			merged = append(merged, entry)
		}
	}
	return merged
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

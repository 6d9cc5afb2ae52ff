package proc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// unified stands for the hierarchy of version 2; those of version 1 go by the name of a controller.
const unified = ""

// ownCgroup finds the folder of this process's cgroup in a mounted hierarchy: the unified one, alone or beside version 1, or
// that of a controller of version 1.
func ownCgroup(controller string) (string, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", fmt.Errorf("find the cgroup mount: %w", err)
	}
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", fmt.Errorf("find the server's cgroup: %w", err)
	}
	return cgroupDir(string(mounts), string(groups), controller)
}

// cgroupDir finds the folder from the contents of mountinfo and cgroup in /proc/self.
func cgroupDir(mounts, groups, controller string) (string, error) {
	name := "version 2"
	if controller != unified {
		name = "version 1 for " + controller
	}
	path, ok := cgroupPath(groups, controller)
	if !ok {
		return "", errors.New("the server is in no cgroup of " + name)
	}
	if strings.HasPrefix(path, "/../") {
		return "", fmt.Errorf("the server's cgroup %q is outside of its cgroup namespace", path)
	}
	for line := range strings.Lines(mounts) {
		before, after, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " - ")
		fields := strings.Fields(before)
		if len(fields) < 5 || !mountsHierarchy(after, controller) {
			continue
		}
		rel, err := filepath.Rel(unescapeMount(fields[3]), path)
		if err == nil && rel != ".." && !strings.HasPrefix(rel, "../") {
			return filepath.Join(unescapeMount(fields[4]), rel), nil
		}
	}
	return "", fmt.Errorf("no cgroup hierarchy of %s that holds %q is mounted", name, path)
}

// cgroupPath finds the path within the hierarchy in lines of "id:controllers:path"; the unified one has no controllers.
func cgroupPath(groups, controller string) (path string, ok bool) {
	for line := range strings.Lines(groups) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(fields) == 3 && slices.Contains(strings.Split(fields[1], ","), controller) && (controller != unified || fields[0] == "0") {
			return fields[2], true
		}
	}
	return "", false
}

// mountsHierarchy reads the end of a line of mountinfo: type, source, options.
func mountsHierarchy(mount, controller string) bool {
	kind, rest, _ := strings.Cut(mount, " ")
	if controller == unified {
		return kind == "cgroup2"
	}
	options := rest[strings.LastIndexByte(rest, ' ')+1:]
	return kind == "cgroup" && slices.Contains(strings.Split(options, ","), controller)
}

var mountEscapes = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

func unescapeMount(s string) string { return mountEscapes.Replace(s) }

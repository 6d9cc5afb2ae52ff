package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// findController sees whether the cgroups below own, this process's, can have a controller of version 2. There a cgroup either has
// processes or gives controllers to the cgroups below it, the root excepted. If the server is alone in its own cgroup, it can
// move into a new one beside the pool's: the name of that is home then, and divide is due.
func findController(own, controller string) (home string, err error) {
	if !hasWord(own, "cgroup.controllers", controller) {
		return "", fmt.Errorf("the %s controller is not available in the server's cgroup %s", controller, own)
	}
	if hasWord(own, "cgroup.subtree_control", controller) {
		return "", nil
	}
	if err := control(own, "+"+controller); !errors.Is(err, unix.EBUSY) {
		return "", err
	}
	if others := otherMembers(own); len(others) > 0 {
		return "", fmt.Errorf("the server's cgroup %s can't be divided while it has other processes %v: start the server in one of its own, "+
			"as \"systemd-run --scope -p Delegate=yes\" does (with --user for plain users)", own, others)
	}
	return nameCgroup(own), nil
}

// divide makes home, moves the given processes there, and has the cgroup above give the controller to those below it.
func divide(home, controller string, pids ...int) error {
	if err := os.Mkdir(home, 0o755); err != nil {
		return err
	}
	for _, pid := range pids {
		if err := join(home, pid); err != nil {
			leaveHome(home, controller)
			return err
		}
	}
	if err := control(filepath.Dir(home), "+"+controller); err != nil {
		leaveHome(home, controller)
		return err
	}
	return nil
}

// leaveHome takes all that is at home back to where it came from, and removes home. Without a home it does nothing.
func leaveHome(home, controller string) {
	if home == "" {
		return
	}
	if _, err := os.Stat(home); err != nil {
		return
	}
	own := filepath.Dir(home)
	_ = control(own, "-"+controller)
	for _, pid := range members(home) {
		_ = join(own, pid)
	}
	_ = unix.Rmdir(home)
}

// hasWord says whether a file of a cgroup lists a word.
func hasWord(dir, file, word string) bool {
	data, _ := os.ReadFile(filepath.Join(dir, file))
	return slices.ContainsFunc(bytes.Fields(data), func(field []byte) bool { return string(field) == word })
}

// control enables or disables a controller for the cgroups below a cgroup.
func control(dir, change string) error {
	path := filepath.Join(dir, "cgroup.subtree_control")
	if err := os.WriteFile(path, []byte(change), 0); err != nil {
		return fmt.Errorf("write %q to %s: %w", change, path, errors.Unwrap(err))
	}
	return nil
}

// join moves a process into a cgroup of version 2.
func join(dir string, pid int) error {
	return os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0)
}

// members lists the processes of a cgroup.
func members(dir string) []int {
	data, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	var pids []int
	for field := range bytes.FieldsSeq(data) {
		if pid, err := strconv.Atoi(string(field)); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids
}

// otherMembers lists the processes of a cgroup but this one.
func otherMembers(dir string) []int {
	return slices.DeleteFunc(members(dir), func(pid int) bool { return pid == os.Getpid() })
}

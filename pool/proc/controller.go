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

// enableController lets the leaves below pool, which is below own, have a controller of version 2. There a cgroup either has
// processes or gives controllers to the cgroups below it, the root excepted. If the server is alone in its own cgroup, it moves
// into a new one beside the pool's, which is home then.
func enableController(own, pool, controller string) (home string, err error) {
	if !hasWord(own, "cgroup.controllers", controller) {
		return "", fmt.Errorf("the %s controller is not available in the server's cgroup %s", controller, own)
	}
	if !hasWord(own, "cgroup.subtree_control", controller) {
		if home, err = divide(own, controller); err != nil {
			return "", err
		}
	}
	if err := control(pool, "+"+controller); err != nil {
		leaveHome(home, controller)
		return "", err
	}
	return home, nil
}

// divide has own give the controller to the cgroups below it.
func divide(own, controller string) (home string, err error) {
	err = control(own, "+"+controller)
	if !errors.Is(err, unix.EBUSY) {
		return "", err
	}
	if others := otherMembers(own); len(others) > 0 {
		return "", fmt.Errorf("the server's cgroup %s can't be divided while it has other processes %v: start the server in one of its own, "+
			"as \"systemd-run --scope -p Delegate=yes\" does (with --user for plain users)", own, others)
	}
	if home, err = makePool(own); err != nil {
		return "", err
	}
	if err = join(home); err == nil {
		err = control(own, "+"+controller)
	}
	if err != nil {
		leaveHome(home, controller)
		return "", err
	}
	return home, nil
}

// leaveHome takes this process back to where it came from and removes its home, unless others are in there. Without a home it
// does nothing.
func leaveHome(home, controller string) {
	if home == "" {
		return
	}
	own := filepath.Dir(home)
	_ = control(own, "-"+controller)
	if join(own) == nil {
		_ = unix.Rmdir(home)
	}
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

// join moves this process into a cgroup of version 2.
func join(dir string) error {
	return os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte("0"), 0)
}

// otherMembers lists the processes of a cgroup but this one.
func otherMembers(dir string) []int {
	data, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	var others []int
	for field := range bytes.FieldsSeq(data) {
		if pid, err := strconv.Atoi(string(field)); err == nil && pid != os.Getpid() {
			others = append(others, pid)
		}
	}
	return others
}

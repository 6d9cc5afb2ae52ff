package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// helperEarly is a server that says which cgroups it uses, and kills itself at a moment of its start: idle|start|made.
func helperEarly(args []string) error {
	r, err := New(Config{Subreaper: true}, newRecorder())
	if err != nil {
		return err
	}
	fmt.Printf("%s\n%s\n", r.cgroups.pool, r.cgroups.memory.root)
	if args[0] != "idle" {
		r.Start(Attempt{Job: 1, N: 1}, &Command{Args: []string{"sleep", "1000"}, MemGroup: true})
	}
	for args[0] == "made" && !exists(r.cgroups.pool) && !exists(r.cgroups.memory.root) {
		runtime.Gosched() // a pause would miss the moment
	}
	return unix.Kill(os.Getpid(), unix.SIGKILL)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// moveBelow moves this process to cgroups of its own below those that its guardian has made, if it may.
func moveBelow() error {
	for _, dir := range ownLeaves() {
		below := filepath.Join(dir, "below "+strconv.Itoa(os.Getpid()), "deep")
		if err := os.MkdirAll(below, 0o755); err != nil {
			return err
		}
		if err := join(below, os.Getpid()); err != nil {
			return err
		}
	}
	return nil
}

// freeze stops what is in this process's cgroup of version 2, itself included, if that is the job's.
func freeze() {
	for _, dir := range ownLeaves() {
		_ = os.WriteFile(filepath.Join(dir, "cgroup.freeze"), []byte("1"), 0)
	}
}

// ownLeaves are the cgroups of this process that are a guardian's leaf or below one.
func ownLeaves() []string {
	var dirs []string
	for _, controller := range []string{unified, memoryController} {
		if dir, err := ownCgroup(controller); err == nil && strings.Contains(dir, "/"+poolPrefix) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// markVariable is set in the environment of servers, and so of their jobs.
const markVariable = "EXPOOL_TORTURE"

// process is one that has a mark.
type process struct {
	pid     int
	state   byte // as in /proc/PID/stat
	command string
}

func (p process) String() string { return fmt.Sprintf("%d (%c) %.120q", p.pid, p.state, p.command) }

// marked lists the living processes that have the mark in their arguments, their environment or the path of their executable.
func marked(mark string) []process {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	var found []process
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if pid == os.Getpid() || !hasMark(dir, mark) {
			continue
		}
		if state := stateOf(dir); state != 'Z' && state != 'X' && state != 0 {
			command, _ := os.ReadFile(dir + "/cmdline")
			found = append(found, process{pid, state, string(bytes.ReplaceAll(command, []byte{0}, []byte{' '}))})
		}
	}
	return found
}

func hasMark(dir, mark string) bool {
	if path, err := os.Readlink(dir + "/exe"); err == nil && strings.Contains(path, mark) {
		return true
	}
	for _, file := range []string{"/cmdline", "/environ"} {
		if text, err := os.ReadFile(dir + file); err == nil && bytes.Contains(text, []byte(mark)) {
			return true
		}
	}
	return false
}

// stateOf reads the letter of a process's state; 0 if it is gone.
func stateOf(dir string) byte {
	text, err := os.ReadFile(dir + "/stat")
	i := bytes.LastIndexByte(text, ')')
	if err != nil || i < 0 || i+2 >= len(text) {
		return 0
	}
	return text[i+2]
}

func procDir(pid int) string { return fmt.Sprintf("/proc/%d", pid) }

// parentOf reads the parent of a process; 0 if it is gone.
func parentOf(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	parent, _ := strconv.Atoi(string(fields[1]))
	return parent
}

// childrenOf lists the children of a process.
func childrenOf(pid int) []int {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	var found []int
	for _, file := range files {
		text, _ := os.ReadFile(file)
		for field := range strings.FieldsSeq(string(text)) {
			child, _ := strconv.Atoi(field)
			found = append(found, child)
		}
	}
	return found
}

// cgroupsOf lists the cgroups that a server made, and what is below them.
func cgroupsOf(pid int) []string {
	var found []string
	prefix := fmt.Sprintf("/expool-%d-", pid)
	_ = filepath.WalkDir(cgroupRoot, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.Contains(path, prefix) {
			found = append(found, path)
		}
		return nil
	})
	return found
}

// filesBelow lists the files and folders in a folder.
func filesBelow(dir string) []string {
	var found []string
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && path != dir {
			found = append(found, path)
		}
		return nil
	})
	return found
}

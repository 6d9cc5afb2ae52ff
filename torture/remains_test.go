package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestProcessesAreFoundByTheirMarkWhereverItIs(t *testing.T) {
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(sleep)
	if err != nil {
		t.Fatal(err)
	}
	for name, command := range map[string]func(mark string) *exec.Cmd{
		"arguments": func(mark string) *exec.Cmd { return exec.Command("sh", "-c", "sleep 1000; :", mark) },
		"environment": func(mark string) *exec.Cmd {
			return &exec.Cmd{Path: sleep, Args: []string{"sleep", "1000"}, Env: []string{"X=" + mark}}
		},
		"executable": func(mark string) *exec.Cmd {
			path := filepath.Join(t.TempDir(), mark)
			if err := os.WriteFile(path, binary, 0o755); err != nil {
				t.Fatal(err)
			}
			return &exec.Cmd{Path: path, Args: []string{"sleep", "1000"}, Env: []string{}}
		},
	} {
		mark := "torture-test-" + name + "-" + filepath.Base(t.TempDir()) + "-" + strings.Repeat("x", os.Getpid()%7)
		cmd := command(mark)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, ok := eventually(patience, func() bool { return len(marked(mark)) > 0 }); !ok {
			t.Errorf("a process with its mark in the %s was not found", name)
		}
		endMarked(mark)
		_ = cmd.Wait()
		if left := marked(mark); len(left) > 0 {
			t.Errorf("with the mark in the %s, a process that has ended was found: %v", name, left)
		}
	}
}

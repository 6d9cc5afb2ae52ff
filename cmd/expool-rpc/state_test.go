package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// awaitFile gives the content of a file, which is whole once it is there.
func awaitFile(t *testing.T, path string) (data []byte) {
	t.Helper()
	var err error
	if !waitUntil(patience, func() bool { data, err = os.ReadFile(path); return err == nil }) {
		t.Fatal(err)
	}
	return data
}

func TestASignalAsksForTheState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	h := start(t, "--workers=1", "--state-file="+path)
	running := h.execute(1, `{"name":"runs","args":["sleep","1000"]}`)
	queued := h.execute(2, `{"name":"waits","args":["true"]}`)
	h.event("onstart", running)
	h.cmd.Process.Signal(syscall.SIGUSR1)
	data := awaitFile(t, path)
	var state struct {
		Status          struct{ Queued, Done int }
		Running, Queued []record
	}
	if err := json.Unmarshal(data, &state); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	if len(state.Running) != 1 || state.Running[0].Job != running || len(state.Queued) != 1 || state.Queued[0].Job != queued || state.Status.Queued != 1 {
		t.Errorf("%s", data)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 || !strings.HasSuffix(string(data), "}\n") {
		t.Errorf("%v, %v, %q", info.Mode(), err, data)
	}
	if names, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(names) != 0 {
		t.Errorf("%v are left", names)
	}
}

func TestAnIdleServerTellsItsStateToo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	h := start(t, "--workers=3", "--state-file="+path)
	h.call(1, "nothing", "")
	h.failure(1, -32601) // it catches the signal by now
	h.cmd.Process.Signal(syscall.SIGUSR1)
	if data := string(awaitFile(t, path)); !strings.HasPrefix(data, `{"status":{"alive":true,"workers":3,`) || !strings.HasSuffix(data, `"running":[],"queued":[]}`+"\n") {
		t.Error(data)
	}
}

func TestAStateThatCantBeWrittenIsToldAndHarmsNothing(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "later")
	path := filepath.Join(folder, "state")
	cmd := serverCommand("--state-file=" + path)
	stderr, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	cmd.Stderr = stderr
	h := startCommand(t, cmd)
	job := h.execute(1, `{"name":"job","args":["true"]}`)
	h.finished(job)
	h.cmd.Process.Signal(syscall.SIGUSR1)
	told := func() bool {
		data, _ := os.ReadFile(stderr.Name())
		return strings.Contains(string(data), "write the state file: open "+folder)
	}
	if !waitUntil(patience, told) {
		t.Error("nothing was told")
	}
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	h.cmd.Process.Signal(syscall.SIGUSR1)
	awaitFile(t, path)
}

package main

import (
	"os"
	"path/filepath"
	"syscall"
)

func init() {
	register(Case{Name: "death/frozen-by-version-1", Section: Death, Tries: 6, Short: 2, Run: thaw,
		Promise: "a limit: what root froze with the freezer of version 1 can't die before it is thawed; then it does, whether the server lives or not"})
}

func thaw(t *T) {
	dir := t.newCgroup("freezer", "freezer.state", "THAWED")
	state := filepath.Join(dir, "freezer.state")
	t.Cleanup(func() { _ = os.WriteFile(state, []byte("THAWED"), 0) })
	s := t.Start(Setup{})
	id := s.Execute(Job{Name: "frozen", Args: []string{"sh", "-c", "echo $$ >" + dir + "/cgroup.procs; (setsid sleep 1000 &) ; exec sleep 1000"}})
	s.Running(id)
	t.Eventually("the job has entered the cgroup", func() bool { return len(marked(s.Mark)) >= 4 && isMember(dir) })
	t.Check("freeze the cgroup", os.WriteFile(state, []byte("FROZEN"), 0))
	if t.Try%2 == 0 {
		s.Call("cancel", map[string]any{"job": id})
		t.Check("thaw the cgroup", os.WriteFile(state, []byte("THAWED"), 0))
		s.Finished(id)
		s.OnlyServer()
		return
	}
	s.Signal(syscall.SIGKILL)
	s.Exit()
	t.Check("thaw the cgroup", os.WriteFile(state, []byte("THAWED"), 0))
	s.Gone()
}

// isMember says that a process is in the cgroup.
func isMember(dir string) bool {
	members, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	return err == nil && len(members) > 0
}

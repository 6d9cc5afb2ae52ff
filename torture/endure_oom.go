package main

import (
	"os/exec"
	"strconv"
	"syscall"
)

func init() {
	register(Case{Name: "exhaust/others-memory", Section: Exhaustion, Tries: 3, Short: 1, Run: othersMemory,
		Promise: "a job that a signal ended while the host's killer was at work elsewhere, in another container, is not taken for its victim"})
}

// othersMemory has the host's killer end a process that is no job, before and while a job runs that then ends by SIGKILL.
func othersMemory(t *T) {
	dir := t.newCgroup("memory", "memory.limit_in_bytes", strconv.Itoa(50<<20))
	s := t.Start(Setup{Host: Host{Name: "no cgroup", Flags: []string{"--no-cgroup"}}})
	eat := func() {
		eater := t.Actor("eat")
		err := exec.Command("sh", append([]string{"-c", `echo $$ >"$0/cgroup.procs" && exec "$@"`, dir}, eater...)...).Run()
		if err == nil {
			t.Fatalf("the process that was to be ended by the host's killer was not")
		}
	}
	eat()
	before := s.Execute(Job{Name: "after a kill elsewhere", Args: []string{"sh", "-c", "kill -9 $$"}})
	s.expectEnd(before, "signaled", "the host's killer was at work elsewhere, before the job")
	during := s.Execute(Job{Name: "during a kill elsewhere", Args: []string{"sleep", "1000"}})
	s.Running(during)
	eat()
	t.Check("kill the job", syscall.Kill(s.Running(during).PID, syscall.SIGKILL))
	s.expectEnd(during, "signaled", "the host's killer was at work elsewhere, meanwhile")
}

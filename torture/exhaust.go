package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func init() {
	const retried = "; a job that can't be started is tried again when another ends, none is lost, and the server lives"
	register(Case{Name: "exhaust/descriptors", Section: Exhaustion, Tries: 20, Short: 3, Run: lackDescriptors,
		Promise: "with fewer descriptors than workers need (RLIMIT_NOFILE), all jobs are done" + retried})
	register(Case{Name: "exhaust/processes", Section: Exhaustion, Tries: 10, Short: 2, Run: lackProcesses,
		Promise: "with fewer processes than workers need (EAGAIN by RLIMIT_NPROC of a plain user), all jobs are done" + retried})
	register(Case{Name: "exhaust/pids-cgroup", Section: Exhaustion, Tries: 10, Short: 2, Run: lackPids,
		Promise: "the same in a cgroup that limits pids, as containers have it"})
	register(Case{Name: "exhaust/fork-bomb-beside", Section: Exhaustion, Tries: 6, Short: 1, Run: bombBeside,
		Promise: "a fork bomb that takes all pids of that cgroup ends at its timeout, and the jobs behind it are done"})
	register(Case{Name: "exhaust/nothing-starts", Section: Exhaustion, Tries: 3, Short: 1, Run: startNothing,
		Promise: "where no job can be started at all, each ends with `start_failed` and a warning that says why; nothing hangs"})
	register(Case{Name: "exhaust/arguments", Section: Exhaustion, Tries: 2, Short: 1, Run: tooLong,
		Promise: "a command line that the kernel refuses (E2BIG), and one with a NUL, end with `start_failed` or an error, not with the server"})
	register(Case{Name: "exhaust/job-memory", Section: Exhaustion, Tries: 5, Short: 1, Run: eatMemory,
		Promise: "a job without a limit that eats all memory of its container ends as `oom`, by that name; the server and the other jobs live"})
	register(Case{Name: "exhaust/server-memory", Section: Exhaustion, Tries: 3, Short: 1, Run: lackMemory,
		Promise: "a server that can't get memory itself (RLIMIT_AS) may die, and leaves nothing"})
}

// shortJobs are n jobs that all succeed, and overlap. They need no process but their own.
func shortJobs(n int) []Job {
	list := make([]Job, n)
	for i := range list {
		list[i] = Job{Name: "short", Args: []string{"sh", "-c", "echo ok; exec sleep 0.02"}, Stdout: "pipe", Stderr: "pipe"}
	}
	return list
}

// allDone waits for the jobs, which must all have succeeded, and for an idle server.
func (s *Server) allDone(jobs []int64) {
	for _, id := range jobs {
		if r := s.Finished(id); r.State != "done" || r.Stdout != "" && r.Stdout != "ok\n" {
			s.t.Errorf("job %d ended as %s: %v, standard error %q", id, r.Reason, r.Warnings, r.Stderr)
		}
	}
	s.Reply(s.Call("status", nil))
}

// usable is how many descriptors a server needs at least for a job at a time, without the workers' share.
const usable = 20

func lackDescriptors(t *T) {
	limit := usable + t.Rand.Uint64N(20)
	s := t.Start(Setup{Host: t.hostOf(), Flags: []string{"--workers=32"}, Limits: []Limit{{unix.RLIMIT_NOFILE, limit}}})
	s.allDone(s.ExecuteAll(shortJobs(64)))
}

// fewTasks is enough processes and threads for a server with some guardians, and not for 32.
const fewTasks = 70

func lackProcesses(t *T) {
	if os.Getuid() != 0 {
		t.Skipf("the other processes of this user count, too: only root can have a user of its own for it")
	}
	limit := uint64(threadsOf(plainUser())) + fewTasks + t.Rand.Uint64N(fewTasks/2)
	s := t.Start(Setup{Host: Host{Plain: true}, Flags: []string{"--workers=32"}, Limits: []Limit{{unix.RLIMIT_NPROC, limit}}})
	s.allDone(s.ExecuteAll(shortJobs(64)))
}

// newCgroup makes a cgroup of the controller below the one that this process is in, with a setting, and removes it at the end of the try.
func (t *T) newCgroup(controller, file, value string) (dir string) {
	parent := controllerCgroup(controller)
	if parent == "" || os.Getuid() != 0 {
		t.Skipf("there is no cgroup hierarchy (version 1) of the controller %s that may be used", controller)
	}
	dir = filepath.Join(parent, fmt.Sprintf("torture-%d-%d", os.Getpid(), t.env.servers))
	t.Check("make a cgroup", os.Mkdir(dir, 0o755))
	t.Cleanup(func() {
		t.Eventually("the case's cgroup is empty", func() bool { return unix.Rmdir(dir) != unix.EBUSY })
	})
	t.Check("set "+file, os.WriteFile(filepath.Join(dir, file), []byte(value), 0))
	return dir
}

// controllerCgroup is the folder of this process's cgroup in a hierarchy of version 1; empty without.
func controllerCgroup(controller string) string {
	text, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(text)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 || fields[1] != controller {
			continue
		}
		dir := filepath.Join(cgroupRoot, controller, fields[2])
		if _, err := os.Stat(dir); err == nil {
			return dir
		}
	}
	return ""
}

func lackPids(t *T) {
	dir := t.newCgroup("pids", "pids.max", strconv.Itoa(fewTasks+t.Rand.IntN(fewTasks/2)))
	s := t.Start(Setup{Cgroups: []string{dir}, Flags: []string{"--workers=32"}})
	s.allDone(s.ExecuteAll(shortJobs(64)))
}

func bombBeside(t *T) {
	dir := t.newCgroup("pids", "pids.max", "60")
	s := t.Start(Setup{Cgroups: []string{dir}, Flags: []string{"--workers=2"}})
	list := append([]Job{{Name: "bomb", Args: append(t.Actor("bomb"), s.Mark), Timeout: 0.5}}, shortJobs(8)...)
	jobs := s.ExecuteAll(list)
	if r := s.Finished(jobs[0]); r.Reason != "timeout" {
		t.Errorf("the bomb ended as %s: %v", r.Reason, r.Warnings)
	}
	s.allDone(jobs[1:])
	s.OnlyServer()
}

func startNothing(t *T) {
	s := t.Start(Setup{Flags: []string{"--workers=4"}, Limits: []Limit{{unix.RLIMIT_NOFILE, 12}}}) // enough for the server, and for no guardian
	for _, id := range s.ExecuteAll(shortJobs(8)) {
		if r := s.Finished(id); r.Reason != "start_failed" || len(r.Warnings) == 0 {
			t.Errorf("job %d ended as %s: %v", id, r.Reason, r.Warnings)
		}
	}
	var join struct{ Failed int }
	if s.Result(s.Call("join", nil), &join); join.Failed != 8 {
		t.Errorf("%d of 8 jobs failed", join.Failed)
	}
}

func tooLong(t *T) {
	s := t.Start(Setup{})
	for _, args := range [][]string{{"true", strings.Repeat("x", 1<<20)}, append([]string{"true"}, make([]string, 1<<20)...)} {
		if r := s.Finished(s.Execute(Job{Name: "long", Args: args})); r.Reason != "start_failed" || len(r.Warnings) == 0 {
			t.Errorf("a command line that is too long ended as %s: %v", r.Reason, r.Warnings)
		}
	}
	if f := s.Failure(s.Call("execute", Job{Name: "NUL", Args: []string{"true", "a\x00b"}})); f.Code != -32602 {
		t.Errorf("an argument with a NUL gave error %d", f.Code)
	}
	s.allDone(s.ExecuteAll(shortJobs(4)))
}

func init() { parts["eat"] = eat }

// eat takes memory until it is ended.
func eat([]string) error {
	var kept [][]byte
	for {
		chunk := make([]byte, 8<<20)
		for i := 0; i < len(chunk); i += 4096 {
			chunk[i] = 1
		}
		kept = append(kept, chunk)
		if len(kept) > 1<<14 {
			return fmt.Errorf("%d MiB were given, and no end of it", len(kept)*8)
		}
	}
}

func eatMemory(t *T) {
	dir := t.newCgroup("memory", "memory.limit_in_bytes", strconv.Itoa(400<<20))
	s := t.Start(Setup{Cgroups: []string{dir}})
	others := s.ExecuteAll([]Job{{Name: "bystander", Args: []string{"sleep", "1000"}}, {Name: "bystander", Args: []string{"sleep", "1000"}}})
	if r := s.Finished(s.Execute(Job{Name: "eater", Args: t.Actor("eat")})); r.Reason != "oom" || r.Code == nil || *r.Code != -9 {
		t.Errorf("the job that took all memory ended as %s: %v", r.Reason, r.Warnings)
	}
	for _, id := range others {
		if r := s.Record(id); r.State != "running" {
			t.Errorf("a bystander is %s: %s", r.State, r.Reason)
		}
	}
}

func lackMemory(t *T) {
	s := t.Start(Setup{Limits: []Limit{{unix.RLIMIT_AS, 1400<<20 + t.Rand.Uint64N(200<<20)}}})
	job := Job{Name: "job", Args: []string{"sleep", "1000"}, Params: strings.Repeat("x", 1<<20)}
	for range 900 {
		s.Call("execute", job)
	}
	s.CloseInput()
	s.Signal(unix.SIGTERM)
	t.Note("status", strconv.Itoa(s.Exit()))
	s.Gone()
}

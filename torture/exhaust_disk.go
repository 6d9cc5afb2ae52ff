package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func init() {
	register(Case{Name: "exhaust/disk-of-jobs", Section: Exhaustion, Tries: 10, Short: 2, Run: fillDisk,
		Promise: "a full disk below output files is the jobs' own ENOSPC; the job that could write is whole, and the server goes on"})
	register(Case{Name: "exhaust/dev-full", Section: Exhaustion, Tries: 3, Short: 1, Run: devFull,
		Promise: "the same if every write fails, on files and on the host's own streams"})
	register(Case{Name: "exhaust/disk-of-results", Section: Exhaustion, Tries: 5, Short: 1, Run: fillResults,
		Promise: "a server that can't write its own output (`> results` on a full disk) ends its jobs and itself, with a status other than 0 and a reason on standard error"})
	register(Case{Name: "exhaust/stderr", Section: Exhaustion, Tries: 2, Short: 1, Run: fullStderr,
		Promise: "a standard error that can't be written does not matter"})
	register(Case{Name: "exhaust/file-size", Section: Exhaustion, Tries: 2, Short: 1, Run: limitFileSize,
		Promise: "a limit on the size of files ends the jobs that break it (SIGXFSZ), told as `signaled`"})
}

// writeMiB is a command that writes so many MiB, and fails if it can't.
func writeMiB(n int) []string {
	return []string{"sh", "-c", fmt.Sprintf("head -c %d /dev/zero", n<<20)}
}

func fillDisk(t *T) {
	dir := t.Dir()
	s := t.Start(Setup{Host: t.hostOf(), Tmpfs: dir, Size: "4m"})
	first := s.Finished(s.Execute(Job{Name: "fits", Args: writeMiB(1), Stdout: File(filepath.Join(dir, "a"))}))
	if first.State != "done" {
		t.Errorf("the job with room ended as %+v", first)
	}
	for range 3 {
		r := s.Finished(s.Execute(Job{Name: "too much", Args: writeMiB(8), Stdout: File(filepath.Join(dir, "b")), Stderr: "pipe"}))
		if r.State != "failed" || r.Reason != "exited" || !strings.Contains(r.Stderr, "No space left") {
			t.Errorf("the job without room ended as %+v", r)
		}
	}
	r := s.Finished(s.Execute(Job{Name: "stamped", Args: []string{"true"}, Stdout: File(filepath.Join(dir, "b"))}))
	if r.State != "done" || len(r.Warnings) == 0 {
		t.Errorf("the job whose output file could not get its time ended as %+v", r)
	}
	count := s.Finished(s.Execute(Job{Name: "count", Args: []string{"sh", "-c", "wc -c <" + filepath.Join(dir, "a")}, Stdout: "pipe"}))
	if strings.TrimSpace(count.Stdout) != fmt.Sprint(1<<20) {
		t.Errorf("the output that had room has %q bytes", count.Stdout)
	}
	s.allDone(s.ExecuteAll(shortJobs(4)))
}

func devFull(t *T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	t.Check("open a device", err)
	defer full.Close()
	s := t.Start(Setup{Flags: []string{"--stdout-fd=3"}, Files: []*os.File{full}})
	for _, out := range []any{"inherit", File("/dev/full")} {
		r := s.Finished(s.Execute(Job{Name: "full", Args: writeMiB(1), Stdout: out, Stderr: "pipe"}))
		if r.State != "failed" || !strings.Contains(r.Stderr, "No space left") {
			t.Errorf("a job whose output can't be written ended as %+v", r)
		}
	}
	s.allDone(s.ExecuteAll(shortJobs(4)))
}

func fillResults(t *T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	t.Check("open a device", err)
	defer full.Close()
	s := t.Start(Setup{Stdout: full, Flags: []string{"--on-eof=finish"}})
	s.Send(fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"execute","params":{"name":"long","args":["sleep","1000","%s"]}}`, s.Mark))
	status := s.wait()
	if status <= 0 || s.Stderr() == "" {
		t.Errorf("the server ended with %d, and said %q", status, s.Stderr())
	}
	t.Note("status", fmt.Sprint(status))
	s.Gone()
}

// wait is Exit for a server whose output is not read.
func (s *Server) wait() int {
	limit := time.AfterFunc(patience, func() { _ = s.cmd.Process.Signal(syscall.SIGKILL) })
	defer limit.Stop()
	return s.Exit()
}

func fullStderr(t *T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	t.Check("open a device", err)
	defer full.Close()
	s := t.Start(Setup{Stderr: full})
	s.Finished(s.Execute(Job{Name: "noisy", Args: []string{"sh", "-c", "echo noise; echo noise >&2"}, Stdout: "inherit", Stderr: "inherit"}))
	s.Send("no JSON")
	s.allDone(s.ExecuteAll(shortJobs(4)))
}

func limitFileSize(t *T) {
	s := t.Start(Setup{Limits: []Limit{{unix.RLIMIT_FSIZE, 1 << 20}}})
	path := filepath.Join(s.Dir, "out")
	r := s.Finished(s.Execute(Job{Name: "big", Args: []string{"head", "-c", "4194304", "/dev/zero"}, Stdout: File(path)}))
	if r.Reason != "signaled" || r.Code == nil || *r.Code != -int(syscall.SIGXFSZ) {
		t.Errorf("a job that broke the limit of files ended as %+v", r)
	}
	s.allDone(s.ExecuteAll(shortJobs(4)))
}

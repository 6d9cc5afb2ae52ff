package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// usualHosts are tried in turn by cases that need no particular one.
var usualHosts = []Host{{Name: "as found"}, {Name: "no cgroup", Flags: []string{"--no-cgroup"}}, {Name: "plain user", Plain: true}}

// hostOf picks the host of a try.
func (t *T) hostOf() Host { return usualHosts[t.Try%len(usualHosts)] }

// blow is a way to end a process, or to try.
type blow struct {
	name    string
	signals []syscall.Signal
}

var (
	kill     = blow{"SIGKILL", []syscall.Signal{syscall.SIGKILL}}
	term     = blow{"SIGTERM", []syscall.Signal{syscall.SIGTERM}}
	halt     = blow{"SIGSTOP", []syscall.Signal{syscall.SIGSTOP}}
	stopKill = blow{"SIGSTOP, then SIGKILL", []syscall.Signal{syscall.SIGSTOP, syscall.SIGKILL}}
)

// hit deals the blow. It spares what is no single process of its own: 0 would be the torture itself.
func (b blow) hit(pid int) {
	if pid <= 1 {
		return
	}
	for _, sig := range b.signals {
		_ = syscall.Kill(pid, sig)
	}
}

// busy is a run of jobs of all shapes, with short ones that write files between them.
type busy struct {
	t       *T
	s       *Server
	jobs    []int64          // in the order of their scheduling
	writers map[int64]string // those that write, and where to
}

const (
	writerLines = 2000
	lastLine    = "line 2000 of 2000"
)

// writer is a job whose output is long enough to be cut, and known.
func writer(path string) Job {
	script := fmt.Sprintf(`i=0; while [ $i -lt %d ]; do i=$((i+1)); echo "line $i of %d"; done`, writerLines, writerLines)
	return Job{Name: "writer", Args: []string{"sh", "-c", script}, Stdout: File(path)}
}

// startBusy starts a server with a busy run, which goes on for ever.
func startBusy(t *T, setup Setup) *busy {
	b := &busy{t: t, s: t.Start(setup), writers: map[int64]string{}}
	b.schedule(setup.Host)
	return b
}

func (b *busy) schedule(h Host) {
	var list []Job
	paths := map[int]string{}
	for i := range 12 {
		switch b.t.Rand.IntN(3) {
		case 0:
			paths[i] = filepath.Join(b.s.Dir, fmt.Sprintf("out/%d", i))
			list = append(list, writer(paths[i]))
		case 1:
			list = append(list, Job{Name: "short", Args: []string{"sh", "-c", "exit $0", fmt.Sprint(b.t.Rand.IntN(2))}, Stdout: "pipe"})
		default:
			j := b.t.anyShape(h).job(b.t, b.s)
			if b.t.Rand.IntN(2) == 0 {
				j.Timeout = 0.02 + 0.1*b.t.Rand.Float64()
			}
			list = append(list, j)
		}
	}
	b.jobs = b.s.ExecuteAll(list)
	for i, path := range paths {
		b.writers[b.jobs[i]] = path
	}
}

// checkFiles holds what was told against what is on the disk: output of a job that is known to have succeeded is whole.
func (b *busy) checkFiles() {
	for id, r := range b.s.Finishes() {
		path := b.writers[id]
		if path == "" || r.State != "done" {
			continue
		}
		text, err := os.ReadFile(path)
		if lines := strings.Count(string(text), "\n"); err != nil || lines != writerLines || !strings.HasSuffix(string(text), lastLine+"\n") {
			b.t.Errorf("job %d is told to be done, but its output has %d of %d lines (%v)", id, lines, writerLines, err)
		}
	}
}

// checkView says, after the server's end, what the client knows of the jobs: finished, or lost with the server.
func (b *busy) checkView(complete bool) {
	finished := b.s.Finishes()
	for _, id := range b.jobs {
		if _, known := finished[id]; complete && !known {
			b.t.Errorf("no end of job %d was told", id)
		}
		delete(finished, id)
	}
	if len(finished) > 0 {
		b.t.Errorf("ends of jobs were told that were never scheduled: %v", finished)
	}
	b.checkFiles()
}

// finishAll ends what runs through the server, which must still be whole.
func (b *busy) finishAll() {
	var r struct{ Terminated int }
	b.s.Result(b.s.Call("terminate", nil), &r)
	for _, id := range b.jobs {
		b.s.Finished(id)
	}
	b.s.Call("shutdown", nil)
	if status := b.s.Exit(); status != 0 {
		b.t.Errorf("the server ended with %d after shutdown", status)
	}
}

// blowTime is within what most of the moments of such a run lie.
const blowTime = 200 * time.Millisecond

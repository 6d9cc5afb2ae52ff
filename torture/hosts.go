package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func init() {
	for _, h := range []Host{
		{Name: "root-as-found"},
		{Name: "root-no-cgroup-flag", Flags: []string{"--no-cgroup"}},
		{Name: "root-read-only", Mounts: ReadOnly},
		{Name: "root-nothing-mounted", Mounts: Nothing},
		{Name: "root-version-1", Mounts: Version1},
		{Name: "root-version-2", Mounts: Version2},
		{Name: "plain-as-found", Plain: true},
		{Name: "plain-nothing-mounted", Plain: true, Mounts: Nothing},
		{Name: "plain-delegated", Plain: true, Delegated: true},
	} {
		register(Case{Name: "hosts/" + h.Name, Section: Hosts, Tries: 12, Short: 2, Promise: "the promises of death, timeouts and output hold " + h.where(),
			Run: func(t *T) { onHost(t, h) }})
	}
}

// where describes the host for the table.
func (h Host) where() string {
	who := "for root"
	if h.Plain {
		who = "for a plain user"
	}
	with := map[Mounts]string{AsFound: "with the cgroups of this machine", ReadOnly: "with cgroups mounted read-only", Nothing: "without a cgroup mount",
		Version1: "with cgroups of version 1 alone", Version2: "with cgroups of version 2 alone"}[h.Mounts]
	if h.Delegated {
		with = "with a cgroup of version 2 delegated to that user"
	}
	if len(h.Flags) > 0 {
		with = "with " + strings.Join(h.Flags, " ")
	}
	return who + " " + with
}

// onHost puts a busy run to one of the deaths, after its jobs were seen to work.
func onHost(t *T, h Host) {
	if !h.Plain && os.Getuid() != 0 {
		t.Skipf("only root can be root")
	}
	way := t.Rand.IntN(deaths)
	setup := Setup{Host: h, Hosted: way == hostDies}
	if h.Delegated {
		setup.Cgroups = []string{t.delegate()}
	}
	if h.Mounts == Version1 && controllerCgroup("memory") == "" {
		t.Skipf("this machine has no cgroups of version 1")
	}
	s := t.Start(setup)
	t.Note("found", s.capabilities(h))
	s.checkWork()
	b := &busy{t: t, s: s, writers: map[int64]string{}}
	b.schedule(h)
	t.Pause(blowTime)
	b.die(way)
	s.Gone()
	b.checkFiles()
}

// The ways in which a run dies.
const (
	serverDies = iota
	hostDies
	guardiansDie
	jobsDie
	deaths
)

// die ends a run in one of these ways.
func (b *busy) die(way int) {
	switch way {
	case serverDies:
		kill.hit(b.s.PID)
		return
	case hostDies:
		kill.hit(b.s.HostPID)
		return
	case guardiansDie:
		for _, pid := range b.s.Guardians() {
			kill.hit(pid)
		}
	case jobsDie:
		for _, p := range b.s.jobProcesses() {
			kill.hit(p.pid)
		}
	}
	b.finishAll()
}

// capabilities asks the server what it found, and holds it against what it can't have found.
func (s *Server) capabilities(h Host) string {
	var r struct{ Capabilities Capabilities }
	s.Result(s.Call("initialize", map[string]any{}), &r)
	c := r.Capabilities
	none := h.Mounts == ReadOnly || h.Mounts == Nothing || len(h.Flags) > 0
	if none && c.Cgroups != "none" || h.Delegated && c.Cgroups != "v2" {
		s.t.Errorf("the server says that it puts jobs into cgroups: %q", c.Cgroups)
	}
	return fmt.Sprintf("cgroups %s, measurement by %s", c.Cgroups, strings.Join(c.Measurement, ", "))
}

// checkWork has jobs end in the usual ways.
func (s *Server) checkWork() {
	s.allDone(s.ExecuteAll(shortJobs(6)))
	late := s.Execute(Job{Name: "late", Args: []string{"sh", "-c", "trap '' TERM; (setsid sleep 1000 &) ; while :; do sleep 1000; done"}, Timeout: 0.1})
	if r := s.Finished(late); r.Reason != "timeout" {
		s.t.Errorf("a stubborn job ended as %+v", r)
	}
	leaky := s.Execute(Job{Name: "leaky", Args: []string{"sh", "-c", "(setsid sleep 1000 &) ; exit 3"}})
	if r := s.Finished(leaky); r.Reason != "exited" || r.Code == nil || *r.Code != 3 || r.Leaked == 0 {
		s.t.Errorf("a job that left a process ended as %+v", r)
	}
	eater := Job{Name: "eater", Args: s.t.Actor("eat"), MemLim: "64MiB", MemKind: 2}
	if r := s.Finished(s.Execute(eater)); r.Reason != "memlimit" {
		s.t.Errorf("a job over its memory limit ended as %+v", r)
	}
	s.OnlyServer()
}

// delegate makes a cgroup of version 2 that belongs to the plain user, as a service manager does.
func (t *T) delegate() (dir string) {
	if os.Getuid() != 0 {
		t.Skipf("only root can delegate a cgroup")
	}
	for _, root := range []string{filepath.Join(cgroupRoot, "unified"), cgroupRoot} {
		if _, err := os.Stat(filepath.Join(root, "cgroup.procs")); err == nil {
			dir = filepath.Join(root, fmt.Sprintf("torture-%d-%d", os.Getpid(), t.env.servers))
			break
		}
	}
	if dir == "" || os.Mkdir(dir, 0o755) != nil {
		t.Skipf("no cgroup of version 2 can be made on this machine")
	}
	t.Cleanup(func() { t.Eventually("the delegated cgroup is empty", func() bool { return os.Remove(dir) == nil }) })
	user := plainUser()
	err := os.Chown(dir, user, user)
	for _, file := range []string{"cgroup.procs", "cgroup.threads", "cgroup.subtree_control"} {
		err = errors.Join(err, os.Chown(filepath.Join(dir, file), user, user))
	}
	t.Check("delegate the cgroup", err)
	return dir
}

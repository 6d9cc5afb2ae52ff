package main

import (
	"syscall"
	"time"
)

func init() {
	for _, d := range []struct {
		name string
		blow
	}{{"kill", kill}, {"stop-kill", stopKill}} {
		register(Case{Name: "death/guardian-" + d.name, Section: Death, Tries: 40, Short: 3,
			Promise: "a guardian that ended by " + d.blow.name + " takes its own job with it, whole, and no other; the server goes on",
			Run:     func(t *T) { hitGuardian(t, d.blow, true) }})
	}
	register(Case{Name: "death/guardian-term", Section: Death, Tries: 20, Short: 3,
		Promise: "a guardian does not mind SIGTERM, SIGINT, SIGHUP and SIGQUIT",
		Run: func(t *T) {
			hitGuardian(t, blow{"signals", []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT}}, false)
		}})
	register(Case{Name: "death/all-guardians", Section: Death, Tries: 40, Short: 4,
		Promise: "if all guardians are killed at once, each job that ran ends, and is told; the server goes on", Run: killGuardians})
	register(Case{Name: "death/guardian-stopped", Section: Death, Tries: 10, Short: 1,
		Promise: "a job whose guardian was stopped ends when it is cancelled", Run: cancelStopped})
	register(Case{Name: "death/guardian-stopped-server-kill", Section: Death, Tries: 10, Short: 1,
		Promise: "nothing is left of a server that was killed while a guardian was stopped", Run: killBesideStopped})
	for _, blow := range []blow{kill, term, stopKill} {
		name := map[string]string{kill.name: "kill", term.name: "term", stopKill.name: "stop-kill"}[blow.name]
		register(Case{Name: "death/job-" + name, Section: Death, Tries: 40, Short: 3,
			Promise: "processes of jobs that end by " + blow.name + " at random disturb nothing: each job ends once, whole, with its cause",
			Run:     func(t *T) { hitJobs(t, blow) }})
	}
}

// pair starts two jobs, each of a shape that lives on, one of them doomed.
func pair(t *T, h Host) (s *Server, doomed, spared Record) {
	s = t.Start(Setup{Host: h, Flags: []string{"--workers=2"}})
	sh := t.anyShape(h)
	for sh.name == "leaves at once" {
		sh = t.anyShape(h)
	}
	first := s.Execute(sh.job(t, s))
	second := s.Execute(Job{Name: "spared", Args: []string{"sleep", "1000"}})
	return s, s.Running(first), s.Running(second)
}

// hitGuardian deals a blow to the guardian of one of two jobs, and checks that the other job and the server are as before.
func hitGuardian(t *T, b blow, deadly bool) {
	s, doomed, spared := pair(t, t.hostOf())
	t.Pause(blowTime)
	guardian := s.GuardianOf(doomed)
	b.hit(guardian)
	if deadly {
		expectLost(t, s.Finished(doomed.Job))
		t.Eventually("the guardian is gone", func() bool { return stateOf(procDir(guardian)) == 0 })
	}
	if r := s.Record(spared.Job); r.State != "running" {
		t.Errorf("the other job is %s", r.State)
	}
	if r := s.Finished(s.Execute(Job{Name: "next", Args: nil, Wait: true})); r.State != "done" {
		t.Errorf("the next job is %+v", r)
	}
	if !deadly {
		s.Call("cancel", map[string]any{"job": doomed.Job})
		if r := s.Finished(doomed.Job); r.Reason != "cancelled" {
			t.Errorf("the job whose guardian had signals ended as %s", r.Reason)
		}
	}
	s.Call("cancel", map[string]any{"job": spared.Job})
	s.Finished(spared.Job)
	s.OnlyServer()
}

// expectLost checks how the end of a job is told whose guardian was killed.
func expectLost(t *T, r Record) {
	if r.Reason != "signaled" || r.Code == nil || *r.Code != -9 || len(r.Warnings) == 0 {
		t.Errorf("the job of a killed guardian is told as %+v", r)
	}
}

// killGuardians kills all of them while jobs start, run into timeouts and are ended.
func killGuardians(t *T) {
	b := startBusy(t, Setup{Host: t.hostOf()})
	t.Pause(blowTime)
	b.die(guardiansDie)
	b.checkView(true)
	b.s.Gone()
}

func cancelStopped(t *T) {
	s, doomed, _ := pair(t, t.hostOf())
	halt.hit(s.GuardianOf(doomed))
	begin := time.Now()
	s.Call("cancel", map[string]any{"job": doomed.Job})
	s.Finished(doomed.Job)
	t.Measure("ended", time.Since(begin))
}

func killBesideStopped(t *T) {
	s, doomed, _ := pair(t, t.hostOf())
	halt.hit(s.GuardianOf(doomed))
	s.Signal(syscall.SIGKILL)
	s.Gone()
}

// hitJobs hits processes of jobs, whichever are found, at random moments.
func hitJobs(t *T, b blow) {
	run := startBusy(t, Setup{Host: t.hostOf()})
	for range 5 {
		t.Pause(blowTime / 4)
		victims := run.s.jobProcesses()
		if len(victims) > 0 {
			b.hit(victims[t.Rand.IntN(len(victims))].pid)
		}
	}
	run.finishAll()
	run.checkView(true)
	run.s.Gone()
}

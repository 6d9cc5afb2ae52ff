package main

import "syscall"

func init() {
	for _, d := range serverDeaths {
		register(Case{Name: "death/server-" + d.name, Section: Death, Tries: 40, Short: 3, Run: func(t *T) { killServer(t, d) },
			Promise: "nothing of a job is left when its server ended by " + d.blow.name + ": no process, cgroup or temporary file; what the server told is true"})
	}
	register(Case{Name: "death/server-idle", Section: Death, Tries: 20, Short: 3,
		Promise: "a server that is killed before its first job leaves nothing", Run: killIdle})
	register(Case{Name: "death/server-and-guardian", Section: Death, Tries: 30, Short: 3,
		Promise: "where there is a cgroup of version 2, this holds too if one of several guardians is killed together with the server", Run: killBoth})
	for _, d := range []struct {
		name string
		blow
	}{{"kill", kill}, {"stop-kill", stopKill}} {
		register(Case{Name: "death/host-" + d.name, Section: Death, Tries: 40, Short: 3, Run: func(t *T) { killHost(t, d.blow) },
			Promise: "nothing is left when the host ended by " + d.blow.name + ", though another process holds the server's input open"})
	}
}

// serverDeath is a way for a server to end.
type serverDeath struct {
	name string
	blow
	status   int
	complete bool // the server tells all ends before its own
}

var serverDeaths = []serverDeath{
	{"kill", kill, -9, false},
	{"stop-kill", stopKill, -9, false},
	{"term", term, 128 + 15, true},
	{"abort", blow{"SIGABRT", []syscall.Signal{syscall.SIGABRT}}, 2, false},
}

func killServer(t *T, d serverDeath) {
	b := startBusy(t, Setup{Host: t.hostOf()})
	t.Pause(blowTime)
	d.hit(b.s.PID)
	if status := b.s.Exit(); status != d.status {
		t.Errorf("the server's status is %d, not %d: %s", status, d.status, b.s.Stderr())
	}
	b.s.Gone()
	b.checkView(d.complete)
}

func killHost(t *T, blow blow) {
	b := startBusy(t, Setup{Host: t.hostOf(), Hosted: true})
	t.Pause(blowTime)
	blow.hit(b.s.HostPID)
	b.s.Gone()
	b.checkView(true)
}

func killIdle(t *T) {
	s := t.Start(Setup{Host: t.hostOf()})
	s.Reply(s.Call("initialize", map[string]any{}))
	s.Signal(syscall.SIGKILL)
	s.Gone()
}

func killBoth(t *T) {
	s := t.Start(Setup{Flags: []string{"--workers=3"}})
	if !s.HasCgroup() {
		t.Skipf("the server has no cgroup here")
	}
	var jobs []int64
	for len(jobs) < 3 {
		if sh := t.anyShape(Host{}); !sh.leaves {
			jobs = append(jobs, s.Execute(sh.job(t, s)))
		}
	}
	for _, id := range jobs {
		s.Running(id)
	}
	t.Pause(blowTime)
	guardians := s.Guardians()
	if len(guardians) < 2 {
		t.Fatalf("there are %d guardians for 3 jobs", len(guardians))
	}
	kill.hit(guardians[t.Rand.IntN(len(guardians))])
	kill.hit(s.PID)
	s.Gone()
}

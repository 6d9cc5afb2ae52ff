package main

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"time"
)

func init() {
	register(Case{Name: "endurance/jobs", Section: Endurance, Tries: 1, Short: 1, Run: func(t *T) { endure(t, Job{Name: "true", Args: []string{"true"}}, t.Scale(200_000, 5_000)) },
		Promise: "200,000 commands in one server leave its descriptors, threads, zombies, guardians and memory where they were"})
	register(Case{Name: "endurance/stubs", Section: Endurance, Tries: 1, Short: 1, Run: func(t *T) { endure(t, Job{Name: "stub"}, t.Scale(1_000_000, 100_000)) },
		Promise: "a million stubs do, too"})
	register(Case{Name: "endurance/rounds", Section: Endurance, Tries: 1, Short: 1, Run: reuse,
		Promise: "a pool that is terminated or joined, and cleared, a hundred times works like a new one"})
	register(Case{Name: "endurance/ten-servers", Section: Endurance, Tries: 3, Short: 1, Run: tenServers,
		Promise: "ten servers at once don't disturb each other, and the sudden death of half of them does not disturb the rest"})
}

// tally counts the ends of jobs.
type tally struct{ done, failed atomic.Int64 }

func (n *tally) count(m Message) {
	switch {
	case m.Method != "onfinish" || m.Params.Kind != "job":
	case m.Params.State == "done":
		n.done.Add(1)
	default:
		n.failed.Add(1)
	}
}

func (n *tally) ended() int { return int(n.done.Load() + n.failed.Load()) }

// endure runs many jobs, and compares what is in use after a fifth of them, when what the server keeps of the past is full, with what is at the end.
func endure(t *T, job Job, jobs int) {
	const perList = 500
	var n tally
	s := t.Start(Setup{Flags: []string{"--workers=2", "--history=500"}, Each: n.count})
	var before usage
	for sent := 0; sent < jobs; sent += perList {
		if sent == jobs/5 {
			t.Eventually("the first fifth has ended", func() bool { return n.ended() == sent })
			before = s.usage()
		}
		s.Send(request("1", "execute", list(perList, job)))
		t.Eventually("jobs end", func() bool { return n.ended() >= sent-perList })
	}
	t.Eventually("all jobs have ended", func() bool { return n.ended() == jobs })
	if failed := n.failed.Load(); failed > 0 {
		t.Errorf("%d of %d jobs failed", failed, jobs)
	}
	s.expectFlat(before)
}

// reuse fills, ends and clears a pool again and again.
func reuse(t *T) {
	s := t.Start(Setup{Flags: []string{"--workers=3", "--grace=0.05"}})
	rounds := t.Scale(100, 20)
	var before usage
	for round := range rounds {
		if round == rounds/5 {
			before = s.usage()
		}
		reuseOnce(t, s, round%2 == 0)
	}
	s.expectFlat(before)
}

// reuseOnce is a round: a task in a task, jobs that succeed, fail, time out and would run for ever; then a join or terminate, and clear.
func reuseOnce(t *T, s *Server, join bool) {
	var outer, inner struct{ Task int64 }
	s.Result(s.Call("task", map[string]any{"name": "outer"}), &outer)
	s.Result(s.Call("task", map[string]any{"name": "inner", "task": outer.Task}), &inner)
	jobs := []Job{
		{Name: "a", Args: []string{"true"}, Task: inner.Task}, {Name: "b", Args: []string{"false"}, Task: outer.Task}, {Name: "stub"},
		{Name: "c", Args: []string{"sleep", "1000"}, Timeout: 0.02, Task: inner.Task}, {Name: "d", Args: []string{"/no/such/command"}},
	}
	if !join {
		jobs = append(jobs, Job{Name: "e", Args: []string{"sh", "-c", "sleep 1000 & sleep 1000"}}, Job{Name: "f", Args: []string{"sleep", "1000"}})
	}
	ids := s.ExecuteAll(jobs)
	if !join {
		t.Pause(50 * time.Millisecond)
		s.Reply(s.Call("terminate", nil))
	}
	var r struct {
		Completed    bool
		Done, Failed int
	}
	s.Result(s.Call("join", nil), &r)
	if r.Done+r.Failed != len(ids) || r.Completed != join || join && r.Done != 2 {
		t.Fatalf("of %d jobs, %+v", len(ids), r)
	}
	s.OnlyServer()
	s.clearPool()
}

// clearPool clears, and wants the status of a new pool.
func (s *Server) clearPool() {
	s.Result(s.Call("clear", nil), &struct{}{})
	var status struct {
		Alive                                           bool
		Queued, Starting, Running, Ending, Done, Failed int
	}
	s.Result(s.Call("status", nil), &status)
	if fmt.Sprint(status) != "{true 0 0 0 0 0 0}" {
		s.t.Fatalf("after clear, the status is %+v", status)
	}
}

// tenServers runs jobs in ten servers, and kills every second server in the middle.
func tenServers(t *T) {
	const servers = 10
	perServer := t.Scale(200, 40)
	tallies := make([]tally, servers)
	all := make([]*Server, servers)
	for i := range all {
		all[i] = t.Start(Setup{Flags: []string{"--workers=2"}, Each: tallies[i].count})
		all[i].Send(request("1", "execute", list(perServer, Job{Name: "tree", Args: []string{"sh", "-c", "sleep 0.01 & wait"}})))
	}
	for i := 0; i < servers; i += 2 {
		t.Eventually("jobs run", func() bool { return tallies[i].ended() > 2 })
		all[i].Signal(syscall.SIGKILL)
	}
	for i := 0; i < servers; i += 2 {
		all[i].Gone()
	}
	for i := 1; i < servers; i += 2 {
		t.Eventually("the other servers finish", func() bool { return tallies[i].ended() == perServer })
		if failed := tallies[i].failed.Load(); failed > 0 {
			t.Errorf("%d jobs of a server failed", failed)
		}
		all[i].OnlyServer()
	}
}

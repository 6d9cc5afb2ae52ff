package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"time"
)

func init() {
	register(Case{Name: "client/half-closes", Section: OtherEnd, Tries: 20, Short: 3, Run: halfClose,
		Promise: "after the end of input everything that was scheduled runs and is told, or, with --on-eof=terminate, is ended and told; what waits for a confirmation is rejected"})
	register(Case{Name: "client/long-lines", Section: OtherEnd, Tries: 1, Short: 1, Run: longLines,
		Promise: "lines of 10 MB are taken, one beyond 64 MiB is refused, and the connection survives"})
	register(Case{Name: "client/floods", Section: OtherEnd, Tries: 1, Short: 1, Run: flood,
		Promise: "100,000 requests that wait for no answer are each answered once"})
	register(Case{Name: "client/reuses-ids", Section: OtherEnd, Tries: 3, Short: 1, Run: reuseIDs,
		Promise: "calls with an id that is in use are answered like any others"})
}

func halfClose(t *T) {
	finish := t.Rand.IntN(2) == 0
	s := t.Start(Setup{Flags: []string{map[bool]string{true: "--on-eof=finish", false: "--on-eof=terminate"}[finish], "--workers=2"}})
	const runs, asks = 12, 3
	ask := Job{Name: "ask", Args: []string{"true"}, Confirm: true}
	s.Call("execute", ask)
	for range runs {
		s.Call("execute", Job{Name: "run", Args: []string{"sh", "-c", "sleep 0.05; exit 0"}})
	}
	for range asks - 1 {
		s.Call("execute", ask)
	}
	t.Pause(100 * time.Millisecond)
	s.CloseInput()
	status, ends := s.Exit(), map[string]int{}
	for _, r := range s.Finishes() {
		ends[r.Reason]++
	}
	switch {
	case finish && (status != 1 || ends["exited"] != runs || ends["rejected"] != asks):
		t.Errorf("exit status %d; %d jobs to run and %d to be rejected ended as %v", status, runs, asks, ends)
	case !finish && (status != 0 || len(s.Finishes()) != runs+asks):
		t.Errorf("exit status %d; of %d jobs ended: %v", status, runs+asks, ends)
	}
}

func longLines(t *T) {
	const tenMB = 10_000_000
	s := t.Start(Setup{Flags: []string{"--workers=2"}})
	long := strings.Repeat("ü", tenMB/2)
	r := s.Finished(s.Execute(Job{Name: long[:t.Scale(tenMB, 1000)], Params: []string{long}}))
	if r.State != "done" {
		t.Errorf("the job with params of 10 MB ended as %s", r.Reason)
	}
	if r := s.Finished(s.Execute(Job{Name: "a", Args: []string{"true", long}})); r.Reason != "start_failed" || len(r.Warnings) == 0 {
		t.Errorf("the job with an argument of 10 MB, more than Linux takes, ended as %s %v", r.Reason, r.Warnings)
	}
	if r := s.Finished(s.Execute(Job{Name: "a", Args: []string{"true"}, Env: map[string]string{"LONG": long}})); r.Reason != "start_failed" {
		t.Errorf("the job with a variable of 10 MB ended as %s", r.Reason)
	}
	many := s.ExecuteAll(list(t.Scale(100_000, 20_000), Job{Name: "many"}).(map[string]any)["jobs"].([]Job))
	s.Finished(many[len(many)-1])

	for _, bad := range []struct {
		line string
		code int
	}{
		{long, -32700}, {`{"jsonrpc":"2.0","id":1,"method":"status","params":{"` + long + `":1}}`, -32602},
		{strings.Repeat(" ", 64<<20) + "{}", -32600}, {"[" + strings.Repeat("7,", tenMB) + "7]", -32600},
	} {
		s.expectRefusal(bad.line, bad.code)
	}
	t.Note("memory afterwards", mebibytes(residentOf(s.PID)))
}

// expectRefusal sends a line and wants it refused with that code, and the next one answered.
func (s *Server) expectRefusal(line string, code int) {
	s.await(func() bool {
		delete(s.replies, "null")
		delete(s.replies, "1")
		return true
	})
	s.Send(line)
	var m Message
	s.await(func() bool {
		for _, id := range []string{"null", "1"} {
			if reply, ok := s.replies[id]; ok {
				m = reply
			}
		}
		return m.Line != ""
	})
	if m.Error == nil || m.Error.Code != code {
		s.t.Errorf("a line of %d bytes, %.40s…, is answered by %.200q, want error %d", len(line), line, m.Line, code)
	}
	s.Reply(s.Call("status", nil))
}

// floods are the requests of a flood, each with what its answer is.
var floods = []struct {
	answer string
	line   func(id string) string
}{
	{"result", func(id string) string { return request(id, "status", struct{}{}) }},
	{"error", func(id string) string { return request(id, "explain", map[string]int{"job": 1 << 40}) }},
	{"result", func(id string) string { return request(id, "execute", Job{Name: "stub"}) }},
	{"error", func(id string) string { return request(id, "none", struct{}{}) }},
	{"batch", func(id string) string { return "[" + request(id, "status", struct{}{}) + "]" }},
}

func flood(t *T) {
	s := t.Start(Setup{Flags: []string{"--workers=2"}})
	lines, want := make([]string, t.Scale(100_000, 20_000)), map[string]int{}
	for i := range lines {
		f := floods[t.Rand.IntN(len(floods))]
		lines[i] = f.line(fmt.Sprintf(`"f%d"`, i))
		want[f.answer]++
	}
	s.feed(append(lines, request(`"last"`, "join", struct{}{})))
	want["result"]++
	if !s.await(func() bool { return s.replies[`"last"`].Line != "" }) {
		t.Fatalf("the last call is not answered; %s", s.state())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	got := map[string]int{}
	for _, m := range s.replies {
		got[map[bool]string{true: "error", false: "result"}[m.Error != nil]]++
	}
	for _, m := range s.others {
		got["batch"] += map[bool]int{true: 1}[m.Method == ""]
	}
	if !maps.Equal(got, want) {
		t.Errorf("the answers are %v, want %v", got, want)
	}
}

// answers counts the responses to the id 7, and others.
type answers struct {
	results, errors, others atomic.Int64
	last                    atomic.Bool
}

func (a *answers) count(m Message) {
	replies := []Message{m}
	if strings.HasPrefix(m.Line, "[") {
		_ = json.Unmarshal([]byte(m.Line), &replies)
	}
	for _, m := range replies {
		switch {
		case m.Method != "":
		case string(m.ID) == `"last"`:
			a.last.Store(true)
		case string(m.ID) != "7":
			a.others.Add(1)
		case m.Error != nil:
			a.errors.Add(1)
		default:
			a.results.Add(1)
		}
	}
}

func reuseIDs(t *T) {
	var got answers
	s := t.Start(Setup{Flags: []string{"--workers=2"}, Each: got.count})
	const rounds, results, errors = 500, 5, 2
	var lines []string
	for range rounds {
		lines = append(lines, request("7", "status", struct{}{}), request("7", "execute", Job{Name: "stub"}),
			request("7", "execute", Job{Name: "wait", Wait: true}), request("7", "explain", map[string]int{"job": 1 << 40}),
			"["+request("7", "status", struct{}{})+","+request("7", "none", struct{}{})+"]", request("7", "join", struct{}{}))
	}
	s.feed(append(lines, request(`"last"`, "join", struct{}{})))
	t.Eventually("the last join is answered", got.last.Load)
	if got.results.Load() != results*rounds || got.errors.Load() != errors*rounds || got.others.Load() != 0 {
		t.Errorf("%d results, %d errors and %d other responses came to %d rounds of %d and %d",
			got.results.Load(), got.errors.Load(), got.others.Load(), rounds, results, errors)
	}
}

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
)

// inbox is what has come from the server. The goroutine that reads fills it; the try waits for it.
type inbox struct {
	mu       sync.Mutex
	changed  *sync.Cond
	each     func(Message)
	others   []Message // neither replies nor ends of jobs, in order
	replies  map[string]Message
	finished map[int64]Record
	closed   bool // the output has ended
	ledger   ledger
}

func (b *inbox) init(each func(Message)) {
	b.changed, b.each = sync.NewCond(&b.mu), each
	b.replies, b.finished = map[string]Message{}, map[int64]Record{}
	b.ledger.init()
}

// read takes lines until the output ends. A last line without its end is none: the server died while it wrote it.
func (b *inbox) read(r *bufio.Reader) {
	defer b.close()
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			_, _ = io.Copy(io.Discard, r)
			return
		}
		m, err := decode(strings.TrimSuffix(line, "\n"))
		if err == nil && b.each != nil {
			b.each(m)
			continue
		}
		b.take(m, err)
	}
}

func (b *inbox) take(m Message, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.changed.Broadcast()
	if err != nil {
		b.ledger.problem("unreadable line %.200q: %v", m.Line, err)
		return
	}
	b.ledger.enter(m)
	switch {
	case m.Method == "" && m.ID != nil:
		b.replies[string(m.ID)] = m
	case m.Method == "onfinish" && m.Params.Kind == "job":
		b.finished[m.Params.Job] = m.Params.Record
	default:
		b.others = append(b.others, m)
	}
}

func (b *inbox) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.changed.Broadcast()
}

// await waits until holds does, which is called with the inbox locked, or the output has ended, or patience is over; nil never holds.
func (b *inbox) await(holds func() bool) bool {
	late := false
	timer := time.AfterFunc(patience, func() {
		b.mu.Lock()
		late = true
		b.mu.Unlock()
		b.changed.Broadcast()
	})
	defer timer.Stop()
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		if holds != nil && holds() {
			return true
		}
		if b.closed || late {
			return false
		}
		b.changed.Wait()
	}
}

// Send writes a line. A server that has died takes it too: the end is seen elsewhere.
func (s *Server) Send(line string) { _, _ = io.WriteString(s.Input, line+"\n") }

// Call sends a request and gives its id. Params are any JSON value; nil for none.
func (s *Server) Call(method string, params any) int {
	s.last++
	request := map[string]any{"jsonrpc": "2.0", "id": s.last, "method": method}
	if params != nil {
		request["params"] = params
	}
	line, err := json.Marshal(request)
	s.t.Check("encode a request", err)
	s.Send(string(line))
	return s.last
}

// Reply waits for the response to a call.
func (s *Server) Reply(id int) (m Message) {
	key := strconv.Itoa(id)
	if !s.await(func() (ok bool) { m, ok = s.replies[key]; return ok }) {
		s.t.Fatalf("no response to call %d came; %s", id, s.state())
	}
	return m
}

// Result waits for a response that is no error, and decodes its result into v.
func (s *Server) Result(id int, v any) {
	m := s.Reply(id)
	if m.Error != nil {
		s.t.Fatalf("call %d failed: %s", id, m.Line)
	}
	s.t.Check("decode a result", json.Unmarshal(m.Result, v))
}

// Failure waits for a response that is an error, and gives it.
func (s *Server) Failure(id int) Failure {
	m := s.Reply(id)
	if m.Error == nil {
		s.t.Fatalf("call %d did not fail: %s", id, m.Line)
	}
	return *m.Error
}

// Execute schedules a job and gives its id.
func (s *Server) Execute(job Job) int64 {
	var r struct{ Job int64 }
	s.Result(s.Call("execute", job), &r)
	return r.Job
}

// ExecuteAll schedules a list of jobs and gives their ids.
func (s *Server) ExecuteAll(jobs []Job) []int64 {
	var r struct{ Jobs []int64 }
	s.Result(s.Call("execute", map[string]any{"jobs": jobs}), &r)
	return r.Jobs
}

// Finished waits for the end of a job.
func (s *Server) Finished(job int64) (r Record) {
	if !s.await(func() (ok bool) { r, ok = s.finished[job]; return ok }) {
		s.t.Fatalf("no onfinish of job %d came; %s", job, s.state())
	}
	return r
}

// Await waits for a message for which want holds, among those that are neither responses nor ends of jobs, and takes it out.
func (s *Server) Await(what string, want func(Message) bool) (m Message) {
	seen := 0
	found := s.await(func() bool {
		for ; seen < len(s.others); seen++ {
			if m = s.others[seen]; want(m) {
				s.others = append(s.others[:seen:seen], s.others[seen+1:]...)
				return true
			}
		}
		return false
	})
	if !found {
		s.t.Fatalf("no %s came; %s", what, s.state())
	}
	return m
}

// Record asks for the record of a job.
func (s *Server) Record(job int64) Record {
	var r struct{ Jobs []Record }
	s.Result(s.Call("jobs", map[string]any{"after": job - 1, "limit": 1}), &r)
	if len(r.Jobs) == 0 || r.Jobs[0].Job != job {
		s.t.Fatalf("the server has no record of job %d", job)
	}
	return r.Jobs[0]
}

// Running waits until a job has a process, and gives its record.
func (s *Server) Running(job int64) (r Record) {
	s.t.Eventually(fmt.Sprintf("job %d runs", job), func() bool {
		r = s.Record(job)
		return r.State == "running" && r.PID > 0 || r.State == "done" || r.State == "failed"
	})
	return r
}

// Finishes gives the records of the jobs that have ended so far.
func (s *Server) Finishes() map[int64]Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := make(map[int64]Record, len(s.finished))
	for id, r := range s.finished {
		found[id] = r
	}
	return found
}

// state says for a failure what the server does.
func (s *Server) state() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := ""
	if n := len(s.others); n > 0 {
		last = s.others[n-1].Line
	}
	return fmt.Sprintf("its output has ended: %v, its process is %q, its standard error %.400q, the last other message %.300q",
		s.closed, stateOf(procDir(s.PID)), s.Stderr(), last)
}

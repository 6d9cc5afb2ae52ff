package main

import (
	"fmt"
	"strings"
	"time"
)

func init() {
	register(Case{Name: "client/confirms-badly", Section: OtherEnd, Tries: 10, Short: 2, Run: confirmBadly,
		Promise: "answers to confirmations that come late, twice, with garbage, with unknown ids or never harm no job but their own"})
}

// asking is a job that asks; it exits with 0.
var asking = Job{Name: "asking", Args: []string{"true"}, Confirm: true, Timeout: 100}

// answer is a response to a request for confirmation; outcome is its result or error.
func answer(id, outcome string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,%s}`, id, outcome)
}

// asked waits until a job asks, and gives the request's id as JSON.
func (s *Server) asked(job int64) string {
	m := s.Await(fmt.Sprintf("request of job %d", job), func(m Message) bool { return m.Method == "onstart" && m.Params.Job == job })
	return string(m.ID)
}

const (
	yes = `"result":null`
	no  = `"error":{"code":1,"message":"no"}`
)

func confirmBadly(t *T) {
	s := t.Start(Setup{Flags: []string{"--workers=3"}})
	for _, one := range []func(*Server){answerLate, answerTwice, answerWithGarbage, answerUnknown, answerAfterTheEnd, answerNever, answerNeverInTime} {
		one(s)
		s.OnlyServer()
	}
}

// expectEnd waits for the end of a job and wants that reason.
func (s *Server) expectEnd(job int64, reason, what string) {
	if r := s.Finished(job); r.Reason != reason {
		s.t.Errorf("%s: job %d ended as %s, not %s", what, job, r.Reason, reason)
	}
}

// answerLate answers after other jobs and, in one of the tries, after the job's timeout would have passed, had it counted.
func answerLate(s *Server) {
	late, wait := asking, 100*time.Millisecond
	if s.t.Try == 0 {
		late.Timeout, wait = 3, 3500*time.Millisecond
	}
	first, second := s.Execute(late), s.Execute(asking)
	ids := [2]string{s.asked(first), s.asked(second)}
	s.Finished(s.Execute(Job{Name: "other", Args: []string{"true"}}))
	time.Sleep(wait)
	s.Send("[" + answer(ids[1], yes) + "," + answer(ids[0], yes) + "]") // in a batch, the other way round
	s.expectEnd(first, "exited", "a late answer")
	s.expectEnd(second, "exited", "a late answer")
}

func answerTwice(s *Server) {
	for _, answers := range [][2]string{{yes, no}, {no, yes}, {yes, yes}, {no, no}} {
		job := s.Execute(asking)
		id := s.asked(job)
		s.Send(answer(id, answers[0]) + "\n" + answer(id, answers[1]))
		s.expectEnd(job, map[string]string{yes: "exited", no: "rejected"}[answers[0]], "a second answer")
	}
}

// answerWithGarbage sends what is a no, what is a yes, and what is no answer at all.
func answerWithGarbage(s *Server) {
	for outcome, reason := range map[string]string{
		`"error":"no"`: "rejected", `"error":{}`: "rejected", `"error":7`: "rejected", `"error":[[],{"code":"x"}]`: "rejected",
		`"error":{"code":1e400,"message":{}}`: "rejected", yes + `,` + no: "rejected", `"error":{"message":"` + strings.Repeat("x", 1<<20) + `"}`: "rejected",
		`"result":{"deep":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`: "exited", yes + `,"error":null`: "exited", `"result":false`: "exited",
	} {
		job := s.Execute(asking)
		id := s.asked(job)
		for _, none := range []string{`{"jsonrpc":"2.0","id":` + id + `}`, `{"jsonrpc":"1.0","id":` + id + `,` + no + `}`, `{"id":` + id + `,` + no + `}`, answer(id, `"result"`),
			answer(strings.ToUpper(id), no), answer("["+id+"]", no), answer(id+`,"id":`+id, no)} {
			s.Send(none)
		}
		s.Send(answer(id, outcome))
		s.expectEnd(job, reason, fmt.Sprintf("%.60s", outcome))
	}
}

func answerUnknown(s *Server) {
	job := s.Execute(asking)
	id := s.asked(job)
	for _, unknown := range []string{
		`"confirm-999999-1"`, fmt.Sprintf(`"confirm-%d-2"`, job), fmt.Sprintf(`"confirm-%d-0"`, job), fmt.Sprintf(`"confirm-%d"`, job), fmt.Sprintf(`"confirm-%d-1-1"`, job),
		`"confirm--1--1"`, `"confirm-99999999999999999999-1"`, `""`, `"x"`, `1`, `null`, `-1`, `"` + strings.Repeat("9", 1<<20) + `"`,
	} {
		s.Send(answer(unknown, no))
	}
	if r := s.Record(job); r.State != "starting" {
		s.t.Errorf("answers with unknown ids made job %d %s (%s)", job, r.State, r.Reason)
	}
	s.Send(answer(id, yes))
	s.expectEnd(job, "exited", "answers with unknown ids")
}

// answerAfterTheEnd answers for a job that has ended otherwise in between.
func answerAfterTheEnd(s *Server) {
	job := s.Execute(asking)
	id := s.asked(job)
	s.Reply(s.Call("cancel", map[string]int64{"job": job}))
	s.Send(answer(id, yes))
	s.expectEnd(job, "cancelled", "an answer after the end")
}

// answerNever ends jobs that wait for their answer by cancel and terminate.
func answerNever(s *Server) {
	cancelled := s.Execute(asking)
	s.asked(cancelled)
	s.Reply(s.Call("cancel", map[string]int64{"job": cancelled}))
	s.expectEnd(cancelled, "cancelled", "cancel")

	waiting := []int64{s.Execute(asking), s.Execute(asking), s.Execute(asking), s.Execute(asking)}
	s.asked(waiting[2])
	s.Reply(s.Call("terminate", nil))
	for _, job := range waiting {
		s.expectEnd(job, "terminated", "terminate")
	}
	s.Result(s.Call("clear", nil), &struct{}{})
}

// answerNeverInTime has them ended by the timeouts of a task and of a join.
func answerNeverInTime(s *Server) {
	var task struct{ Task int64 }
	s.Result(s.Call("task", map[string]any{"name": "t", "timeout": 0.05}), &task)
	inTask := asking
	inTask.Task = task.Task
	s.expectEnd(s.Execute(inTask), "task_timeout", "the task's timeout")

	job := s.Execute(asking)
	var joined struct{ Completed bool }
	s.Result(s.Call("join", map[string]float64{"timeout": 0.05}), &joined)
	s.expectEnd(job, "pool_timeout", "the join's timeout")
	if joined.Completed {
		s.t.Errorf("a join whose timeout ended everything says that it is complete")
	}
	s.Result(s.Call("clear", nil), &struct{}{})
}

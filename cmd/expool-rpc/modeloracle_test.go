package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"pgregory.net/rapid"
)

// oracle holds each line of a server against the model.
type oracle struct {
	*model
	t         *rapid.T
	h         *host
	calls     map[string]*call
	pending   []order           // sent, and not yet known to be carried out, in order
	immediate map[string]string // replies that may come at any time, by id
	notices   []string          // the params of all notifications so far
	seq       int64
	said      []string // the conversation, for a failure
}

// order is something sent: a call, or an answer to a request to confirm.
type order struct {
	call    *call
	job     int64
	attempt int
	yes     bool
}

func (o *oracle) fail(format string, args ...any) {
	o.t.Helper()
	said := o.said[max(0, len(o.said)-60):]
	o.t.Fatalf("%s\nexpected: %q\nthe conversation so far:\n%s", fmt.Sprintf(format, args...), o.expected, strings.Join(said, "\n"))
}

func (o *oracle) write(line string) {
	o.said = append(o.said, fmt.Sprintf("--> %.300s", line))
	if _, err := io.WriteString(o.h.stdin, line+"\n"); err != nil {
		o.fail("sending %.200s: %v", line, err)
	}
}

// send sends a call that is answered when it is carried out.
func (o *oracle) send(c *call) {
	o.calls[c.id] = c
	o.pending = append(o.pending, order{call: c})
	o.write(c.line())
}

// sendNow sends a call that is answered before it is told to the pool, with the given words.
func (o *oracle) sendNow(c *call, answer string) {
	o.calls[c.id] = c
	o.immediate[c.id] = fmt.Sprintf("reply %s %s", c.id, answer)
	o.write(c.line())
}

// sendQuiet sends a call that the server does not answer at once. Since it can't be seen when it is carried out, nothing else may be going on until
// the answer to another call shows that it was.
func (o *oracle) sendQuiet(c *call) {
	o.sendUnseen(c)
	o.send(newCall("status", "{}", 0))
	for len(o.pending) > 0 && o.take() {
	}
}

// sendUnseen is sendQuiet for a call after which the server may be gone.
func (o *oracle) sendUnseen(c *call) {
	o.settleDown()
	o.calls[c.id] = c
	o.write(c.line())
	if err := o.apply(c, uncounted); err != nil {
		o.fail("%s: %v", c.line(), err)
	}
}

// sendBatch sends calls as one line.
func (o *oracle) sendBatch(calls []*call) {
	o.settleDown()
	var lines, replies, rest []string
	for _, c := range calls {
		o.calls[c.id] = c
		lines = append(lines, c.line())
		if err := o.apply(c, 0); err != nil {
			o.fail("%s: %v", c.line(), err)
		}
	}
	for _, words := range o.expected {
		if strings.HasPrefix(words, "reply ") {
			replies = append(replies, words)
		} else {
			rest = append(rest, words)
		}
	}
	o.expected = append([]string{strings.Join(replies, " | ")}, rest...)
	o.write("[" + strings.Join(lines, ",") + "]")
	o.settleDown()
}

// answer sends an answer to a request to confirm, which may be open or not.
func (o *oracle) answerStart(job int64, attempt int, yes bool) {
	outcome := `"result":null`
	if !yes {
		outcome = `"error":{"code":1,"message":"no"}`
	}
	o.write(fmt.Sprintf(`{"jsonrpc":"2.0","id":"confirm-%d-%d",%s}`, job, attempt, outcome))
	o.pending = append(o.pending, order{job: job, attempt: attempt, yes: yes})
	o.advance()
}

// advance carries out the answers at the head of what is pending: nothing is told about these.
func (o *oracle) advance() {
	for len(o.pending) > 0 && o.pending[0].call == nil && len(o.expected) == 0 {
		a := o.pending[0]
		o.pending = o.pending[1:]
		o.confirmed(a.job, a.attempt, a.yes)
	}
}

// take waits for a line and checks it; false at the end of the output.
func (o *oracle) take() bool {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case line, open := <-o.h.lines:
		if open {
			o.line(line)
		}
		return open
	case <-limit.C:
		o.fail("nothing came in %v", patience)
		return false
	}
}

// look checks the lines that are there.
func (o *oracle) look() {
	for {
		select {
		case line, open := <-o.h.lines:
			if !open {
				o.fail("the server has ended")
			}
			o.line(line)
		default:
			return
		}
	}
}

// line checks a line.
func (o *oracle) line(m message) {
	o.said = append(o.said, fmt.Sprintf("<-- %.300s", m.line))
	words := o.words(m)
	if m.Method == "" && o.immediate[idOf(m)] != "" {
		if want := o.immediate[idOf(m)]; words != want {
			o.fail("got %q, want %q", words, want)
		}
		delete(o.immediate, idOf(m))
		return
	}
	if len(o.expected) == 0 {
		if err := o.cause(m); err != nil {
			o.fail("%q: %v", words, err)
		}
	}
	if len(o.expected) == 0 || !fits(words, o.expected[0]) {
		o.fail("got %q", words)
	}
	o.expected = o.expected[1:]
	o.advance()
}

func idOf(m message) (id string) {
	_ = json.Unmarshal(m.ID, &id)
	return id
}

// words puts a line into words.
func (o *oracle) words(m message) string {
	switch {
	case strings.HasPrefix(m.line, "["):
		var replies []string
		for _, reply := range decoded[[]message](json.RawMessage(m.line)) {
			replies = append(replies, o.replyWords(o.calls[idOf(reply)], reply))
		}
		return strings.Join(replies, " | ")
	case m.Method != "":
		o.notice(m)
		return noticeWords(m)
	case o.calls[idOf(m)] == nil:
		return "a reply to no call"
	}
	return o.replyWords(o.calls[idOf(m)], m)
}

// notice keeps a notification, to be compared with the log.
func (o *oracle) notice(m message) {
	if m.Params.Seq <= o.seq {
		o.fail("seq %d follows %d", m.Params.Seq, o.seq)
	}
	o.seq = m.Params.Seq
	_, params, _ := strings.Cut(m.line, `"params":{`)
	o.notices = append(o.notices, strings.TrimSuffix(params, "}"))
}

// cause finds out what a line that nothing led to came from, and has the model do it.
func (o *oracle) cause(m message) error {
	switch {
	case m.Method == "":
		if len(o.pending) == 0 || o.pending[0].call == nil || o.pending[0].call.id != idOf(m) {
			return fmt.Errorf("no such call is next to be answered")
		}
		c := o.pending[0].call
		o.pending = o.pending[1:]
		n := struct{ Cancelled, Terminated int }{}
		_ = json.Unmarshal(m.Result, &n)
		return o.apply(c, n.Cancelled+n.Terminated)
	case m.Params.Kind == "job" && m.Method == "onstart":
		return o.selfRestart(m.Params.Job)
	case m.Params.Kind == "job" && m.Method == "ondone":
		return o.selfEnd(m.Params.Job, "exited")
	case m.Params.Kind == "job":
		return o.selfEnd(m.Params.Job, m.Params.Reason)
	}
	return fmt.Errorf("nothing leads to it")
}

// quiet says that everything was answered, and that nothing happens by itself.
func (o *oracle) quiet() bool {
	if len(o.pending)+len(o.expected)+len(o.immediate) > 0 {
		return false
	}
	for _, j := range o.order {
		if len(o.mayEnd(j)) > 0 || j.state == "ending" || j.state == "active" && j.kind == looping {
			return false
		}
	}
	return true
}

// settleDown waits until nothing happens by itself. What is restarted for ever is cancelled.
func (o *oracle) settleDown() {
	told := map[int64]bool{}
	for !o.quiet() {
		for _, j := range o.order {
			if j.kind == looping && j.state == "active" && !told[j.id] {
				told[j.id] = true
				o.send(newCall("cancel", fmt.Sprintf(`{"job":%d}`, j.id), j.id))
			}
		}
		if !o.take() {
			o.fail("the server has ended")
		}
	}
}

// checkLog compares the event log with what was told.
func (o *oracle) checkLog() {
	o.settleDown()
	c := newCall("events", `{"limit":1000000}`, 0)
	o.write(c.line())
	reply := <-o.h.lines
	log := decoded[struct{ Events []json.RawMessage }](reply.Result).Events
	told := 0
	for i, raw := range log {
		e := decoded[struct {
			Seq   int
			Event string
		}](raw)
		if e.Seq != i+1 {
			o.fail("event %d of the log has seq %d", i+1, e.Seq)
		}
		if e.Event != "onstart" && e.Event != "ondone" && e.Event != "onfinish" {
			continue
		}
		if want := fmt.Sprintf(`{"event":%q,`, e.Event); told >= len(o.notices) || string(raw) != want+o.notices[told] {
			o.fail("the log has %s, which was not told like that", raw)
		}
		told++
	}
	if told != len(o.notices) {
		o.fail("%d notifications came, and the log has %d", len(o.notices), told)
	}
}

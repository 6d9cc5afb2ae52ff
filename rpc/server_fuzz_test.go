package rpc

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"expool/numa"
	"expool/pool"
	"expool/pool/proc"
)

// pretender is a runner without processes, so that nothing of what the fuzzer makes up is executed. A command named hold
// runs until it is signalled; any other ends at once.
type pretender struct{ h proc.Handler }

func (p *pretender) Start(a proc.Attempt, c *proc.Command) {
	p.h.Started(a, proc.Start{PID: 1, Guardian: 1})
	if c.Args[0] != "hold" {
		p.h.Exited(a, proc.Exit{PID: 1, Code: len(c.Args) - 1})
	}
}

func (p *pretender) Signal(a proc.Attempt, _ proc.Signal) {
	p.h.Exited(a, proc.Exit{PID: 1, Code: -15})
}

func (p *pretender) Close() error { return nil }

var hostTopology = sync.OnceValues(numa.ReadHost)

// converse gives the input to a server without processes, and returns the lines that come out before it exits.
func converse(in []byte) []string {
	var sent bytes.Buffer
	s := NewServer(Settings{TerminateOnEOF: true, Pool: pool.Config{
		Topology:  hostTopology,
		NewRunner: func(h proc.Handler) (pool.Runner, error) { return &pretender{h}, nil },
	}}, &sent)
	s.Run(iotest.HalfReader(bytes.NewReader(in)))
	return strings.Split(strings.TrimSuffix(sent.String(), "\n"), "\n")
}

// topLevel gives the members of a JSON object, unless it is none or has one twice.
func topLevel(line []byte) (members map[string]json.RawMessage, ok bool) {
	d := json.NewDecoder(bytes.NewReader(line))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, false
	}
	members = map[string]json.RawMessage{}
	for d.More() {
		key, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil || members[key.(string)] != nil {
			return nil, false
		}
		members[key.(string)] = value
	}
	return members, true
}

// asksFor gives the id of a line that is a well-formed call with an id, as far as encoding/json can tell.
func asksFor(line []byte) (id string, ok bool) {
	m, ok := topLevel(line)
	if !ok || !utf8.Valid(line) || !json.Valid(line) || string(m["jsonrpc"]) != `"2.0"` {
		return "", false
	}
	method, raw := m["method"], m["id"]
	whole := len(raw) > 0 && (raw[0] == '"' || raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9') && !(raw[0] != '"' && bytes.ContainsAny(raw, ".eE"))
	return string(raw), whole && len(method) > 0 && method[0] == '"'
}

var conversations = []string{
	`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"workers":2,"grace":0,"memlimit":"1GiB"}}` + "\n" +
		`{"jsonrpc":"2.0","id":2,"method":"task","params":{"name":"t"}}` + "\n" +
		`{"jsonrpc":"2.0","id":3,"method":"execute","params":{"jobs":[{"name":"a","args":null,"task":1},{"name":"b","args":"hold","task":1}]}}` + "\n" +
		`{"jsonrpc":"2.0","id":4,"method":"cancel","params":{"task":1}}`,
	`{"jsonrpc":"2.0","id":"w","method":"execute","params":{"name":"a","args":["fail","1"],"wait":true}}` + "\n" +
		`{"jsonrpc":"2.0","id":"j","method":"join","params":{"timeout":1}}` + "\n" + `{"jsonrpc":"2.0","id":"c","method":"clear"}`,
	`{"jsonrpc":"2.0","id":1,"method":"execute","params":{"name":"a","args":"hold","confirm":true,"timeout":0.001,"rsrtonto":true}}` + "\n" +
		`{"jsonrpc":"2.0","id":"confirm-1-1","result":null}` + "\n" + `{"jsonrpc":"2.0","id":"confirm-1-1","error":7}`,
	`[{"jsonrpc":"2.0","id":1,"method":"execute","params":{"name":"a","args":["x"]}},{"jsonrpc":"2.0","id":2,"method":"join"},3]`,
	`{"jsonrpc":"2.0","id":1,"method":"terminate"}` + "\n" + `{"jsonrpc":"2.0","id":2,"method":"execute","params":{"name":"a","args":null}}` + "\n" +
		`{"jsonrpc":"2.0","id":3,"method":"jobs","params":{"state":"failed"}}` + "\n" + `{"jsonrpc":"2.0","id":4,"method":"events","params":{"after":0}}`,
	`{"jsonrpc":"2.0","id":1,"method":"topology"}` + "\n" + `{"jsonrpc":"2.0","id":2,"method":"affinity","params":{"step":"core","index":0}}` + "\n" +
		`{"jsonrpc":"2.0","id":3,"method":"explain","params":{"job":1}}` + "\n" + `{"jsonrpc":"2.0","id":4,"method":"status"}`,
	`{"jsonrpc":"2.0","id":1,"method":"close","params":{"task":1}}` + "\n" + `{"jsonrpc":"2.0","method":"tasks"}` + "\n" + `{"jsonrpc":"2.0","id":2,"method":"shutdown"}`,
}

// FuzzServer holds, for whatever comes in: the server exits at the end of the input, every line that it writes is JSON of
// the protocol, and each well-formed call has its response.
func FuzzServer(f *testing.F) {
	for _, text := range conversations {
		f.Add([]byte(text))
	}
	for _, test := range exchanges {
		f.Add([]byte(test.in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		answers := map[string]int{}
		for _, line := range converse(in) {
			if line != "" && !(json.Valid([]byte(line)) && utf8.ValidString(line)) {
				t.Fatalf("%q gives %q", in, line)
			}
			if m, ok := topLevel([]byte(line)); ok && m["method"] == nil {
				answers[string(m["id"])]++
			}
		}
		if bytes.Contains(in, []byte("shutdown")) || bytes.ContainsRune(in, '\\') {
			return // what follows a shutdown, however it is written, may stay unanswered
		}
		for line := range bytes.SplitSeq(in, []byte("\n")) {
			if id, ok := asksFor(line); ok && answers[id] == 0 {
				t.Fatalf("%q: nothing answers %s in\n%s", in, id, line)
			}
		}
	})
}

// FuzzLineReader holds that lines are those that the standard library finds, however they are read, with those beyond the
// bound skipped.
func FuzzLineReader(f *testing.F) {
	f.Add([]byte("a\r\nb\n\n"), uint8(3))
	f.Add([]byte("0123456789\n0123456789x\n0123456789\r\n0123456789\r\r\n01234567890123456789"), uint8(0))
	f.Fuzz(func(t *testing.T, in []byte, step uint8) {
		const most = 10
		var want []string
		rest := in
		for len(rest) > 0 {
			line, after, _ := bytes.Cut(rest, []byte("\n"))
			rest = after
			if line = bytes.TrimSuffix(line, []byte("\r")); len(line) > most {
				line = []byte("too long")
			}
			want = append(want, string(line))
		}
		got := readAll(t, &lineReader{in: &stepReader{rest: in, step: int(step)%7 + 1}, max: most})
		if strings.Join(got, "\n") != strings.Join(want, "\n") || len(got) != len(want) {
			t.Fatalf("%q is read as %q, want %q", in, got, want)
		}
	})
}

// stepReader gives a few bytes at a time.
type stepReader struct {
	rest []byte
	step int
}

func (r *stepReader) Read(b []byte) (int, error) {
	n := copy(b[:min(len(b), r.step)], r.rest)
	r.rest = r.rest[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

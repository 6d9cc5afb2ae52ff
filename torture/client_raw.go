package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// rawEnd is a server whose output nobody reads but the try itself: when it wants to, and as it wants to.
type rawEnd struct {
	*Server
	output *os.File
	lines  *bufio.Reader
}

// startRaw starts a server, with --on-eof=finish if that is among the flags.
func (t *T) startRaw(flags ...string) *rawEnd {
	r, w, err := os.Pipe()
	t.Check("make a pipe", err)
	defer w.Close()
	c := &rawEnd{Server: t.Start(Setup{Flags: flags, Stdout: w}), output: r, lines: bufio.NewReaderSize(r, 1<<16)}
	t.Cleanup(func() { _ = r.Close() })
	return c
}

// next reads a line, and checks it as Server does; ok is false at the end of the output.
func (c *rawEnd) next() (m Message, ok bool) {
	c.t.Check("set a deadline", c.output.SetReadDeadline(time.Now().Add(patience)))
	line, err := c.lines.ReadString('\n')
	if errors.Is(err, io.EOF) {
		return m, false
	}
	c.t.Check("read the server's output", err)
	m, err = decode(strings.TrimSuffix(line, "\n"))
	c.t.Check(fmt.Sprintf("decode %.200q", line), err)
	c.ledger.enter(m)
	return m, true
}

// readUntil reads until the response to the call comes, and gives the ends of jobs before it, by their ids.
func (c *rawEnd) readUntil(id string) (ends map[int64]Record, reply Message) {
	ends = map[int64]Record{}
	for {
		m, ok := c.next()
		if !ok {
			c.t.Fatalf("the output ended before the response to %s", id)
		}
		switch {
		case m.Method == "onfinish" && m.Params.Kind == "job":
			ends[m.Params.Job] = m.Params.Record
		case m.Method == "" && string(m.ID) == id:
			return ends, m
		}
	}
}

// feed sends lines from a goroutine of its own, since the server may not read for long. It ends with the lines or with the server's input.
func (s *Server) feed(lines []string) {
	go s.Send(strings.Join(lines, "\n"))
}

// request is a call as a line; id and params are JSON.
func request(id, method string, params any) string {
	text, err := json.Marshal(params)
	if err != nil {
		panic(err) // the cases give nothing that can't be encoded
	}
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":%q,"params":%s}`, id, method, text)
}

// list is the params of execute for n equal jobs.
func list(n int, job Job) any {
	jobs := make([]Job, n)
	for i := range jobs {
		jobs[i] = job
	}
	return map[string]any{"jobs": jobs}
}

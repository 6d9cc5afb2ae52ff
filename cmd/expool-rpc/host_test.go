package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"expool/pool"
)

// patience bounds how long a test waits for what must happen; it is long, since it only matters when something is wrong.
const patience = 60 * time.Second

// The test binary is also the server: with this variable set, it runs as expool-rpc.
const serverVariable = "EXPOOL_RPC_TEST_SERVER"

func TestMain(m *testing.M) {
	pool.RunGuardian()
	if os.Getenv(serverVariable) != "" {
		os.Unsetenv(serverVariable)
		os.Exit(run(os.Args[1:]))
	}
	for _, sig := range []os.Signal{syscall.SIGHUP, syscall.SIGINT} {
		if signal.Ignored(sig) { // the tests are run by nohup or in the background of a script: servers shall start with the default
			signal.Notify(make(chan os.Signal, 1), sig)
		}
	}
	status := m.Run()
	if copied != "" {
		os.RemoveAll(copied)
	}
	os.Exit(status)
}

// serverCommand runs the server with the given flags.
func serverCommand(flags ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	cmd := exec.Command(self, flags...)
	cmd.Env = append(os.Environ(), serverVariable+"=1")
	return cmd
}

// message is a line from the server.
type message struct {
	line   string
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params event           `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Data    struct{ Field, Problem string }
	} `json:"error"`
}

// event is the params of a notification, with the record of an onfinish.
type event struct {
	Seq     int64
	Kind    string
	Name    string
	Attempt int
	record
}

type record struct {
	Job       int64
	Task      *int64
	State     string
	Reason    string
	Code      *int
	Attempts  int
	TStart    float64
	TStop     float64
	Duration  float64
	CPUTime   struct{ User, Sys float64 }
	PID       int
	Leaked    int
	Stdout    string
	Stderr    string
	Truncated map[string]int64
	Warnings  []string
	NumAdded  int
	NumDone   int
	NumTerm   int
}

// host is a program that started a server and converses with it.
type host struct {
	t     testing.TB
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines chan message
	seen  []message // all so far
	used  []bool    // whether wait has given it
	once  sync.Once
}

func start(t testing.TB, flags ...string) *host {
	t.Helper()
	return startCommand(t, serverCommand(flags...))
}

func startCommand(t testing.TB, cmd *exec.Cmd) *host {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	return startWith(t, cmd, stdin)
}

// startWith starts a server whose input is the other end of stdin.
func startWith(t testing.TB, cmd *exec.Cmd, stdin io.WriteCloser) *host {
	t.Helper()
	h := &host{t: t, cmd: cmd, stdin: stdin, lines: make(chan message, 1<<20)}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if cmd.Stderr == nil {
		cmd.Stderr = os.Stderr
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go h.read(stdout)
	t.Cleanup(func() {
		h.once.Do(func() {
			cmd.Process.Kill()
			cmd.Wait()
		})
	})
	return h
}

func (h *host) read(stdout io.Reader) {
	defer close(h.lines)
	r := bufio.NewReader(stdout)
	for {
		line, err := r.ReadString('\n')
		if line != "" {
			m := message{line: strings.TrimSuffix(line, "\n")}
			if problem := json.Unmarshal([]byte(line), &m); problem != nil && !strings.HasPrefix(line, "[") {
				m.Method = "unreadable: " + problem.Error()
			}
			h.lines <- m
		}
		if err != nil {
			return
		}
	}
}

// send writes a line.
func (h *host) send(line string) {
	h.t.Helper()
	if _, err := io.WriteString(h.stdin, line+"\n"); err != nil {
		h.t.Fatalf("sending %.200s: %v", line, err)
	}
}

// call sends a request with the given id.
func (h *host) call(id int, method, params string) {
	h.t.Helper()
	if params == "" {
		params = "{}"
	}
	h.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"%s","params":%s}`, id, method, params))
}

// wait gives the first message not given before for which want holds; others stay for later calls.
func (h *host) wait(what string, want func(message) bool) message {
	h.t.Helper()
	for i, m := range h.seen {
		if !h.used[i] && want(m) {
			h.used[i] = true
			return m
		}
	}
	limit := time.After(patience)
	for {
		select {
		case m, open := <-h.lines:
			if !open {
				h.t.Fatalf("the server has ended; no %s in\n%s", what, h.transcript())
			}
			found := want(m)
			h.seen, h.used = append(h.seen, m), append(h.used, found)
			if found {
				return m
			}
		case <-limit:
			h.t.Fatalf("no %s came in %v, but\n%s", what, patience, h.transcript())
		}
	}
}

func (h *host) transcript() string {
	var b strings.Builder
	for _, m := range h.seen[max(0, len(h.seen)-40):] {
		fmt.Fprintf(&b, "%.600s\n", m.line)
	}
	return b.String()
}

// reply waits for the response to the request with the given id.
func (h *host) reply(id int) message {
	h.t.Helper()
	return h.wait(fmt.Sprintf("response to %d", id), func(m message) bool { return m.Method == "" && string(m.ID) == fmt.Sprint(id) })
}

// result waits for a response that is no error, and decodes its result.
func result[T any](h *host, id int) T {
	h.t.Helper()
	m := h.reply(id)
	var r T
	if m.Error != nil {
		h.t.Fatalf("response to %d: %s", id, m.line)
	}
	if err := json.Unmarshal(m.Result, &r); err != nil {
		h.t.Fatalf("response to %d: %s: %v", id, m.line, err)
	}
	return r
}

// failure waits for a response that is an error with the given code, and gives its text.
func (h *host) failure(id, code int) string {
	h.t.Helper()
	m := h.reply(id)
	if m.Error == nil || m.Error.Code != code {
		h.t.Fatalf("response to %d is %s, not error %d", id, m.line, code)
	}
	return m.Error.Message
}

// event waits for a notification about a job.
func (h *host) event(method string, job int64) event {
	h.t.Helper()
	return h.wait(fmt.Sprintf("%s of job %d", method, job), func(m message) bool {
		return m.Method == method && m.Params.Kind == "job" && m.Params.Job == job
	}).Params
}

// finished waits for the end of a job.
func (h *host) finished(job int64) record {
	h.t.Helper()
	return h.event("onfinish", job).record
}

// execute schedules a job and gives its id.
func (h *host) execute(id int, params string) int64 {
	h.t.Helper()
	h.call(id, "execute", params)
	return result[struct{ Job int64 }](h, id).Job
}

// end closes the server's input and gives its exit status.
func (h *host) end() int {
	h.t.Helper()
	h.stdin.Close()
	return h.exit()
}

// exit waits for the server to end by itself, and gives its exit status, or -n after signal n.
func (h *host) exit() int {
	h.t.Helper()
	limit := time.AfterFunc(patience, func() { h.cmd.Process.Kill() })
	defer limit.Stop()
	for open := true; open; {
		var m message
		if m, open = <-h.lines; open {
			h.seen, h.used = append(h.seen, m), append(h.used, false)
		}
	}
	var err error
	h.once.Do(func() { err = h.cmd.Wait() })
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		h.t.Fatal(err)
	}
	return exitStatus(h.cmd.ProcessState)
}

func exitStatus(p *os.ProcessState) int {
	if w := p.Sys().(syscall.WaitStatus); w.Signaled() {
		return -int(w.Signal())
	}
	return p.ExitCode()
}

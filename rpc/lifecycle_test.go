package rpc

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"

	"expool/numa"
	"expool/pool"
	"expool/pool/proc"
)

// pretending are the settings of a server without processes.
func pretending() Settings {
	return Settings{Pool: pool.Config{Topology: hostTopology, Workers: 1,
		NewRunner: func(h proc.Handler) (pool.Runner, error) { return &pretender{h}, nil }}}
}

func TestAFirstCallAfterASignalMakesNoPool(t *testing.T) {
	for _, call := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"execute","params":{"name":"a","args":["hold"]}}`,
		`{"jsonrpc":"2.0","id":1,"method":"initialize"}`,
	} {
		var out bytes.Buffer
		s := NewServer(pretending(), &out)
		s.Signal(syscall.SIGTERM)
		if err := Serve(t.Context(), strings.NewReader(call), s.out, s); err != nil {
			t.Fatal(err)
		}
		if status, err := s.Run(strings.NewReader("")); status != 128+15 || err != nil {
			t.Errorf("status %d, %v", status, err)
		}
		if s.poolIfAny() != nil || !strings.Contains(out.String(), `"code":-32001`) {
			t.Errorf("%s: the answer is %s", call, &out)
		}
	}
}

// stuck is an output that nobody reads.
type stuck struct{ free chan struct{} }

func (w stuck) Write(b []byte) (int, error) {
	<-w.free
	return len(b), nil
}

func TestTheEndOfTheHostAndASignalBoundTheWaitForAClientThatDoesNotRead(t *testing.T) {
	for name, end := range map[string]func(*Server){
		"signal": func(s *Server) { s.Signal(syscall.SIGTERM) },
		"host":   func(s *Server) { s.HostEnded() },
	} {
		w := stuck{make(chan struct{})}
		s := NewServer(pretending(), w)
		status := make(chan int)
		go func() {
			n, _ := s.Run(strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"execute","params":{"name":"a","args":null}}`))
			status <- n
		}()
		for closing := false; !closing; { // all is done, and nothing is left but to write it
			s.out.mu.Lock()
			closing = s.out.closing
			s.out.mu.Unlock()
		}
		end(s)
		if n, want := <-status, map[string]int{"signal": 128 + 15, "host": 128 + 13}[name]; n != want {
			t.Errorf("%s: status %d, want %d", name, n, want)
		}
		close(w.free)
	}
}

func TestWithoutAPoolTheStatusIsThatOfAFailure(t *testing.T) {
	for _, test := range []struct {
		settings Settings
		status   int
	}{
		{Settings{Pool: pool.Config{NewRunner: func(proc.Handler) (pool.Runner, error) { return nil, errors.New("no descriptors are left") }}}, 1},
		{Settings{Pool: pool.Config{Topology: func() (*numa.Topology, error) { return nil, errors.New("no /sys") }, Affinity: &pool.Affinity{}}}, 1},
		{pretending(), 0},
	} {
		if status, err := NewServer(test.settings, io.Discard).Run(strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"execute","params":{"name":"a","args":null}}`)); status != test.status || err != nil {
			t.Errorf("status %d, %v, want %d", status, err, test.status)
		}
	}
}

func TestShutdownNeedsNoPool(t *testing.T) {
	settings := pretending()
	settings.Pool.NewRunner = func(proc.Handler) (pool.Runner, error) { return nil, errors.New("no descriptors are left") }
	var out bytes.Buffer
	input, _ := io.Pipe() // which does not end
	call := io.MultiReader(strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"shutdown"}`+"\n"), input)
	if status, err := NewServer(settings, &out).Run(call); status != 0 || err != nil || out.String() != `{"jsonrpc":"2.0","id":1,"result":{}}`+"\n" {
		t.Errorf("status %d, %v, %s", status, err, &out)
	}
	input.Close()
}

func TestABatchOfMoreJobsThanMayBeQueuedIsAnsweredAtOnce(t *testing.T) {
	settings := pretending()
	settings.MaxQueued = 1
	out, in := io.Pipe()
	s := NewServer(settings, in)
	ended := make(chan struct{})
	lines, feed := io.Pipe()
	go func() { s.Run(lines); close(ended) }()
	jobs := strings.Repeat(`,{"name":"a","args":["hold"]}`, 3)[1:]
	if _, err := io.WriteString(feed, `[{"jsonrpc":"2.0","id":1,"method":"execute","params":{"jobs":[`+jobs+`]}},{"jsonrpc":"2.0","id":2,"method":"status"}]`+"\n"); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 1) // nothing comes before the answer
	if _, err := out.Read(answer); err != nil || answer[0] != '[' {
		t.Errorf("%q, %v", answer, err)
	}
	go io.Copy(io.Discard, out)
	s.Signal(syscall.SIGTERM)
	feed.Close()
	<-ended
	in.Close()
}

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
)

// fakeServer is the variable that makes this test binary a server, and says how that one behaves.
const fakeServer = "DEMO_FAKE_SERVER"

// TestMain has the test binary be what demo starts: itself as a compressor, or a server that behaves badly.
func TestMain(m *testing.M) {
	if behaviour := os.Getenv(fakeServer); behaviour != "" {
		os.Exit(behave(behaviour))
	}
	if len(os.Args) > 1 && isFilter(os.Args[1]) {
		os.Exit(filterMain(os.Args[1], os.Args[2:]))
	}
	os.Exit(m.Run())
}

// behave answers the first request in the given way, and gives the exit status.
func behave(behaviour string) int {
	bufio.NewReader(os.Stdin).ReadString('\n')
	switch behaviour {
	case "dies":
		return 3
	case "refuses":
		fmt.Println(`{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"invalid params","data":{"field":"workers"}}}`)
	case "babbles":
		fmt.Println("hello")
	}
	io.Copy(io.Discard, os.Stdin)
	return 0
}

// runDemo runs the command on a small input, in a folder for temporary files of its own, which must be empty at the end.
func runDemo(ctx context.Context, t *testing.T, stderr io.Writer, args ...string) (status int, stdout string) {
	t.Helper()
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	var out bytes.Buffer
	status = demo(ctx, append([]string{"-source", ".", "-bytes", "20000"}, args...), &out, stderr)
	left, err := os.ReadDir(folder)
	if err != nil || len(left) > 0 {
		t.Errorf("left in the folder for temporary files: %v, error %v", left, err)
	}
	return status, out.String()
}

func TestFailuresOfTheServerAreToldClearly(t *testing.T) {
	for _, c := range []struct{ behaviour, told string }{
		{"dies", "demo: waiting for the reply to initialize: the server ended under way (exit status 3)\n"},
		{"refuses", "demo: waiting for the reply to initialize: invalid params {\"field\":\"workers\"}\n"},
		{"babbles", "demo: waiting for the reply to initialize: invalid character 'h' looking for beginning of value\n"},
	} {
		t.Run(c.behaviour, func(t *testing.T) {
			t.Setenv(fakeServer, c.behaviour)
			var stderr bytes.Buffer
			status, stdout := runDemo(t.Context(), t, &stderr, "-server", os.Args[0])
			if status != statusFailed || stdout != "" || stderr.String() != c.told {
				t.Errorf("status %d, output %q, errors %q; want 1, none, %q", status, stdout, stderr.String(), c.told)
			}
		})
	}
}

func TestAMissingServerSaysHowToBuildIt(t *testing.T) {
	for _, server := range []string{"bin/there-is-none", "there-is-no-such-command"} {
		var stderr bytes.Buffer
		status, _ := runDemo(t.Context(), t, &stderr, "-server", server)
		if status != statusFailed || !strings.Contains(stderr.String(), "no server "+server+": run `make build` first") {
			t.Errorf("status %d, errors %q", status, stderr.String())
		}
	}
}

func TestAnInputWithoutSourcesIsAnError(t *testing.T) {
	empty := t.TempDir()
	var stderr bytes.Buffer
	status, _ := runDemo(t.Context(), t, &stderr, "-server", os.Args[0], "-source", empty)
	if status != statusFailed || !strings.Contains(stderr.String(), "there is no Go source in "+empty) {
		t.Errorf("status %d, errors %q", status, stderr.String())
	}
}

func TestWrongFlagsAreAWrongUse(t *testing.T) {
	for _, c := range []struct {
		args   []string
		status int
		told   string
	}{
		{[]string{"-workers", "-1"}, statusUsage, "-workers is -1"},
		{[]string{"-bytes", "0"}, statusUsage, "-bytes is 0"},
		{[]string{"now"}, statusUsage, `no command "now"`},
		{[]string{"-speed"}, statusUsage, "-speed"},
		{[]string{"-help"}, statusFine, "-server"},
	} {
		var stderr bytes.Buffer
		status, _ := runDemo(t.Context(), t, &stderr, c.args...)
		if status != c.status || !strings.Contains(stderr.String(), c.told) {
			t.Errorf("%q: status %d, errors %q; want %d and %q", c.args, status, stderr.String(), c.status, c.told)
		}
	}
}

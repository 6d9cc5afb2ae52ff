package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// realServer gives the path of expool-rpc, from EXPOOL_RPC or where make build puts it.
func realServer(t *testing.T) string {
	t.Helper()
	server := os.Getenv("EXPOOL_RPC")
	if server == "" {
		server = filepath.Join("..", "bin", "expool-rpc")
	}
	if _, err := os.Stat(server); err != nil {
		t.Skipf("there is no server: run make build, or set EXPOOL_RPC to one: %v", err)
	}
	return server
}

func TestTheBenchmarkGoesAsPlanned(t *testing.T) {
	var stderr bytes.Buffer
	status, report := runDemo(t.Context(), t, &stderr, "-server", realServer(t), "-workers", "2")
	if status != statusFine {
		t.Fatalf("status %d, errors:\n%s\nreport:\n%s", status, stderr.String(), report)
	}
	for _, line := range []string{
		`input: 20,000 bytes of \d+ Go files from \.`,
		`server: expool-rpc \S+ with 2 workers`,
		`built-in +9 +\d+\.\d\d +\d+\.\d\d +\S.* exited +\d,\d{3} +\d\.\d\d`,
		`built-in +9, endless .* ! timeout of 1 s +- +-`,
		`! built-in 9, endless \(on purpose\): timeout of 1 s`,
		`! built-in unpack \(on purpose\): exited, status 1: demo decompress: gzip: invalid header`,
		`built-in +3 +2 +\d+\.\d\d`,
		`total: \d+ done, 2 failed in \d+\.\d\d s; .* cores busy \(2 workers\)`,
	} {
		if !regexp.MustCompile(`(?m)^` + line + `$`).MatchString(report) {
			t.Errorf("no line of the report matches %s:\n%s", line, report)
		}
	}
	progress := strings.Split(strings.TrimSpace(stderr.String()), "\n")
	if last := progress[len(progress)-1]; !strings.HasPrefix(last, strings.Fields(last)[0]+" of "+strings.Fields(last)[0]) {
		t.Errorf("the last line of the progress is not of the last job: %q", last)
	}
}

// onFirst is a Writer that calls do before the first write.
type onFirst struct {
	io.Writer
	do func()
}

func (w *onFirst) Write(b []byte) (int, error) {
	if w.do != nil {
		w.do()
		w.do = nil
	}
	return w.Writer.Write(b)
}

func TestAnInterruptLeavesNothingBehind(t *testing.T) {
	const mark = "DEMO_TEST_RUN=interrupted"
	server := realServer(t)
	t.Setenv("DEMO_TEST_RUN", "interrupted")
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var stderr bytes.Buffer
	status, report := runDemo(ctx, t, &onFirst{&stderr, func() {
		if len(processesWith(mark)) == 0 {
			t.Error("the server was not seen while it ran")
		}
		interrupt()
	}}, "-server", server)
	if status != statusFailed || report != "" || !strings.HasSuffix(stderr.String(), "demo: context canceled\n") {
		t.Errorf("status %d, report %q, errors %q", status, report, stderr.String())
	}
	waitUntil(t, func() bool { return len(processesWith(mark)) == 0 })
}

// processesWith gives the processes other than this one that were started with a setting in their environment.
func processesWith(setting string) (found []string) {
	paths, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range paths {
		environment, err := os.ReadFile(path) // of this process: as it was at its start
		if err == nil && bytes.Contains(environment, []byte(setting)) {
			found = append(found, path)
		}
	}
	return found
}

func waitUntil(t *testing.T, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.After(10 * time.Second)
	for !condition() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("waited 10 s in vain")
		}
	}
}

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

func init() {
	register(Case{Name: "security/forged-lines", Section: Security, Tries: 6, Short: 3, Run: forgeLines,
		Promise: "a job that prints protocol messages reaches the protocol's stream by none of its outputs; captured, they are text"})
	register(Case{Name: "security/server-descriptors", Section: Security, Tries: 2, Short: 1, Run: forgeByProc,
		Promise: "no promise, a limit: a job of the server's own user can open the server's descriptors through /proc, as any of the user's processes can"})
	register(Case{Name: "security/output-flood", Section: Security, Tries: 2, Short: 1, Run: floodOutput,
		Promise: "captured output without end is counted, cut, and costs the server little memory"})
	register(Case{Name: "security/output-bytes", Section: Security, Tries: 2, Short: 1, Run: strangeBytes,
		Promise: "captured bytes of any kind (NUL, invalid UTF-8, line and paragraph separators) arrive as valid JSON, on one line"})
}

// forged is what a job would like the client to believe.
const forged = `{"jsonrpc":"2.0","method":"onfinish","params":{"seq":1,"time":0,"kind":"job","job":1,"name":"forged","state":"done","reason":"exited","code":0,"attempts":1}}`

func forgeLines(t *T) {
	s := t.Start(Setup{Host: t.hostOf()})
	script := `printf '\n%s\n' "$1"; printf '\n%s\n' "$1" >&2; (printf '\n%s\n' "$1" >/dev/tty) 2>/dev/null; exit 3`
	for _, out := range []any{"inherit", "pipe", nil, File(filepath.Join(s.Dir, "out"))} {
		j := shell("forger", script, forged)
		j.Stdout, j.Stderr = out, out
		r := s.Finished(s.Execute(j))
		if r.Name == "forged" || r.Code == nil || *r.Code != 3 {
			t.Errorf("with output %v the client believes %+v", out, r)
		}
		if out == "pipe" && strings.TrimSpace(r.Stdout) != forged {
			t.Errorf("the captured text is %q", r.Stdout)
		}
	}
}

// forgeByProc notes what the kernel allows. It is no fault of the server, so that the table tells it and nothing fails.
func forgeByProc(t *T) {
	h := t.hostOf()
	s := t.Start(Setup{Host: h})
	script := `server=$(cut -d' ' -f4 /proc/$PPID/stat); test -w /proc/$server/fd/1 && (: >>/proc/$server/fd/1) && echo open`
	r := s.Finished(s.Execute(shell("forger", script)))
	t.Note("open to a job of the same user ("+h.Name+")", strconv.FormatBool(strings.TrimSpace(r.Stdout) == "open"))
}

// floodMemory is how much more memory a server may have taken after a flood: what it keeps of the output of some jobs several times
// over, by far less than the flood.
const floodMemory = 100 << 20

func floodOutput(t *T) {
	s := t.Start(Setup{Host: t.hostOf(), Flags: []string{"--workers=2"}})
	const keep = 2 << 20 // the first MiB and the last
	size := int64(t.Scale(512, 64)) << 20
	s.Finished(s.Execute(shell("first", "echo")))
	before := s.peak()
	var jobs []int64
	for range 4 {
		j := shell("flood", fmt.Sprintf("head -c %d /dev/zero | tr '\\0' x", size))
		jobs = append(jobs, s.Execute(j))
	}
	for _, id := range jobs {
		r := s.Finished(id)
		if r.State != "done" || len(r.Stdout) != keep || r.Truncated["stdout"] != size-keep {
			t.Errorf("the flood of %d bytes ended as %s, with %d bytes kept and %d cut", size, r.Reason, len(r.Stdout), r.Truncated["stdout"])
		}
	}
	grown := s.peak() - before
	t.Note("server grew by", fmt.Sprintf("%d MiB for 4 x %d MiB", grown>>20, size>>20))
	if grown > floodMemory {
		t.Errorf("the server took %d MiB more", grown>>20)
	}
}

// peak is the most memory that the server has had, in bytes.
func (s *Server) peak() int64 {
	text, _ := os.ReadFile(procDir(s.PID) + "/status")
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		s.t.Fatalf("the server has no memory: it has died")
	}
	kib, err := strconv.ParseInt(fields[0], 10, 64)
	s.t.Check("read the peak", err)
	return kib << 10
}

func strangeBytes(t *T) {
	s := t.Start(Setup{Host: t.hostOf()})
	r := s.Finished(s.Execute(shell("bytes", `printf 'a\000b\377c\342\200\250d\342\200\251e\303\050f\355\240\200g\n'`)))
	if want := "a\x00b\ufffdc\u2028d\u2029e\ufffd(f"; !strings.HasPrefix(r.Stdout, want) {
		t.Errorf("the captured text is %q, not %q…", r.Stdout, want)
	}
}

package main

import (
	"bufio"
	"io"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func init() {
	register(Case{Name: "client/stops-reading", Section: OtherEnd, Tries: 1, Short: 1, Run: stopReading,
		Promise: "a client that stops reading for a minute, under 100,000 events, loses none of them, and timeouts are kept meanwhile"})
	register(Case{Name: "client/reads-byte-by-byte", Section: OtherEnd, Tries: 3, Short: 1, Run: readByteByByte,
		Promise: "a client that reads a byte at a time gets everything in order"})
	register(Case{Name: "client/closes-output", Section: OtherEnd, Tries: 30, Short: 4, Run: closeOutput,
		Promise: "when nobody can read the output any more, everything is ended and the status is 141"})
}

// boundWhileUnread is what a server may use while a client does not read: 64 MiB of lines, the queued jobs, and what the garbage
// collector leaves.
const boundWhileUnread = 512 << 20

func stopReading(t *T) {
	const perList = 500
	jobs := t.Scale(34_000, 17_000)
	begin := time.Now()
	c := t.startRaw("--workers=2")
	c.Send(request("0", "execute", Job{Name: "held", Args: []string{"sleep", "1000"}, Timeout: 1}))
	var lines []string
	stubs := list(perList, Job{Name: "stub", Params: strings.Repeat("x", 2000)})
	for range jobs / perList {
		lines = append(lines, request("1", "execute", stubs))
	}
	c.feed(append(lines, request("2", "join", struct{}{})))

	t.Eventually("64 MiB are unsent", func() bool { return residentOf(c.PID) > 64<<20 })
	t.Eventually("the timeout of a running job is kept", func() bool { return len(c.jobProcesses()) == 0 })
	until := begin.Add(time.Duration(t.Scale(60, 3)) * time.Second)
	most := t.mostResident(c.PID, until)
	if most > boundWhileUnread {
		t.Errorf("the server used %d MiB while the client did not read", most>>20)
	}
	t.Note("most memory", mebibytes(most))
	c.expectAll(jobs)
}

// mostResident gives the most memory that a process uses until then.
func (t *T) mostResident(pid int, until time.Time) (most int64) {
	for time.Now().Before(until) {
		most = max(most, residentOf(pid))
		time.Sleep(50 * time.Millisecond)
	}
	return most
}

// expectAll reads the ends of one job that ran into its timeout and of stubs, and the response of the join.
func (c *rawEnd) expectAll(stubs int) {
	ends, reply := c.readUntil("2")
	if len(ends) != stubs+1 {
		c.t.Errorf("%d of %d jobs were told to have ended", len(ends), stubs+1)
	}
	for id, r := range ends {
		if want := map[bool]string{true: "timeout", false: "exited"}[id == 1]; r.Reason != want {
			c.t.Fatalf("job %d ended as %s, not %s", id, r.Reason, want)
		}
	}
	if !strings.Contains(reply.Line, `"completed":true`) {
		c.t.Errorf("the join says %.200s", reply.Line)
	}
}

// byteReader gives a byte at a time.
type byteReader struct{ r io.Reader }

func (b byteReader) Read(p []byte) (int, error) { return b.r.Read(p[:1]) }

func readByteByByte(t *T) {
	const perList = 100
	c := t.startRaw("--workers=2")
	raw, err := c.output.SyscallConn()
	t.Check("get the pipe", err)
	t.Check("make the pipe small", raw.Control(func(fd uintptr) { _, err = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, 4096) }))
	t.Check("make the pipe small", err)
	c.lines = bufio.NewReader(byteReader{c.output})
	lines := []string{request("0", "execute", Job{Name: "held", Args: []string{"sleep", "1000"}, Timeout: 0.2})}
	for range 5 {
		lines = append(lines, request("1", "execute", list(perList, Job{Name: "stub", Params: "é\n"})))
	}
	c.feed(append(lines, request("2", "join", struct{}{})))
	c.expectAll(5 * perList)
}

func closeOutput(t *T) {
	mode := []string{"finish", "terminate"}[t.Rand.IntN(2)]
	c := t.startRaw("--on-eof="+mode, "--workers=4")
	var lines []string
	for range 3 {
		lines = append(lines, request("1", "execute", Job{Name: "tree", Args: []string{"sh", "-c", "sleep 1000 & setsid sleep 1000 & wait"}}))
	}
	for range t.Rand.IntN(200) {
		lines = append(lines, request("2", "execute", Job{Name: "stub"}))
	}
	c.feed(lines)
	t.Eventually("the jobs run", func() bool { return len(c.jobProcesses()) >= 9 })
	t.Pause(20 * time.Millisecond)
	_ = c.output.Close()
	if status := c.Exit(); status != 141 {
		t.Errorf("with --on-eof=%s, the exit status is %d", mode, status)
	}
	c.Gone()
}

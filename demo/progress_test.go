package main

import (
	"bytes"
	"testing"
)

// follow hands a progress the life of three jobs, the last of which is never started.
func follow(p *progress) {
	done := record{Name: "gzip 9", Reason: reasonExited, Code: number(0), Duration: 1.5}
	failed := record{Name: "gzip 6", Reason: reasonTimeout, Code: number(-15), Duration: 2}
	p.started(notification{Time: 1000, record: record{Name: "gzip 9"}})
	p.started(notification{Time: 1000.25, record: record{Name: "gzip 6"}})
	p.finished(notification{Time: 1001.5, record: done})
	p.finished(notification{Time: 1002.25, record: failed})
	p.finished(notification{Time: 1002.5, record: record{Name: "gzip 1", Reason: "cancelled"}})
	p.close()
}

func TestProgressInAFileIsALineForEachFinishedJob(t *testing.T) {
	var out bytes.Buffer
	follow(newProgress(&out, 10))
	want := ` 1 of 10, 1.5 s: gzip 9: exited after 1.50 s
 2 of 10, 2.2 s: gzip 6: timeout, signal 15 after 2.00 s
 3 of 10, 2.5 s: gzip 1: cancelled after 0.00 s
`
	if out.String() != want {
		t.Errorf("progress:\n%s\nwant:\n%s", out.String(), want)
	}
}

func TestProgressOnATerminalIsOneLineThatChanges(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, 10)
	p.terminal = true
	follow(p)
	const again = "\r\x1b[K"
	want := again + "0 of 10 done, 0 failed, 1 running, 9 queued, 0.0 s: gzip 9" +
		again + "0 of 10 done, 0 failed, 2 running, 8 queued, 0.2 s: gzip 6" +
		again + "1 of 10 done, 0 failed, 1 running, 8 queued, 1.5 s: gzip 9" +
		again + "1 of 10 done, 1 failed, 0 running, 8 queued, 2.2 s: gzip 6" +
		again + "1 of 10 done, 2 failed, 0 running, 7 queued, 2.5 s: gzip 1" + again
	if out.String() != want {
		t.Errorf("progress:\n%q\nwant:\n%q", out.String(), want)
	}
}

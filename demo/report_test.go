package main

import (
	"bytes"
	"strings"
	"testing"
)

func number[T int | int64](n T) *T { return &n }

// sample is an outcome with all that a report may show: success, the planned failures, and two sources of memory figures.
func sample() *outcome {
	builtin := builtinGroup("demo", "results").measurements
	succeeded := record{
		Reason: reasonExited, Code: number(0), Duration: 2.5, CPUTime: cpuTime{User: 2, Sys: 0.25},
		Peak: peak{Bytes: number(int64(5 << 20)), Source: "cgroup"},
	}
	timedOut := succeeded
	timedOut.Reason, timedOut.Code, timedOut.Duration, timedOut.Peak.Source = reasonTimeout, number(-15), 1.004, "rusage"
	broke := record{Reason: reasonExited, Code: number(1), Stderr: "\nfirst words\nlast words\n", Peak: peak{Source: "none"}}
	return &outcome{
		server: serverInfo{Server: "expool-rpc", Version: "1.0", Workers: 1},
		input:  input{source: "src", files: 1234, bytes: 3_000_000},
		results: []*result{
			{measurement: builtin[0], finished: true, end: succeeded, bytes: 1_000_000},
			{measurement: builtin[3], finished: true, end: timedOut},
			{measurement: builtin[4], finished: true, end: broke},
		},
		tasks: []record{{Name: builtin[0].compressor, NumDone: 1, NumTerm: 2, Duration: 3.5}},
		total: joinReply{Completed: true, Done: 1, Failed: 2, Duration: 3.6},
	}
}

const sampleReport = `input: 3,000,000 bytes of 1,234 Go files from src
server: expool-rpc 1.0 with 1 worker

compressor  level       wall s  CPU s  peak MiB  ended               result bytes  ratio
----------  ----------  ------  -----  --------  ------------------  ------------  -----
built-in    9             2.50   2.25   [1] 5.0  exited                 1,000,000   3.00
built-in    9, endless    1.00   2.25   [2] 5.0  ! timeout of 1 s               -      -
built-in    unpack        0.00   0.00         -  ! exited, status 1             -      -

[1] peak memory by cgroup
[2] peak memory by rusage
! built-in 9, endless (on purpose): timeout of 1 s
! built-in unpack (on purpose): exited, status 1: last words

task      numdone  numterm  wall s
--------  -------  -------  ------
built-in        1        2    3.50

total: 1 done, 2 failed in 3.60 s; 4.50 s of CPU time kept 1.25 cores busy (1 worker)
`

func TestTheReportShowsEachJobItsEndAndTheTotals(t *testing.T) {
	var b bytes.Buffer
	if err := sample().write(&b); err != nil || b.String() != sampleReport {
		t.Errorf("error %v, report:\n%s\nwant:\n%s", err, b.String(), sampleReport)
	}
}

func TestOneSourceOfMemoryFiguresNeedsNoMarks(t *testing.T) {
	o := sample()
	o.results[1].end.Peak.Source = "cgroup"
	var b bytes.Buffer
	if err := o.write(&b); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); strings.Contains(text, "[1]") || !strings.Contains(text, "\npeak memory by cgroup\n") {
		t.Errorf("a single source is marked, or not named:\n%s", text)
	}
}

func TestOnlyThePlannedFailuresAreNoSurprise(t *testing.T) {
	for _, c := range []struct {
		what   string
		change func(o *outcome)
		told   string
	}{
		{"as planned", func(*outcome) {}, ""},
		{"a failure", func(o *outcome) { o.results[0].end.Code = number(2) }, "built-in 9: exited, status 2"},
		{"a timeout", func(o *outcome) { o.results[0].end.Reason = reasonTimeout }, "built-in 9: timeout of 120 s"},
		{"chained", func(o *outcome) { o.results[0].end = record{Reason: "chained_timeout"} }, "built-in 9: chained_timeout"},
		{"no timeout", func(o *outcome) { o.results[1].end = o.results[0].end }, "built-in 9, endless: exited"},
		{"a signal", func(o *outcome) { o.results[2].end = record{Reason: "signaled", Code: number(-11)} }, "built-in unpack: signaled, signal 11"},
		{"no result", func(o *outcome) { o.results[0].bytes = 0 }, "built-in 9: succeeded without a result"},
		{"no end", func(o *outcome) { o.results[2].finished = false }, "built-in unpack: no end was reported"},
		{"ended early", func(o *outcome) { o.total.Completed = false }, "join counts 1 done and 2 failed, completed: false, of 3 jobs"},
		{"miscounted", func(o *outcome) { o.total.Failed = 1 }, "join counts 1 done and 1 failed, completed: true, of 3 jobs"},
	} {
		o := sample()
		c.change(o)
		if told := strings.Join(o.surprises(), "; "); told != c.told {
			t.Errorf("%s: surprises %q, want %q", c.what, told, c.told)
		}
	}
}

func TestNumbersAreGroupedByThousands(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 123456: "123,456", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%d is written %q, want %q", n, got, want)
		}
	}
}

func TestColumnsAreAsWideAsTheirWidestCell(t *testing.T) {
	numbers := table{columns: []column{{"name", false}, {"n", true}, {"note", false}}}
	numbers.add("µ", "1", "")
	numbers.add("longer", "12345", "x")
	want := "name        n  note\n------  -----  ----\nµ           1\nlonger  12345  x\n"
	if got := numbers.String(); got != want {
		t.Errorf("the table is\n%s\nwant\n%s", got, want)
	}
}

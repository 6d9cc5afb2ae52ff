package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// jobList makes the params of an execute with n jobs as benchmarks have them.
func jobList(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"jobs":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"name":"%s","args":["bin/solver","--seed","%d","data/instance-%d.cnf"],`+
			`"timeout":300,"category":"solver","size":%d,"memlim":"512MiB","params":{"run":%d}}`, jobName(i), i, i, i*100, i)
	}
	b.WriteString("]}")
	return b.Bytes()
}

func jobName(i int) string { return fmt.Sprintf("solver/%d", i) }

func BenchmarkDecodeJobOfList(b *testing.B) {
	const n = 5000
	raw := jobList(n)
	b.ReportAllocs()
	b.SetBytes(int64(len(raw) / n))
	for i := 0; i < b.N; i += n {
		if e, err := DecodeExecute(raw); err != nil || len(e.Jobs) != n {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeSingleJob(b *testing.B) {
	raw := json.RawMessage(`{"name":"list","args":["ls","-la"]}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeExecute(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeOnFinish(b *testing.B) {
	e := Event{Name: OnFinish, Seq: 123456, Time: testTime, Record: fullRecord()}
	e.Record.Stdout, e.Record.Stderr, e.Record.Warnings = nil, nil, nil
	e.Record.CutStdout, e.Record.CutStderr = 0, 0
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		buf = e.AppendLine(buf[:0], "")
	}
	b.SetBytes(int64(len(buf)))
}

var testTime = time.UnixMicro(1700000000123456)

// fullRecord is a record in which everything is known.
func fullRecord() *Record {
	return &Record{
		Job: 7, Name: "solver/7", Task: 2, Category: "solver",
		State: Failed, Reason: Timeout, Code: Some(-9), Attempts: 2,
		Start: testTime, Stop: testTime.Add(1500 * time.Millisecond), Duration: Some(1500 * time.Millisecond),
		CPU: Some(CPUTime{User: 1250 * time.Millisecond, Sys: 10 * time.Microsecond}),
		Mem: Some[int64](1 << 20), Peak: MemPeak{Bytes: 2 << 20, Source: "cgroup"},
		IO: Some(IO{Read: 10, Write: 20}), PID: 4321, CPUs: []int{0, 16}, Leaked: 1,
		Stdout: []byte("out\n"), Stderr: []byte("\xff"), CutStdout: 5,
		Params: json.RawMessage(`{"run":7}`), Warnings: []string{"slow"},
	}
}

func BenchmarkEncodeOutput(b *testing.B) {
	text := bytes.Repeat([]byte("the quick brown fox jumps over the lazy dog, and over the fence too\n"), 15000)
	buf := AppendText(nil, text)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		buf = AppendText(buf[:0], text)
	}
}

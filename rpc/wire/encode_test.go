package wire

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
	"unsafe"
)

// encodings are values and their form on the wire.
var encodings = []struct {
	name  string
	value Appender
	want  string
}{
	{"error", Errorf(CodeBusy, "%d jobs <remain>", 2), `{"code":-32003,"message":"2 jobs <remain>"}`},
	{
		"error with data", InvalidParams("jobs[3].timeout", "must not be negative, not %d", -1),
		`{"code":-32602,"message":"invalid params: jobs[3].timeout must not be negative, not -1",` +
			`"data":{"field":"jobs[3].timeout","problem":"must not be negative, not -1"}}`,
	},
	{"raw", Raw(`{"a":1}`), `{"a":1}`},
	{"empty", Empty{}, `{}`},
	{"job", JobID{Job: 3, State: Queued}, `{"job":3,"state":"queued"}`},
	{"jobs of a list", JobIDs{1, 2}, `{"jobs":[1,2]}`},
	{"jobs of an empty list", JobIDs(nil), `{"jobs":[]}`},
	{"task", TaskID(4), `{"task":4}`},
	{"cancelled", CancelledCount(0), `{"cancelled":0}`},
	{"terminated", TerminatedCount(5), `{"terminated":5}`},
	{
		"joined", Joined{Completed: true, Done: 1, Duration: 1500 * time.Millisecond},
		`{"completed":true,"done":1,"failed":0,"duration":1.5,"failures":[]}`,
	},
	{"joined with failures", Joined{Failed: 2, Failures: []Record{{Job: 1, State: Failed}, {Job: 2}}}, `{"completed":false,"done":0,"failed":2,` +
		`"duration":0.0,"failures":[` + strings.Replace(bareRecord, `"queued"`, `"failed"`, 1) + `,` +
		strings.NewReplacer(`"job":1`, `"job":2`, `"queued"`, `null`).Replace(bareRecord) + `]}`},
	{"list of jobs", JobList{Jobs: []Record{{Job: 1, State: Queued}}, More: true}, `{"jobs":[` + bareRecord + `],"more":true}`},
	{"no jobs", JobList{}, `{"jobs":[],"more":false}`},
	{"list of tasks", TaskList{Tasks: []TaskRecord{{Task: 1, Name: "t", State: Queued}}}, `{"tasks":[` + bareTaskRecord + `]}`},
	{"more tasks", TaskList{More: true}, `{"tasks":[],"more":true}`},
	{
		"events", EventList{Events: []Event{{Name: "queued", Seq: 2, Time: testTime, Job: 1, Title: "a"}}, First: 2, Last: 2},
		`{"events":[{"event":"queued","seq":2,"time":1700000000.123456,"kind":"job","name":"a","job":1,"params":null}],"first":2,"last":2}`,
	},
	{
		"status", Status{Alive: true, Workers: 2, Counts: Counts{1, 2, 3, 4, 5, 6}, MemUsed: Some[int64](7), MemLimit: 8, Uptime: time.Second},
		`{"alive":true,"workers":2,"queued":1,"starting":2,"running":3,"ending":4,"done":5,"failed":6,"memory":{"used":7,"limit":8},"uptime":1.0}`,
	},
	{"record", fullRecord(), `{"job":7,"name":"solver/7","task":2,"category":"solver","state":"failed","reason":"timeout","code":-9,` +
		`"attempts":2,"tstart":1700000000.123456,"tstop":1700000001.623456,"duration":1.5,"cputime":{"user":1.25,"sys":0.00001},` +
		`"mem":1048576,"mempeak":{"bytes":2097152,"source":"cgroup"},"io":{"read":10,"write":20},"pid":4321,"cpus":[0,16],"leaked":1,` +
		`"stdout":"out\n","stderr":"` + "\uFFFD" + `","truncated":{"stdout":5,"stderr":0},"params":{"run":7},"warnings":["slow"]}`},
	{"record of nothing known", &Record{Job: 1, State: Queued}, bareRecord},
	{
		"captured nothing", &Record{Job: 1, State: Queued, Stdout: []byte{}},
		strings.Replace(bareRecord, `,"params"`, `,"stdout":"","params"`, 1),
	},
	{
		"task record", &TaskRecord{
			Task: 2, Parent: 1, Name: "t", State: Done, Reason: Exited, Start: testTime, Stop: testTime, Duration: Some(time.Duration(0)),
			Added: 3, Done: 2, Terminated: 1, Params: json.RawMessage(`5`), Warnings: []string{"a", "b"},
		},
		`{"task":2,"parent":1,"name":"t","state":"done","reason":"exited","tstart":1700000000.123456,"tstop":1700000000.123456,` +
			`"duration":0.0,"numadded":3,"numdone":2,"numterm":1,"params":5,"warnings":["a","b"]}`,
	},
	{
		"initialized", Initialized{Server: "s", Version: "v", Protocol: 1, Workers: 2, Latency: Seconds(time.Millisecond), Grace: Seconds(2 * time.Second)},
		`{"server":"s","version":"v","protocol":1,"workers":2,"memlimit":0,"latency":0.001,"grace":2.0,` +
			`"topology":{"cpus":0,"allowed":0,"cores":0,"nodes":0,"packages":0,"uniform":false},` +
			`"capabilities":{"cgroups":"","measurement":[],"enforcement":[],"notes":[]},"warnings":[]}`,
	},
	{
		"explained", Explained{Job: 1, State: Queued, Constraint: "memory", WaitsFor: []int{2}, Text: "a <b"},
		`{"job":1,"state":"queued","waits_for":[2],"text":"a <b","constraint":"memory"}`,
	},
	{
		"explained without constraint", Explained{Job: 1, State: Done, Text: "it has ended"},
		`{"job":1,"state":"done","waits_for":null,"text":"it has ended","constraint":null}`,
	},
}

const (
	bareRecord = `{"job":1,"name":"","task":null,"category":null,"state":"queued","reason":null,"code":null,"attempts":0,` +
		`"tstart":null,"tstop":null,"duration":null,"cputime":{"user":null,"sys":null},"mem":null,` +
		`"mempeak":{"bytes":null,"source":"none"},"io":{"read":null,"write":null},"pid":null,"cpus":null,"leaked":0,"params":null}`
	bareTaskRecord = `{"task":1,"parent":null,"name":"t","state":"queued","reason":null,"tstart":null,"tstop":null,"duration":null,` +
		`"numadded":0,"numdone":0,"numterm":0,"params":null}`
)

func TestValuesOnTheWire(t *testing.T) {
	for _, test := range encodings {
		got := string(test.value.Append([]byte("before ")))
		if got != "before "+test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
		if !json.Valid([]byte(test.want)) {
			t.Errorf("%s: not JSON", test.name)
		}
	}
}

func TestEventsAsLines(t *testing.T) {
	for _, test := range []struct {
		name, id string
		event    Event
		want     string
	}{
		{
			"start of an attempt", "", Event{
				Name: OnStart, Seq: 1, Time: testTime, Job: 2, Task: 3, Title: "j", Attempt: 1, CPUs: []int{4}, Params: json.RawMessage(`[]`),
			},
			`{"jsonrpc":"2.0","method":"onstart","params":{"seq":1,"time":1700000000.123456,"kind":"job","name":"j","job":2,"task":3,` +
				`"attempt":1,"cpus":[4],"params":[]}}`,
		},
		{
			"confirmation", "c\"1", Event{Name: OnStart, Seq: 1, Time: testTime, Job: 2, Title: "j", Attempt: 1},
			`{"jsonrpc":"2.0","id":"c\"1","method":"onstart","params":{"seq":1,"time":1700000000.123456,"kind":"job","name":"j","job":2,` +
				`"attempt":1,"cpus":null,"params":null}}`,
		},
		{
			"success of a task", "", Event{Name: OnDone, Seq: 1, Time: testTime, Task: 3, Title: "t"},
			`{"jsonrpc":"2.0","method":"ondone","params":{"seq":1,"time":1700000000.123456,"kind":"task","name":"t","task":3,"params":null}}`,
		},
		{
			"end of a job", "", Event{Name: OnFinish, Seq: 9, Time: testTime, Record: &Record{Job: 1, State: Queued}},
			`{"jsonrpc":"2.0","method":"onfinish","params":{"seq":9,"time":1700000000.123456,"kind":"job",` + bareRecord[1:] + `}`,
		},
		{
			"end of a task", "", Event{Name: OnFinish, Seq: 9, Time: testTime, TaskRecord: &TaskRecord{Task: 1, Name: "t", State: Queued}},
			`{"jsonrpc":"2.0","method":"onfinish","params":{"seq":9,"time":1700000000.123456,"kind":"task",` + bareTaskRecord[1:] + `}`,
		},
	} {
		if got := string(test.event.AppendLine(nil, test.id)); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}
}

func TestTimesAndSpans(t *testing.T) {
	for micros, want := range map[int64]string{
		0: "0.000000", 1: "0.000001", 1_500_000: "1.500000", -1: "-0.000001", -1_500_000: "-1.500000", 1e15: "1000000000.000000",
	} {
		if got := string(AppendTime(nil, time.UnixMicro(micros))); got != want {
			t.Errorf("%d µs: got %s, want %s", micros, got, want)
		}
	}
	if got := string(AppendTime(nil, time.Time{})); got != "null" {
		t.Errorf("the zero time gives %s", got)
	}
	for d, want := range map[time.Duration]string{
		0: "0.0", 1: "0.0", 499: "0.0", 500: "0.000001", time.Microsecond: "0.000001", 100 * time.Millisecond: "0.1",
		time.Second: "1.0", 10 * time.Second: "10.0", 1234567 * time.Microsecond: "1.234567", -time.Second: "-1.0",
		math.MaxInt64: "9223372036.854775",
	} {
		if got := string(AppendSeconds(nil, d)); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}

func TestErrorsReadWell(t *testing.T) {
	if got := Errorf(CodeNotFound, "no job 5").Error(); got != "no job 5 (-32002)" {
		t.Errorf("got %q", got)
	}
}

func TestJobsAreSmall(t *testing.T) {
	if size := unsafe.Sizeof(Job{}); size > 256 {
		t.Errorf("a job has %d bytes without its strings", size)
	}
}

package wire

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"
)

// decoders has the decoder of every method.
var decoders = map[string]func(json.RawMessage) (any, *Error){
	"initialize": func(raw json.RawMessage) (any, *Error) { return erase(DecodeInitialize(raw)) },
	"execute":    func(raw json.RawMessage) (any, *Error) { return erase(DecodeExecute(raw)) },
	"task":       func(raw json.RawMessage) (any, *Error) { return erase(DecodeTask(raw)) },
	"close":      func(raw json.RawMessage) (any, *Error) { return erase(DecodeClose(raw)) },
	"join":       func(raw json.RawMessage) (any, *Error) { return erase(DecodeJoin(raw)) },
	"clear":      func(raw json.RawMessage) (any, *Error) { return nil, DecodeNone(raw) },
	"cancel":     func(raw json.RawMessage) (any, *Error) { return erase(DecodeCancel(raw)) },
	"jobs":       func(raw json.RawMessage) (any, *Error) { return erase(DecodeFilter(raw)) },
	"tasks":      func(raw json.RawMessage) (any, *Error) { return erase(DecodeTaskFilter(raw)) },
	"explain":    func(raw json.RawMessage) (any, *Error) { return erase(DecodeExplain(raw)) },
	"events":     func(raw json.RawMessage) (any, *Error) { return erase(DecodeEvents(raw)) },
	"affinity":   func(raw json.RawMessage) (any, *Error) { return erase(DecodeAffinity(raw)) },
	"shutdown":   func(raw json.RawMessage) (any, *Error) { return erase(DecodeShutdown(raw)) },
}

func erase[T any](v T, err *Error) (any, *Error) { return v, err }

func TestParamsBecomeValuesWithDefaults(t *testing.T) {
	stub := Job{Name: "a", Slowdown: 1, MemKind: MemHeaviest}
	with := func(change func(*Job)) Execute {
		j := stub
		change(&j)
		return Execute{Jobs: []Job{j}}
	}
	for _, test := range []struct {
		method, raw string
		want        any
	}{
		{"execute", `{"name":"a","args":null}`, Execute{Jobs: []Job{stub}}},
		{"execute", `{"name":"a","args":["ls","-l",""]}`, with(func(j *Job) { j.Args = []string{"ls", "-l", ""} })},
		{"execute", `{"name":"a","args":"ls"}`, with(func(j *Job) { j.Args = []string{"ls"} })},
		{"execute", `{"name":"\u0061","args":["\ud83d\ude00\n\ufffd"]}`, with(func(j *Job) { j.Args = []string{"😀\n\uFFFD"} })},
		{"execute", `{"jobs":[]}`, Execute{Jobs: []Job{}, List: true}},
		{"execute", `{"timeout":null,"jobs":[{"name":"a","args":null,"wait":null}],"wait":null}`, Execute{Jobs: []Job{stub}, List: true}},
		{"tasks", `{"name":"n","category":null}`, Filter{Name: "n", Limit: DefaultLimit}},
		{"execute", `{"jobs":[{"name":"a","args":null},{"name":"a","args":null}]}`, Execute{Jobs: []Job{stub, stub}, List: true}},
		{
			"execute",
			`{"name":"n","args":["x"],"workdir":"w","env":{"B":"2","A":""},"stdin":"in","timeout":1.5,"rsrtonto":true,` +
				`"task":3,"startdelay":0.25,"confirm":true,"params":{"k": [1, " "]},"category":"c","size":2.5,"slowdown":0,` +
				`"omitafn":true,"memkind":2,"memlim":"1.5GB","stdout":"pipe","stderr":"stdout","wait":true}`,
			Execute{Jobs: []Job{{
				Name: "n", Args: []string{"x"}, Workdir: "w", Env: []string{"B=2", "A="}, Stdin: "in",
				Timeout: 1500 * time.Millisecond, Restart: true, Task: 3, StartDelay: 250 * time.Millisecond,
				Confirm: true, Params: json.RawMessage(`{"k":[1," "]}`), Category: "c", Size: 2.5, Slowdown: 0,
				NoAffinity: true, MemKind: MemTree, MemLimit: 1_500_000_000,
				Stdout: Output{Kind: OutputPipe}, Stderr: Output{Kind: OutputMerge}, Wait: true,
			}}},
		},
		{
			"execute",
			`{"name":"a","args":null,"workdir":null,"env":null,"stdin":null,"timeout":null,"rsrtonto":null,"task":null,` +
				`"startdelay":null,"confirm":null,"category":null,"size":null,"slowdown":null,"omitafn":null,` +
				`"memkind":null,"memlim":null,"wait":null}`,
			Execute{Jobs: []Job{stub}},
		},
		{"execute", `{"name":"a","args":null,"params":null}`, with(func(j *Job) { j.Params = json.RawMessage("null") })},
		{"execute", `{"name":"a","args":null,"stdout":null,"stderr":"inherit"}`, with(func(j *Job) {
			j.Stdout, j.Stderr = Output{Kind: OutputDiscard}, Output{Kind: OutputInherit}
		})},
		{"execute", `{"name":"a","args":null,"stdout":{"file":"o/x"}}`, with(func(j *Job) {
			j.Stdout = Output{Kind: OutputFile, File: "o/x"}
		})},
		{"execute", `{"name":"a","args":null,"timeout":1e-12}`, with(func(j *Job) { j.Timeout = 1 })},
		{"execute", `{"name":"a","args":null,"memlim":1e9,"task":4.0}`, with(func(j *Job) { j.MemLimit, j.Task = 1e9, 4 })},
		{"execute", `{"name":"a","args":null,"task":9223372036854775807}`, with(func(j *Job) { j.Task = math.MaxInt64 })},

		{"initialize", ``, Initialize{}},
		{"initialize", `{}`, Initialize{}},
		{"initialize", `{"workers":null,"affinity":null,"chained":null,"notify":null}`, Initialize{}},
		{"initialize", `{"notify":[]}`, Initialize{Notify: Some([]string{})}},
		{"initialize", `{"notify":["onfinish","onstart"]}`, Initialize{Notify: Some([]string{OnFinish, OnStart})}},
		{
			"initialize",
			`{"name":"p","workers":4,"memlimit":"2 GiB","latency":0,"grace":0.5,"chained":false,"protocol":1,` +
				`"affinity":{"step":"core","first":false,"sequential":true,"membind":"bind"}}`,
			Initialize{
				Name: "p", Workers: Some(4), MemLimit: Some[int64](2 << 30), Latency: Some[time.Duration](0),
				Grace: Some(500 * time.Millisecond), Chained: Some(false), Protocol: Some(1),
				Affinity: &AffinityPolicy{Step: Step{Level: LevelCore}, Sequential: Some(true), MemBind: MemBindStrict},
			},
		},
		{"initialize", `{"affinity":{"step":2}}`, Initialize{
			Affinity: &AffinityPolicy{Step: Step{Threads: 2}, First: true, MemBind: MemBindNone},
		}},

		{"task", `{"name":"t","task":1,"timeout":2,"params":[ 1 ],"stdout":"pipe","stderr":null}`, Task{
			Name: "t", Parent: 1, Timeout: 2 * time.Second, Params: json.RawMessage(`[1]`),
			Stdout: Output{Kind: OutputPipe}, Stderr: Output{Kind: OutputDiscard},
		}},
		{"close", `{"task":1}`, Close{Task: 1}},
		{"join", `{}`, Join{}},
		{"join", `{"timeout":0.000001}`, Join{Timeout: time.Microsecond}},
		{"clear", ``, nil},
		{"clear", ` { } `, nil},
		{"cancel", `{"job":1}`, Cancel{Job: 1}},
		{"cancel", `{"job":null,"task":2}`, Cancel{Task: 2}},
		{"jobs", ``, Filter{Limit: DefaultLimit}},
		{"jobs", `{"state":"failed","name":"n","category":"c","task":1,"reason":"oom","limit":5,"after":0}`, Filter{
			State: Failed, Name: "n", Category: "c", Task: 1, Reason: OOM, Limit: 5,
		}},
		{"explain", `{"job":1}`, Explain{Job: 1}},
		{"events", `{}`, Events{Limit: DefaultLimit}},
		{"events", `{"after":12}`, Events{After: 12, Limit: DefaultLimit}},
		{"affinity", `{"step":1}`, Affinity{Step: Step{Threads: 1}, First: true}},
		{"affinity", `{"step":"l3","first":false,"sequential":false,"index":0}`, Affinity{
			Step: Step{Level: LevelL3}, Sequential: Some(false), Index: Some(0),
		}},
		{"shutdown", ``, Shutdown{Mode: ModeFinish}},
		{"shutdown", `{"mode":"terminate"}`, Shutdown{Mode: ModeTerminate}},
	} {
		got, err := decoders[test.method](json.RawMessage(test.raw))
		if err != nil {
			t.Errorf("%s %s: %v", test.method, test.raw, err)
		} else if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s %s:\n got %+v\nwant %+v", test.method, test.raw, got, test.want)
		}
	}
}

func TestInvalidParamsNameTheFieldAndTheRemedy(t *testing.T) {
	deep := strings.Repeat(`{"name":"a","args":null},`, 3)
	for _, test := range []struct{ method, raw, field, problem string }{
		{"execute", `[1]`, "params", "must be an object with named fields, not a list"},
		{"execute", `null`, "params", "not null"},
		{"execute", `"x"`, "params", "not a string"},
		{"execute", `5`, "params", "not a number"},
		{"execute", ``, "name", "is missing"},
		{"execute", `{"args":null}`, "name", "is missing"},
		{"execute", `{"name":null,"args":null}`, "name", "is missing"},
		{"execute", `{"name":"","args":null}`, "name", "must not be empty"},
		{"execute", `{"name":5,"args":null}`, "name", "must be a string, not a number"},
		{"execute", `{"name":"a\u0000","args":null}`, "name", "NUL"},
		{"execute", `{"name":"a"}`, "args", "null for a stub"},
		{"execute", `{"name":"a","args":[]}`, "args", "must start with a command"},
		{"execute", `{"name":"a","args":[""]}`, "args", "must start with a command"},
		{"execute", `{"name":"a","args":""}`, "args", "must not be empty"},
		{"execute", `{"name":"a","args":{}}`, "args", "must be a list of strings, a command name, or null for a stub, not an object"},
		{"execute", `{"name":"a","args":["a",1]}`, "args[1]", "must be a string, not a number"},
		{"execute", `{"name":"a","args":["a","b\u0000"]}`, "args[1]", "NUL"},
		{"execute", `{"name":"a","args":["a",null]}`, "args[1]", "not null"},
		{"execute", `{"name":"a","args":null,"timeot":1}`, "timeot", "did you mean timeout?"},
		{"execute", `{"name":"a","args":null,"Timeout":1}`, "Timeout", "did you mean timeout?"},
		{"execute", `{"name":"a","args":null,"zzzzzzzz":1}`, "zzzzzzzz", "use one of name, args, workdir"},
		{"execute", `{"name":"a","args":null,"name":"b"}`, "name", "is given twice"},
		{"execute", `{"name":"a","args":null,"timeout":-1}`, "timeout", "must not be negative, not -1"},
		{"execute", `{"name":"a","args":null,"timeout":"1"}`, "timeout", "must be a number, not a string"},
		{"execute", `{"name":"a","args":null,"timeout":1e10}`, "timeout", "292 years"},
		{"execute", `{"name":"a","args":null,"timeout":1e999}`, "timeout", "below 1.8e308"},
		{"execute", `{"name":"a","args":null,"startdelay":-0.1}`, "startdelay", "must not be negative"},
		{"execute", `{"name":"a","args":null,"size":-1}`, "size", "must not be negative"},
		{"execute", `{"name":"a","args":null,"size":1e400}`, "size", "below"},
		{"execute", `{"name":"a","args":null,"slowdown":-1}`, "slowdown", "must not be negative"},
		{"execute", `{"name":"a","args":null,"task":0}`, "task", "must be at least 1, not 0"},
		{"execute", `{"name":"a","args":null,"task":-1}`, "task", "must be at least 1, not -1"},
		{"execute", `{"name":"a","args":null,"task":1.5}`, "task", "whole number"},
		{"execute", `{"name":"a","args":null,"task":1e30}`, "task", "whole number"},
		{"execute", `{"name":"a","args":null,"memkind":3}`, "memkind", "must be from 0 to 2, not 3"},
		{"execute", `{"name":"a","args":null,"rsrtonto":1}`, "rsrtonto", "must be a boolean, not a number"},
		{"execute", `{"name":"a","args":null,"category":""}`, "category", "leave it out"},
		{"execute", `{"name":"a","args":null,"memlim":"512 Mib"}`, "memlim", `such as "512MiB"`},
		{"execute", `{"name":"a","args":null,"memlim":1.5}`, "memlim", "whole number of bytes"},
		{"execute", `{"name":"a","args":null,"memlim":-5}`, "memlim", "must not be negative"},
		{"execute", `{"name":"a","args":null,"memlim":[]}`, "memlim", "not a list"},
		{"execute", `{"name":"a","args":null,"env":["A=1"]}`, "env", "must be an object, not a list"},
		{"execute", `{"name":"a","args":null,"env":{"A":1}}`, "env.A", "must be a string, not a number"},
		{"execute", `{"name":"a","args":null,"env":{"A":null}}`, "env.A", "must be a string, not null"},
		{"execute", `{"name":"a","args":null,"env":{"":"x"}}`, `env.""`, "must not be empty"},
		{"execute", `{"name":"a","args":null,"env":{"A=B":"x"}}`, "env.A=B", "'='"},
		{"execute", `{"name":"a","args":null,"env":{"A":"x\u0000"}}`, "env.A", "NUL"},
		{"execute", `{"name":"a","args":null,"env":{"A":"x","A":"y"}}`, "env.A", "is given twice"},
		{"execute", `{"name":"a","args":null,"workdir":"a\u0000"}`, "workdir", "NUL"},
		{"execute", `{"name":"a","args":null,"stdout":"stdout"}`, "stdout", "for stderr only"},
		{"execute", `{"name":"a","args":null,"stdout":"stderr"}`, "stdout", `"inherit", "pipe", null or {"file": path}`},
		{"execute", `{"name":"a","args":null,"stderr":5}`, "stderr", "not a number"},
		{"execute", `{"name":"a","args":null,"stderr":{}}`, "stderr.file", "is missing"},
		{"execute", `{"name":"a","args":null,"stderr":{"path":"x"}}`, "stderr.path", "use one of file"},
		{"execute", `{"name":"a","args":null,"stderr":{"file":""}}`, "stderr.file", "must not be empty"},
		{"execute", `{"jobs":{}}`, "jobs", "must be a list, not an object"},
		{"execute", `{"name":"a","args":["x","\udcff"]}`, "args[1]", "half of a surrogate pair"},
		{"execute", `{"name":"\ud800\u0041","args":null}`, "name", "half of a surrogate pair"},
		{"execute", `{"name":"a","args":null,"env":{"A":"\ude00\ud83d"}}`, "env.A", "half of a surrogate pair"},
		{"execute", `{"name":"a","args":null,"memlim":18446744073709551616}`, "memlim", "below 8 EiB"},
		{"execute", `{"name":"a","args":null,"memlim":"9223372036854775808B"}`, "memlim", "below 8 EiB"},
		{"execute", `{"jobs":null}`, "jobs", "must be a list, not null"},
		{"execute", `{"timeout":null,"timeout":1,"jobs":[]}`, "timeout", "is given twice"},
		{"execute", `{"args":null,"jobs":[]}`, "args", "is not allowed beside jobs"},
		{"tasks", `{"category":"c"}`, "category", "is of jobs"},
		{"execute", `{"jobs":[1]}`, "jobs[0]", "must be an object, not a number"},
		{"execute", `{"jobs":[` + deep + `{"name":"a","args":null,"timeout":-1}]}`, "jobs[3].timeout", "must not be negative"},
		{"execute", `{"jobs":[` + deep + `{"args":null}]}`, "jobs[3].name", "is missing"},
		{"execute", `{"jobs":[` + deep + `{"name":"a"}]}`, "jobs[3].args", "is missing"},
		{"execute", `{"jobs":[` + deep + `{"name":"a","args":["x",2]}]}`, "jobs[3].args[1]", "must be a string"},
		{"execute", `{"jobs":[` + deep + `{"name":"a","args":null,"tsk":1}]}`, "jobs[3].tsk", "did you mean task?"},
		{"execute", `{"jobs":[{"name":"a","args":null,"wait":false}]}`, "jobs[0].wait", "not allowed in a list"},
		{"execute", `{"jobs":[],"wait":true}`, "wait", "not allowed beside jobs"},
		{"execute", `{"name":"a","jobs":[]}`, "name", "not allowed beside jobs"},

		{"initialize", `{"workers":0}`, "workers", "must be from 1 to"},
		{"initialize", `{"workers":-1}`, "workers", "must be from 1 to"},
		{"initialize", `{"workers":2.5}`, "workers", "whole number"},
		{"initialize", `{"grace":-1}`, "grace", "must not be negative"},
		{"initialize", `{"memlimit":"lots"}`, "memlimit", "number with a unit"},
		{"initialize", `{"affinity":{}}`, "affinity.step", "is missing"},
		{"initialize", `{"notify":"onfinish"}`, "notify", "must be a list"},
		{"initialize", `{"notify":["onfinish","onend"]}`, "notify[1]", `must be one of "onstart", "ondone", "onfinish", not "onend"`},
		{"initialize", `{"notify":[null]}`, "notify[0]", "not null"},
		{"initialize", `{"affinity":{"step":"socket"}}`, "affinity.step", `must be one of "thread", "core", "l2", "l3", "node", "package", not "socket"`},
		{"initialize", `{"affinity":{"step":0}}`, "affinity.step", "must be from 1"},
		{"initialize", `{"affinity":{"step":1,"membind":"x"}}`, "affinity.membind", `"none", "prefer", "bind"`},
		{"initialize", `{"affinity":{"stp":1}}`, "affinity.stp", "did you mean step?"},
		{"initialize", `{"affinity":"core"}`, "affinity", "must be an object, not a string"},
		{"initialize", `{"protocol":"1"}`, "protocol", "must be a number, not a string"},

		{"task", `{}`, "name", "is missing"},
		{"task", `{"name":"t","task":"x"}`, "task", "must be a number"},
		{"close", ``, "task", "is missing"},
		{"close", `{"task":null}`, "task", "must be an id, not null"},
		{"join", `{"timeout":-1}`, "timeout", "must not be negative"},
		{"clear", `{"all":true}`, "all", "leave it out"},
		{"clear", `[]`, "params", "not a list"},
		{"cancel", `{}`, "job", "is missing"},
		{"cancel", `{"job":1,"task":1}`, "task", "give one of them"},
		{"jobs", `{"state":"finished"}`, "state", `must be one of "queued", "starting"`},
		{"jobs", `{"reason":"killed"}`, "reason", `must be one of "exited", "signaled"`},
		{"jobs", `{"limit":0}`, "limit", "must be from 1"},
		{"jobs", `{"after":-1}`, "after", "must be at least 0"},
		{"explain", `{}`, "job", "is missing"},
		{"events", `{"after":-1}`, "after", "must be at least 0"},
		{"affinity", `{}`, "step", "is missing"},
		{"affinity", `{"step":1,"index":-1}`, "index", "must be from 0"},
		{"shutdown", `{"mode":"now"}`, "mode", `must be one of "finish", "terminate", not "now"`},
	} {
		_, err := decoders[test.method](json.RawMessage(test.raw))
		switch {
		case err == nil:
			t.Errorf("%s %s: no error", test.method, test.raw)
		case err.Code != CodeInvalidParams || err.Field != test.field || !strings.Contains(err.Problem, test.problem):
			t.Errorf("%s %s:\n got %d %s: %s\nwant %s: ...%s...", test.method, test.raw,
				err.Code, err.Field, err.Problem, test.field, test.problem)
		case !strings.Contains(err.Message, err.Field+" "+err.Problem):
			t.Errorf("%s %s: the message %q lacks the problem", test.method, test.raw, err.Message)
		}
	}
}

func TestLongNamesAreClippedInErrors(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for _, raw := range []string{`{"` + long + `":1}`, `{"name":"a","args":null,"env":{"` + long + `":1}}`, `{"stdout":"` + long + `"}`} {
		_, err := DecodeExecute(json.RawMessage(raw))
		if n := len(err.Append(nil)); n > 1000 {
			t.Errorf("the error has %d bytes", n)
		}
	}
}

func TestMalformedParamsAreParseErrors(t *testing.T) {
	for _, raw := range []string{`{`, `{"name"`, `{"name":}`, `{"name":"a",}`, `{"timeout":01}`, `{"name":"a","args":}`, `{"jobs":[,]}`, `{} {}`, ` `, `x`} {
		if _, err := DecodeExecute(json.RawMessage(raw)); err == nil || err.Code != CodeParse {
			t.Errorf("%s: got %v", raw, err)
		}
	}
}

func TestDecodedJobsDoNotReferToTheInput(t *testing.T) {
	raw := []byte(`{"jobs":[{"name":"name","args":["cmd","arg"],"env":{"K":"v"},"params":{"a":"b"},"stdout":{"file":"f"}}]}`)
	e, err := DecodeExecute(raw)
	if err != nil {
		t.Fatal(err)
	}
	clear(raw)
	j := e.Jobs[0]
	if j.Name != "name" || j.Args[1] != "arg" || j.Env[0] != "K=v" || string(j.Params) != `{"a":"b"}` || j.Stdout.File != "f" {
		t.Errorf("a job changed with the input: %+v", j)
	}
}

func TestEqualStringsInAListShareTheirMemory(t *testing.T) {
	e, err := DecodeExecute(jobList(1000))
	if err != nil {
		t.Fatal(err)
	}
	for i, j := range e.Jobs {
		if j.Name != jobName(i) || j.Category != "solver" {
			t.Fatalf("job %d is %q of %q", i, j.Name, j.Category)
		}
	}
	copies := map[*byte]bool{}
	for _, j := range e.Jobs {
		copies[unsafe.StringData(j.Category)] = true
	}
	if len(copies) > len(e.Jobs)/10 {
		t.Errorf("%d jobs have %d copies of their category", len(e.Jobs), len(copies))
	}
}

func TestMemoryStrings(t *testing.T) {
	for s, want := range map[string]int64{
		"0B": 0, "1B": 1, "512MiB": 512 << 20, "2.5GiB": 5 << 29, "1.5GB": 1_500_000_000, "1 KB": 1000,
		"1KiB": 1024, "1TB": 1e12, "1TiB": 1 << 40, "0.1TB": 1e11, "0.3B": 1, "8388607TiB": 8388607 << 40,
		"007 MB": 7e6,
	} {
		if got, ok := ParseMemory(s); !ok || got != want {
			t.Errorf("%q: got %d, %v, want %d", s, got, ok, want)
		}
	}
	for _, s := range []string{
		"", "B", " B", "5", "5 ", "5  MB", "5mb", "5Mb", "5kB", "5K", "5M", "5Gi", "-5MB", "+5MB", ".5GB", "5.GB", "1e3MB",
		"5MBB", "5MB ", " 5MB", "NaNB", "5PB", "8388608TiB", "9e99TB", "1.2.3GB", "0x5B", "5\u00a0MB", "1_000B", "5Bi",
	} {
		if got, ok := ParseMemory(s); ok {
			t.Errorf("%q: got %d, want a refusal", s, got)
		}
	}
}

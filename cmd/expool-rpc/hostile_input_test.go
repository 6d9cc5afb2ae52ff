package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestHostileLinesAreRefusedAndTheConnectionSurvives(t *testing.T) {
	execute := func(fields string) string {
		return `{"jsonrpc":"2.0","id":"x","method":"execute","params":{"name":"a",` + fields + `}}`
	}
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	h := start(t, "--workers=1")
	for i, test := range []struct {
		name, line string
		code       int
		field      string
	}{
		{"100,000 open brackets", strings.Repeat("[", 100_000), -32700, ""},
		{"100,000 nested lists", nested(100_000), -32700, ""},
		{"params nested 100,000 deep", execute(`"args":null,"params":` + nested(100_000)), -32700, ""},
		{"an id nested 100,000 deep", `{"jsonrpc":"2.0","method":"status","id":` + nested(100_000) + `}`, -32700, ""},
		{"100,000 open objects", strings.Repeat(`{"a":`, 100_000), -32700, ""},
		{"a number of 100,000 digits", execute(`"args":null,"timeout":` + strings.Repeat("9", 100_000)), -32602, "timeout"},
		{"1e400", execute(`"args":null,"timeout":1e400`), -32602, "timeout"},
		{"1e400 bytes", execute(`"args":null,"memlim":1e400`), -32602, "memlim"},
		{"1e300 seconds", execute(`"args":null,"startdelay":1e300`), -32602, "startdelay"},
		{"2^64+1 as an id of a job", `{"jsonrpc":"2.0","id":"x","method":"cancel","params":{"job":18446744073709551617}}`, -32602, "job"},
		{"2^63 as an id of a task", `{"jsonrpc":"2.0","id":"x","method":"close","params":{"task":9223372036854775808}}`, -32602, "task"},
		{"2^63-1 as an id of a job", `{"jsonrpc":"2.0","id":"x","method":"explain","params":{"job":9223372036854775807}}`, -32002, "job"},
		{"NaN", execute(`"args":null,"timeout":NaN`), -32700, ""},
		{"minus zero point one", execute(`"args":null,"timeout":-0.1`), -32602, "timeout"},
		{"a NUL in an argument", execute(`"args":["a\u0000b"]`), -32602, "args[0]"},
		{"a NUL in a path", execute(`"args":["true"],"workdir":"\u0000"`), -32602, "workdir"},
		{"a NUL in a variable's name", execute(`"args":["true"],"env":{"\u0000":"x"}`), -32602, "env.\x00"},
		{"a NUL in a variable", execute(`"args":["true"],"env":{"A":"\u0000"}`), -32602, "env.A"},
		{"a NUL in a file's name", execute(`"args":["true"],"stdout":{"file":"\u0000"}`), -32602, "stdout.file"},
		{"a raw NUL in a string", execute("\"args\":[\"a\x00b\"]"), -32700, ""},
		{"raw NULs between tokens", "\x00\x00{}", -32700, ""},
		{"bytes that are not UTF-8", execute("\"args\":[\"\xff\"]"), -32700, ""},
		{"UTF-8 cut short", execute("\"args\":[\"\xe2\x82\"]"), -32700, ""},
		{"UTF-16 surrogates in UTF-8", execute("\"args\":[\"\xed\xa0\x80\"]"), -32700, ""},
		{"a field twice", execute(`"args":null,"args":["rm"]`), -32602, "args"},
		{"a field twice, once in escapes", execute(`"args":null,"\u0061rgs":["rm"]`), -32602, "args"},
		{"a variable twice", execute(`"args":["true"],"env":{"A":"1","A":"2"}`), -32602, "env.A"},
		{"a field in other case", execute(`"args":null,"Timeout":1`), -32602, "Timeout"},
		{"jobs that are no objects", `{"jsonrpc":"2.0","id":"x","method":"execute","params":{"jobs":[null]}}`, -32602, "jobs[0]"},
		{"a field that is 1 MB long", execute(`"args":null,"` + strings.Repeat("x", 1<<20) + `":1`), -32602, strings.Repeat("x", 61) + "..."},
		{"a method that is 1 MB long", `{"jsonrpc":"2.0","id":"x","method":"` + strings.Repeat("x", 1<<20) + `"}`, -32601, ""},
	} {
		h.send(test.line)
		m := h.wait("answer to "+test.name, func(m message) bool { return m.Method == "" })
		if m.Error == nil || m.Error.Code != test.code || m.Error.Data.Field != test.field {
			t.Errorf("%s: %.300s, want error %d on %q", test.name, m.line, test.code, test.field)
		}
		h.call(i, "status", "")
		h.reply(i)
	}
	if status := h.end(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

func TestIdsComeBackAsTheyWereWritten(t *testing.T) {
	h := start(t)
	for _, id := range []string{
		"18446744073709551617", "-9223372036854775809", "-0", "0", `""`, `"\u0000"`, `"\ud800"`, `"\ud83d\ude00"`, "\"\u2028\"", "null",
		strings.Repeat("9", 100_000), `"` + strings.Repeat("é", 100_000) + `"`,
	} {
		h.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":"status"}`, id))
		m := h.wait("answer", func(m message) bool { return m.Method == "" })
		if !strings.HasPrefix(m.line, `{"jsonrpc":"2.0","id":`+id+`,"result":{`) {
			t.Errorf("the id %.100s comes back in %.200s", id, m.line)
		}
	}
}

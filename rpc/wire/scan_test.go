package wire

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// valid tells what the scanner thinks of data as one JSON value.
func valid(data []byte) bool {
	s := NewScanner(data)
	s.Skip()
	s.End()
	return s.Err() == nil
}

// build makes the value that encoding/json would make with UseNumber, so that
// the two can be compared.
func build(s *Scanner) any {
	switch s.Kind() {
	case Null:
		s.Null()
	case Bool:
		return s.Bool()
	case Number:
		return json.Number(s.Number())
	case String:
		return string(s.Text())
	case Array:
		list := []any{}
		s.Open()
		for s.Element(len(list)) {
			list = append(list, build(s))
		}
		return list
	case Object:
		object := map[string]any{}
		s.Open()
		for n := 0; ; n++ {
			key, ok := s.Member(n)
			if !ok {
				return object
			}
			object[string(key)] = build(s)
		}
	}
	return nil
}

var scanCorpus = []string{
	``, ` `, `null`, `nul`, `nulll`, `true`, `tru`, `false`, `falsy`, `0`, `-0`, `-`, `01`, `1.`, `.5`, `1.5`, `1e5`, `1E+5`, `1e`,
	`1e-`, `-1.5e-7`, `+1`, `1_000`, `0x10`, `NaN`, `Infinity`, `""`, `"a"`, `"a`, `"\n"`, `"\x"`, `"\u12"`, `"\u00e9"`,
	`"\ud83d\ude00"`, `"\ud83d"`, `"\ude00"`, `"\ud83dx"`, `"\ud83d\u0041"`, `"\ud83d\ud83d\ude00"`, "\"\n\"", "\"\x00\"",
	"\"\x7f\"", "\"\u2028\"", `[]`, `[ ]`, `[1]`, `[1,]`, `[,1]`, `[1 2]`, `[1,2`, `{}`, `{"a":1}`, `{"a":1,}`, `{"a"}`, `{a:1}`,
	`{"a":}`, `{"a":1 "b":2}`, `{"a":1,"a":2}`, `{"a":{"b":[{"c":null}]}}`, ` { "a" : [ 1 , true , "x" ] } `, `{} {}`, `[}`, `{]`,
	"\t\r\n1\v", `"\/\b\f\r\t\\\""`, "[\x001]", `[1]` + "\x00", `{"\u0061":1}`, `[[[[[]]]]]`,
}

func TestScannerAgreesWithEncodingJSON(t *testing.T) {
	deep := strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth)
	tooDeep := "[" + deep + "]"
	for _, text := range append(scanCorpus, deep, tooDeep) {
		agree(t, []byte(text))
	}
	if !valid([]byte(deep)) || valid([]byte(tooDeep)) {
		t.Error("the bound of the depth is not maxDepth")
	}
}

func agree(t *testing.T, data []byte) {
	t.Helper()
	want := json.Valid(data)
	if got := valid(data); got != want {
		t.Fatalf("%.200q: the scanner says %v, encoding/json %v", data, got, want)
	}
	s := NewScanner(data)
	got := build(s)
	s.End()
	if (s.Err() == nil) != want {
		t.Fatalf("%.200q: reading gives %v, encoding/json says %v", data, s.Err(), want)
	}
	if !want || !utf8.Valid(data) {
		return
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil || !reflect.DeepEqual(got, value) {
		t.Fatalf("%.200q:\n got %#v\nwant %#v, %v", data, got, value, err)
	}
	compactAgrees(t, data)
}

func compactAgrees(t *testing.T, data []byte) {
	t.Helper()
	var want bytes.Buffer
	if err := json.Compact(&want, data); err != nil {
		t.Fatal(err)
	}
	if got := compact(data); !bytes.Equal(got, want.Bytes()) {
		t.Fatalf("%q: compacted to %q, want %q", data, got, want.Bytes())
	}
}

func TestSyntaxErrorsSayWhereAndWhat(t *testing.T) {
	for text, want := range map[string]string{
		`{"a" 1}`:    `malformed JSON at byte 5: expected ':' after a key`,
		`[1 2]`:      `malformed JSON at byte 3: expected ',' or ']'`,
		`"a\x"`:      `malformed JSON at byte 2: invalid escape in a string`,
		`[1] x`:      `malformed JSON at byte 4: unexpected data after the value`,
		`{"a":1`:     `malformed JSON at byte 6: expected ',' or '}'`,
		"\"a\tb\"":   `malformed JSON at byte 2: control character in a string, which must be escaped`,
		`"ab`:        `malformed JSON at byte 3: string without end`,
		`[-]`:        `malformed JSON at byte 2: expected a digit`,
		`{"a":nope}`: `malformed JSON at byte 5: expected a value`,
	} {
		s := NewScanner([]byte(text))
		s.Skip()
		s.End()
		if s.Err() == nil || s.Err().Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", text, s.Err(), want)
		}
	}
}

func FuzzScanner(f *testing.F) {
	for _, text := range scanCorpus {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) { agree(t, data) })
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "a", "\"\\\n\r\t\b\x00\x1f\x7f", "é\u2028<&>", "\xff", "a\xe2\x82z", "\xf0\x9f\x98", "😀", "12345678\"", "1234567\\", "1234567\x1f89", "12345678éa\n12345678", "\x7f!#[]~ 0123456789"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		encoded := AppendText(nil, text)
		if bytes.ContainsAny(encoded, "\n\r") || !utf8.Valid(encoded) {
			t.Fatalf("%q: not fit for a line: %q", text, encoded)
		}
		var decoded string
		if err := json.Unmarshal(encoded, &decoded); err != nil {
			t.Fatalf("%q: encoded as %q: %v", text, encoded, err)
		}
		if want := string([]rune(string(text))); decoded != want {
			t.Fatalf("%q: got %q, want %q", text, decoded, want)
		}
	})
}

func FuzzParams(f *testing.F) {
	for _, text := range paramsCorpus {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for method, decode := range decoders {
			_, err := decode(data)
			checkDecoded(t, method, data, err)
		}
	})
}

var paramsCorpus = []string{
	``, `{}`, `null`, `[]`, string(jobList(2)), `{"name":"a","args":["x","y"],"env":{"A":"b"},"stdout":{"file":"f"},"stderr":"stdout"}`,
	`{"workers":2,"affinity":{"step":"core","membind":"bind","first":true,"sequential":null}}`, `{"task":1,"timeout":2.5}`,
	`{"step":4,"index":1}`, `{"mode":"finish"}`, `{"state":"done","reason":"oom","limit":3}`, `{"name":"a","args":null,"memlim":"1.5GB"}`,
	`{"jobs":[{"name":"a","args":null},{"name":"b"}]}`, `{"after":1}`, `{"job":1,"task":2}`,
}

// checkDecoded holds what is true of every decoder: malformed JSON is an error,
// an error of its own kind, and any error can be sent.
func checkDecoded(t *testing.T, method string, data []byte, err *Error) {
	t.Helper()
	wellFormed := len(data) == 0 || json.Valid(data)
	switch {
	case err == nil && !wellFormed:
		t.Fatalf("%s: malformed params were decoded: %q", method, data)
	case err == nil:
		return
	case err.Code == CodeParse && wellFormed:
		t.Fatalf("%s: well-formed params give %v: %q", method, err, data)
	case err.Code != CodeParse && (err.Code != CodeInvalidParams || err.Field == "" || err.Problem == ""):
		t.Fatalf("%s: the error lacks something: %+v: %q", method, err, data)
	}
	if line := err.Append(nil); !json.Valid(line) || !utf8.Valid(line) {
		t.Fatalf("%s: the error can't be sent: %q", method, line)
	}
}

func FuzzParseMemory(f *testing.F) {
	for _, s := range []string{"1B", "1.5GB", "2 TiB", "99999999999999999999B", "1.KB", "KB"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, ok := ParseMemory(s); n < 0 || !ok && n != 0 {
			t.Fatalf("%q: %d, %v", s, n, ok)
		}
	})
}

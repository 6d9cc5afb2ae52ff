package rpc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"expool/rpc/wire"
)

// echo is a handler that answers with what it was asked, fails where the method
// is fail, and reports responses as events.
type echo struct{ out *Outbox }

func (h *echo) LineDone() {}

func (h *echo) Handle(c *Call) {
	if c.Method == "fail" {
		c.Fail(wire.Errorf(wire.CodeNotAlive, "no"))
		return
	}
	params := c.Params
	if params == nil {
		params = json.RawMessage(`"absent"`)
	}
	result := append(wire.AppendString([]byte{'['}, c.Method), ',')
	c.Reply(wire.Raw(append(append(result, params...), ']')))
}

func (h *echo) Response(id string, result json.RawMessage, err *wire.Error) {
	line := wire.AppendString([]byte(`response `), id)
	if err != nil {
		line = err.Append(append(line, " error "...))
	} else {
		line = append(append(line, " result "...), result...)
	}
	h.out.Send(line)
}

// exchange serves the input with an echo and returns the lines that come out.
func exchange(t *testing.T, in io.Reader) []string {
	t.Helper()
	var sent bytes.Buffer
	out := NewOutbox(&sent, OutboxOptions{})
	if err := Serve(context.Background(), in, out, &echo{out}); err != nil {
		t.Errorf("serving: %v", err)
	}
	if err := out.Close(context.Background()); err != nil {
		t.Errorf("closing: %v", err)
	}
	text := strings.TrimSuffix(sent.String(), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// ok and bad are responses.
func ok(id, result string) string { return `{"jsonrpc":"2.0","id":` + id + `,"result":` + result + `}` }

func bad(id, member, problem string) string {
	return `{"jsonrpc":"2.0","id":` + id + `,"error":{"code":-32600,"message":"invalid request: ` + member + ` ` +
		strings.ReplaceAll(problem, `"`, `\"`) + `","data":{"field":"` + member + `","problem":"` + strings.ReplaceAll(problem, `"`, `\"`) + `"}}}`
}

func plainError(code, message string) string {
	return `{"jsonrpc":"2.0","id":null,"error":{"code":` + code + `,"message":"` + message + `"}}`
}

const (
	anID       = "must be a string, an integer or null"
	aVersion   = `must be "2.0"`
	notAnyUTF8 = "parse error: the line is not valid UTF-8"
)

var exchanges = []struct {
	name, in string
	want     []string
}{
	{"a call", `{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":1}}`, []string{ok("1", `["m",{"a":1}]`)}},
	{"no params", `{"jsonrpc":"2.0","id":1,"method":"m"}`, []string{ok("1", `["m","absent"]`)}},
	{"null params", `{"jsonrpc":"2.0","id":1,"method":"m","params":null}`, []string{ok("1", `["m",null]`)}},
	{"an error", `{"jsonrpc":"2.0","id":1,"method":"fail"}`, []string{`{"jsonrpc":"2.0","id":1,"error":{"code":-32001,"message":"no"}}`}},
	{"an id that is negative", `{"jsonrpc":"2.0","id":-1,"method":"m"}`, []string{ok("-1", `["m","absent"]`)}},
	{"an id of any size", `{"jsonrpc":"2.0","id":123456789012345678901234567890,"method":"m"}`, []string{ok("123456789012345678901234567890", `["m","absent"]`)}},
	{"an id of 2^53+1", `{"jsonrpc":"2.0","id":9007199254740993,"method":"m"}`, []string{ok("9007199254740993", `["m","absent"]`)}},
	{"an id as written", `{"jsonrpc":"2.0","id":"\u0041\/\ud800","method":"m"}`, []string{ok(`"\u0041\/\ud800"`, `["m","absent"]`)}},
	{"an empty id", `{"jsonrpc":"2.0","id":"","method":"m"}`, []string{ok(`""`, `["m","absent"]`)}},
	{"a null id", `{"jsonrpc":"2.0","id":null,"method":"m"}`, []string{ok("null", `["m","absent"]`)}},
	{"a notification", `{"jsonrpc":"2.0","method":"m"}`, nil},
	{"a notification that fails", `{"jsonrpc":"2.0","method":"fail"}`, nil},
	{"escaped members", `{"jsonrpc":"\u0032.0","\u0069d":1,"method":"\u006d\n"}`, []string{ok("1", `["m\n","absent"]`)}},
	{"an empty method", `{"jsonrpc":"2.0","id":1,"method":""}`, []string{ok("1", `["","absent"]`)}},
	{"other members", `{"jsonrpc":"2.0","id":1,"method":"m","meta":{"x":1},"result":5}`, []string{ok("1", `["m","absent"]`)}},
	{"white space", " \t{ \"jsonrpc\" : \"2.0\" , \"id\" : 1 , \"method\" : \"m\" } \r", []string{ok("1", `["m","absent"]`)}},

	{"blank lines", "\n\r\n  \t\n", nil},
	{"CRLF", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\"}\r\n{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"m\"}\r\n", []string{ok("1", `["m","absent"]`), ok("2", `["m","absent"]`)}},
	{"a byte order mark", "\uFEFF" + `{"jsonrpc":"2.0","id":1,"method":"m"}`, []string{ok("1", `["m","absent"]`)}},
	{"a byte order mark later", "\n\uFEFF{}", []string{plainError("-32700", "parse error: malformed JSON at byte 0: expected a value")}},

	{"malformed JSON", `{"jsonrpc":"2.0","id":1,"method":`, []string{plainError("-32700", "parse error: malformed JSON at byte 33: expected a value")}},
	{"no JSON", `hello`, []string{plainError("-32700", "parse error: malformed JSON at byte 0: expected a value")}},
	{"two objects", `{"jsonrpc":"2.0","id":1,"method":"m"}{"jsonrpc":"2.0","id":2,"method":"m"}`, []string{plainError("-32700", "parse error: malformed JSON at byte 37: unexpected data after the value")}},
	{"invalid UTF-8", "{\"jsonrpc\":\"2.0\",\"id\":\"\xff\",\"method\":\"m\"}", []string{plainError("-32700", notAnyUTF8)}},
	{"a NUL byte", "\x00", []string{plainError("-32700", "parse error: malformed JSON at byte 0: expected a value")}},
	{"malformed params", `{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":01}}`, []string{plainError("-32700", "parse error: malformed JSON at byte 52: expected ',' or '}'")}},
	{"an error doesn't end it", "{\n" + `{"jsonrpc":"2.0","id":1,"method":"m"}`, []string{
		plainError("-32700", "parse error: malformed JSON at byte 1: expected a key in quotes"), ok("1", `["m","absent"]`),
	}},

	{"a number", `5`, []string{plainError("-32600", "invalid request: must be an object, not a number")}},
	{"a string", `"x"`, []string{plainError("-32600", "invalid request: must be an object, not a string")}},
	{"null", `null`, []string{plainError("-32600", "invalid request: must be an object, not null")}},
	{"an empty object", `{}`, []string{bad("null", "jsonrpc", aVersion)}},
	{"no version", `{"id":1,"method":"m"}`, []string{bad("1", "jsonrpc", aVersion)}},
	{"a version that is a number", `{"jsonrpc":2.0,"id":1,"method":"m"}`, []string{bad("1", "jsonrpc", aVersion)}},
	{"another version", `{"jsonrpc":"1.0","id":"a","method":"m"}`, []string{bad(`"a"`, "jsonrpc", aVersion)}},
	{"no method", `{"jsonrpc":"2.0","id":1}`, []string{bad("1", "method", "is missing")}},
	{"a method that is a number", `{"jsonrpc":"2.0","id":1,"method":1}`, []string{bad("1", "method", "must be a string")}},
	{"a method that is null", `{"jsonrpc":"2.0","id":1,"method":null}`, []string{bad("1", "method", "must be a string")}},
	{"no method and no id", `{"jsonrpc":"2.0"}`, []string{bad("null", "method", "is missing")}},
	{"a fractional id", `{"jsonrpc":"2.0","id":1.5,"method":"m"}`, []string{bad("null", "id", anID)}},
	{"an id with an exponent", `{"jsonrpc":"2.0","id":1e3,"method":"m"}`, []string{bad("null", "id", anID)}},
	{"an id that is an object", `{"jsonrpc":"2.0","id":{},"method":"m"}`, []string{bad("null", "id", anID)}},
	{"an id that is a list", `{"jsonrpc":"2.0","id":[1],"method":"m"}`, []string{bad("null", "id", anID)}},
	{"an id that is a boolean", `{"jsonrpc":"2.0","id":true,"method":"m"}`, []string{bad("null", "id", anID)}},
	{"two ids", `{"jsonrpc":"2.0","id":1,"id":2,"method":"m"}`, []string{bad("null", "id", "is given twice: keep one")}},
	{"two methods", `{"jsonrpc":"2.0","id":1,"method":"m","method":"n"}`, []string{bad("1", "method", "is given twice: keep one")}},

	{"an empty batch", `[]`, []string{plainError("-32600", "invalid request: an empty batch")}},
	{"a batch", `[{"jsonrpc":"2.0","id":2,"method":"m"},{"jsonrpc":"2.0","method":"m"},{"jsonrpc":"2.0","id":1,"method":"fail"}]`, []string{
		"[" + ok("2", `["m","absent"]`) + `,{"jsonrpc":"2.0","id":1,"error":{"code":-32001,"message":"no"}}]`,
	}},
	{"a batch of one", `[{"jsonrpc":"2.0","id":2,"method":"m"}]`, []string{"[" + ok("2", `["m","absent"]`) + "]"}},
	{"a batch of junk", `[1, null, [] ,{}]`, []string{
		"[" + plainError("-32600", "invalid request: must be an object, not a number") + "," +
			plainError("-32600", "invalid request: must be an object, not null") + "," +
			plainError("-32600", "invalid request: must be an object, not a list") + "," + bad("null", "jsonrpc", aVersion) + "]",
	}},
	{"a batch of notifications", `[{"jsonrpc":"2.0","method":"m"},{"jsonrpc":"2.0","method":"fail"}]`, nil},
	{"a malformed batch", `[{"jsonrpc":"2.0","id":2,"method":"m"},{"jsonrpc"]`, []string{
		plainError("-32700", "parse error: malformed JSON at byte 49: expected ':' after a key"),
	}},
	{"a batch without end", `[{"jsonrpc":"2.0","id":2,"method":"m"}`, []string{plainError("-32700", "parse error: malformed JSON at byte 38: expected ',' or ']'")}},
	{"a batch with a response", `[{"jsonrpc":"2.0","id":"c1","result":1},{"jsonrpc":"2.0","id":2,"method":"m"}]`, []string{
		"[" + ok("2", `["m","absent"]`) + "]", `response "c1" result 1`,
	}},
	{"a batch of responses", `[{"jsonrpc":"2.0","id":"c1","result":1},{"jsonrpc":"2.0","id":"c2","result":2}]`, []string{
		`response "c1" result 1`, `response "c2" result 2`,
	}},

	{"a response", `{"jsonrpc":"2.0","id":"c1","result":{"a":[1]}}`, []string{`response "c1" result {"a":[1]}`}},
	{"a response of null", `{"jsonrpc":"2.0","id":"c1","result":null}`, []string{`response "c1" result null`}},
	{"an error as response", `{"jsonrpc":"2.0","id":"c1","error":{"code":-1,"message":"no"}}`, []string{`response "c1" error {"code":-1,"message":"no"}`}},
	{"a garbled error as response", `{"jsonrpc":"2.0","id":"c1","error":"no"}`, []string{`response "c1" error {"code":0,"message":"\"no\""}`}},
	{"both result and error", `{"jsonrpc":"2.0","id":"c1","result":1,"error":{"code":1,"message":"no"}}`, []string{`response "c1" error {"code":1,"message":"no"}`}},
	{"result and no error", `{"jsonrpc":"2.0","id":"c1","result":1,"error":null}`, []string{`response "c1" result 1`}},
	{"a response to no request of ours", `{"jsonrpc":"2.0","id":5,"result":1}`, nil},
	{"a response to null", `{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"x"}}`, nil},
	{"a response without id", `{"jsonrpc":"2.0","result":1}`, nil},
}

func TestLinesInAndLinesOut(t *testing.T) {
	for _, test := range exchanges {
		t.Run(test.name, func(t *testing.T) {
			for _, end := range []string{"", "\n"} {
				got := exchange(t, strings.NewReader(test.in+end))
				if !reflect.DeepEqual(got, test.want) {
					t.Errorf("%s\n got %s\nwant %s", test.in, strings.Join(got, "\n     "), strings.Join(test.want, "\n     "))
				}
			}
		})
	}
}

func TestLinesMayComeByteByByte(t *testing.T) {
	in := strings.Repeat(`{"jsonrpc":"2.0","id":"é","method":"m"}`+"\r\n", 3)
	if got := exchange(t, iotest.OneByteReader(strings.NewReader(in))); len(got) != 3 || got[2] != ok(`"é"`, `["m","absent"]`) {
		t.Errorf("got %q", got)
	}
}

func TestABatchBeyondTheBoundIsRefusedAsAWhole(t *testing.T) {
	element := `,{"jsonrpc":"2.0","method":"m"}`
	in := "[" + strings.Repeat(element, maxBatch+1)[1:] + "]\n[" + strings.Repeat(element, maxBatch)[1:] + "]\n"
	want := plainError("-32600", "invalid request: a batch of more than 262144 messages: split it up")
	if got := exchange(t, strings.NewReader(in)); len(got) != 1 || got[0] != want {
		t.Errorf("got %q", got)
	}
}

func TestAFailedReadIsReported(t *testing.T) {
	out := NewOutbox(io.Discard, OutboxOptions{})
	defer out.Close(context.Background())
	cause := errors.New("input/output error")
	err := Serve(context.Background(), iotest.ErrReader(cause), out, &echo{out})
	if !errors.Is(err, cause) || !strings.HasPrefix(err.Error(), "reading calls: ") {
		t.Errorf("got %v", err)
	}
}

func TestServeEndsWithItsContextAndCarriesNothingOutAfterwards(t *testing.T) {
	in, feed := io.Pipe()
	var sent bytes.Buffer
	out := NewOutbox(&sent, OutboxOptions{})
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error)
	go func() { served <- Serve(ctx, in, out, &echo{out}) }()
	io.WriteString(feed, `{"jsonrpc":`) // returns when it was read, so that the next read is under way
	cancel()
	if err := <-served; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	io.WriteString(feed, `"2.0","id":2,"method":"m"}`+"\n")
	feed.Close()
	if err := out.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if strings.Contains(sent.String(), `"id":2`) {
		t.Errorf("a call was carried out after the end: %s", sent.String())
	}
}

func TestTheLibraryCanSendThroughTheStream(t *testing.T) {
	var sent bytes.Buffer
	s := &lineStream{out: NewOutbox(&sent, OutboxOptions{})}
	if err := s.WriteObject(map[string]int{"a": 1}); err != nil {
		t.Error(err)
	}
	if err := s.WriteObject(func() {}); err == nil {
		t.Error("a function was encoded")
	}
	if err := s.out.Close(context.Background()); err != nil || sent.String() != `{"a":1}`+"\n" {
		t.Errorf("got %q, %v", sent.String(), err)
	}
}

func TestASecondAnswerIsAFaultOfTheProgram(t *testing.T) {
	var sent bytes.Buffer
	out := NewOutbox(&sent, OutboxOptions{})
	defer out.Close(context.Background())
	c := &Call{Method: "m", id: []byte("1"), out: out}
	c.Reply(wire.Empty{})
	defer func() {
		if recover() == nil {
			t.Error("the second answer went unnoticed")
		}
	}()
	c.Fail(wire.Errorf(wire.CodeInternal, "again"))
}

func FuzzServe(f *testing.F) {
	for _, test := range exchanges {
		f.Add([]byte(test.in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, line := range exchange(t, bytes.NewReader(in)) {
			if strings.HasPrefix(line, "response ") {
				continue
			}
			if !json.Valid([]byte(line)) || !strings.Contains(line, `"jsonrpc":"2.0","id":`) {
				t.Fatalf("%q gives %q", in, line)
			}
		}
	})
}

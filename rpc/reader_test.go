package rpc

import (
	"errors"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

func readAll(t *testing.T, r *lineReader) (lines []string) {
	t.Helper()
	for {
		line, err := r.next()
		switch {
		case errors.Is(err, errTooLong):
			lines = append(lines, "too long")
		case errors.Is(err, io.EOF):
			return lines
		case err != nil:
			t.Fatal(err)
		default:
			lines = append(lines, string(line))
		}
	}
}

func TestLinesAreSplitHoweverTheyAreRead(t *testing.T) {
	x := strings.Repeat("x", 10)
	for in, want := range map[string][]string{
		"":                             nil,
		"\n":                           {""},
		"a":                            {"a"},
		"a\n":                          {"a"},
		"a\r\nb\n\r\n\nc\r":            {"a", "b", "", "", "c"},
		"a\rb\n":                       {"a\rb"},
		x + "\n" + x + "\r\n" + x:      {x, x, x},
		x + "y\n" + x + "y\r\n" + "b":  {"too long", "too long", "b"},
		x + "y":                        {"too long"},
		x + x + x + "\n\nb\n" + x + x:  {"too long", "", "b", "too long"},
		x + "\r\r\n" + x + x + "\na\n": {"too long", "too long", "a"},
	} {
		for name, wrap := range map[string]func(io.Reader) io.Reader{
			"at once": func(r io.Reader) io.Reader { return r }, "by byte": iotest.OneByteReader,
			"with the end": iotest.DataErrReader, "by half": iotest.HalfReader,
		} {
			got := readAll(t, &lineReader{in: wrap(strings.NewReader(in)), max: 10})
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%q %s: got %q, want %q", in, name, got, want)
			}
		}
	}
}

func TestLongLinesComeWholeAndTheirBufferGoes(t *testing.T) {
	long := strings.Repeat("0123456789", 1<<19)
	r := &lineReader{in: strings.NewReader(long + "\nb\n" + long), max: MaxLine}
	if got := readAll(t, r); len(got) != 3 || got[0] != long || got[1] != "b" || got[2] != long {
		t.Errorf("got %d lines", len(got))
	}
	if len(r.buf) > keepBuffer {
		t.Errorf("a buffer of %d bytes is kept", len(r.buf))
	}
}

func TestAReaderThatReadsNothingIsAtFault(t *testing.T) {
	r := &lineReader{in: nothing{}, max: 10}
	if _, err := r.next(); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("got %v", err)
	}
}

type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, nil }

// filler reads as n bytes without a line break, and tracks the heap meanwhile.
type filler struct {
	n    int
	peak uint64
}

func (f *filler) Read(b []byte) (int, error) {
	if f.n == 0 {
		return 0, io.EOF
	}
	n := min(len(b), f.n)
	for i := range b[:n] {
		b[i] = 'x'
	}
	if f.n/(8<<20) != (f.n-n)/(8<<20) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		f.peak = max(f.peak, m.HeapInuse)
	}
	f.n -= n
	return n, nil
}

func TestALineFarBeyondTheBoundIsSkippedInBoundedMemory(t *testing.T) {
	for _, size := range []int{80 << 20, 400 << 20} {
		f := &filler{n: size}
		got := exchange(t, io.MultiReader(f, strings.NewReader("\n"+`{"jsonrpc":"2.0","id":1,"method":"m"}`)))
		wantLines(t, got,
			plainError("-32600", "invalid request: a line of more than 67108864 bytes: split it up"), ok("1", `["m","absent"]`))
		t.Logf("%d MiB: the heap peaks at %d MiB", size>>20, f.peak>>20)
		if f.peak > 256<<20 {
			t.Errorf("a line of %d MiB takes %d MiB", size>>20, f.peak>>20)
		}
	}
}

func TestALineAsLongAsAllowedIsTaken(t *testing.T) {
	call := `{"jsonrpc":"2.0","id":1,"method":"fail","params":"`
	fill := MaxLine - len(call) - len(`"}`)
	in := io.MultiReader(strings.NewReader(call), &filler{n: fill}, strings.NewReader("\"}\r\n"))
	wantLines(t, exchange(t, in), `{"jsonrpc":"2.0","id":1,"error":{"code":-32001,"message":"no"}}`)
}

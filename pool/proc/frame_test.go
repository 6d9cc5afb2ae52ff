package proc

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func drawStrings(t *rapid.T, label string) []string {
	list := rapid.SliceOfN(rapid.String(), 0, 5).Draw(t, label)
	if len(list) == 0 {
		return nil
	}
	return list
}

func drawAttempt(t *rapid.T) Attempt {
	return Attempt{Job: rapid.Int64().Draw(t, "job"), N: rapid.Int().Draw(t, "n")}
}

func drawOutput(t *rapid.T) Output {
	return Output{Kind: OutputKind(rapid.IntRange(0, 4).Draw(t, "kind")), Path: rapid.String().Draw(t, "path")}
}

func drawCommand(t *rapid.T) *Command {
	c := &Command{Args: drawStrings(t, "args"), Dir: rapid.String().Draw(t, "dir"), Env: drawStrings(t, "env"),
		Stdin: rapid.String().Draw(t, "stdin"), Stdout: drawOutput(t), Stderr: drawOutput(t)}
	if rapid.Bool().Draw(t, "pinned") {
		c.CPUs = rapid.SliceOfN(rapid.IntRange(0, 4096), 1, 9).Draw(t, "cpus")
	}
	c.MemLimit, c.MemGroup = rapid.Int64().Draw(t, "limit"), rapid.Bool().Draw(t, "group")
	return c
}

func drawCaptured(t *rapid.T) *captured {
	if rapid.Bool().Draw(t, "none") {
		return nil
	}
	c := &captured{pieces: rapid.SliceOfN(rapid.SliceOf(rapid.Byte()), 0, 3).Draw(t, "pieces"), truncated: rapid.Int64().Draw(t, "truncated")}
	if rapid.Bool().Draw(t, "long") { // too long to be copied out of the frame
		c.pieces = append(c.pieces, bytes.Repeat([]byte("long"), inboxSize))
	}
	c.head = rapid.IntRange(0, c.size()).Draw(t, "head")
	return c
}

// whole is what the other side gets.
func (c *captured) whole() *Capture {
	if c == nil {
		return nil
	}
	return &Capture{Data: append([]byte{}, bytes.Join(c.pieces, nil)...), Head: c.head, Truncated: c.truncated}
}

// appendWhole appends all that a guardian sends of the end of an attempt.
func appendWhole(b []byte, m *exited) []byte {
	return append(appendExited(b, m), bytes.Join(m.pieces(), nil)...)
}

func drawExit(t *rapid.T) Exit {
	n := func(label string) int64 { return rapid.Int64().Draw(t, label) }
	return Exit{PID: int(n("pid")), Code: int(n("code")), Wall: n("wall"), Duration: time.Duration(n("duration")),
		User: time.Duration(n("user")), Sys: time.Duration(n("sys")), MaxRSS: n("rss"), ReadBytes: n("read"),
		WriteBytes: n("write"), Leaked: int(n("leaked")), Warnings: drawStrings(t, "warnings"),
		GroupPeak: n("peak"), GroupPeakSource: rapid.String().Draw(t, "source"), OOMKilled: rapid.Bool().Draw(t, "killed"),
		MemLimited: rapid.Bool().Draw(t, "limited"), MaybeOOM: rapid.Bool().Draw(t, "maybe"), Unbound: rapid.Bool().Draw(t, "unbound")}
}

// TestMessagesSurviveTheStream sends messages in pieces of any size, and expects the same ones in the same order.
func TestMessagesSurviveTheStream(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, c, s := drawAttempt(t), drawCommand(t), Signal(rapid.IntRange(1, 2).Draw(t, "signal"))
		x := exited{attempt: a, exit: drawExit(t), retire: rapid.Bool().Draw(t, "retire"), stdout: drawCaptured(t), stderr: drawCaptured(t)}
		h := drawStrings(t, "env")
		f := Failure{Err: rapid.String().Draw(t, "err"), Exhausted: rapid.Bool().Draw(t, "exhausted")}
		st := started{a, rapid.Int().Draw(t, "pid"), rapid.Int64().Draw(t, "wall"), time.Duration(rapid.Int64().Draw(t, "age"))}
		stream := appendHello(nil, h)
		stream = appendStart(stream, a, c)
		stream = appendSignal(stream, a, s)
		stream = appendStarted(stream, st)
		stream = appendFailed(stream, a, f)
		stream = appendWhole(stream, &x)
		stream = appendKilling(stream, a)
		filler := []string{strings.Repeat("over what was there before", 40)}
		const fillers = 2 * inboxSize / 1000
		for range fillers {
			stream = appendHello(stream, filler)
		}

		var got []any
		var in inbox
		for len(stream) > 0 {
			n := min(rapid.IntRange(1, 5000).Draw(t, "piece"), len(stream), len(in.space()))
			copy(in.space(), stream[:n])
			in.received(n)
			stream = stream[n:]
			for {
				k, b, err := in.next()
				if err != nil {
					t.Fatal(err)
				}
				if k == 0 {
					break
				}
				got = append(got, parseAny(t, k, b)...)
			}
		}
		x.exit.Stdout, x.exit.Stderr, x.stdout, x.stderr = x.stdout.whole(), x.stderr.whole(), nil, nil
		want := []any{h, a, c, a, s, st, a, f, x, a}
		for range fillers {
			want = append(want, filler)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	})
}

func parseAny(t *rapid.T, k kind, b []byte) []any {
	values, err := parse(k, b)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// parse parses a frame of any kind.
func parse(k kind, b []byte) ([]any, error) {
	switch k {
	case kindHello:
		h, err := parseHello(b)
		return []any{h}, err
	case kindStart:
		a, c, err := parseStart(b)
		return []any{a, c}, err
	case kindSignal:
		a, s, err := parseSignal(b)
		return []any{a, s}, err
	case kindStarted:
		s, err := parseStarted(b)
		return []any{s}, err
	case kindFailed:
		a, f, err := parseFailed(b)
		return []any{a, f}, err
	case kindExited:
		x, err := parseExited(b)
		return []any{x}, err
	case kindKilling:
		a, err := parseKilling(b)
		return []any{a}, err
	}
	return nil, nil
}

func TestTruncatedAndPaddedFramesAreErrors(t *testing.T) {
	whole := appendStart(nil, Attempt{Job: 300, N: 2}, &Command{Args: []string{"a", "bc"}, Env: []string{"K=V"}, CPUs: []int{3, 4}})[frameHeader:]
	if _, _, err := parseStart(whole); err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) {
		if _, _, err := parseStart(whole[:n:n]); err == nil {
			t.Errorf("the first %d of %d bytes are accepted", n, len(whole))
		}
	}
	if _, _, err := parseStart(append(bytes.Clone(whole), 0)); err == nil || !strings.Contains(err.Error(), "trailing") {
		t.Errorf("trailing bytes: %v", err)
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add(byte(kindStart), appendStart(nil, Attempt{Job: 1, N: 1}, &Command{Args: []string{"x"}, CPUs: []int{1}})[frameHeader:])
	f.Add(byte(kindExited), appendWhole(nil, &exited{stdout: &captured{pieces: [][]byte{{'x'}}, head: 1}})[frameHeader:])
	f.Add(byte(kindHello), []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, k byte, b []byte) {
		_, _ = parse(kind(k), b) // must neither panic nor allocate more than b is long
		in := inbox{buf: bytes.Clone(b), end: len(b)}
		for {
			k, _, err := in.next()
			if err != nil {
				return
			}
			if k == 0 {
				break
			}
		}
		if space := in.space(); len(space) == 0 || len(space) > frameLimit {
			t.Errorf("%d bytes of space to receive into", len(space))
		}
	})
}

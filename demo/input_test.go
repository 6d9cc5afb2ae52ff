package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/fstest"
)

func TestTheInputIsTheSourcesInTheOrderOfTheirPaths(t *testing.T) {
	text := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	tree := fstest.MapFS{
		"b.go": text("bbbb"), "a/z.go": text("zz"), "a/y.go": text("yyy"), "c/d/e.go": text("e"),
		"a/readme.md": text("no source"), "b.gox": text("no source"), "folder.go/data": text("no source"), "empty.go": text(""),
	}
	for _, c := range []struct {
		limit int64
		want  string
		files int
	}{
		{100, "yyyzzbbbbe", 5},
		{10, "yyyzzbbbbe", 4}, // c comes before empty.go
		{9, "yyyzzbbbb", 3},
		{7, "yyyzzbb", 3}, // the last one is cut
		{5, "yyyzz", 2},
		{1, "y", 1},
	} {
		var out bytes.Buffer
		files, size, err := concatenate(t.Context(), &out, tree, c.limit)
		if err != nil || out.String() != c.want || files != c.files || size != int64(len(c.want)) {
			t.Errorf("limit %d: %q, %d files, %d bytes, error %v; want %q of %d files",
				c.limit, out.String(), files, size, err, c.want, c.files)
		}
	}
}

func TestAssemblingTheInputEndsWithAnInterrupt(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	_, _, err := concatenate(ctx, io.Discard, fstest.MapFS{"a.go": {Data: []byte("a")}}, 10)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

func TestTheBuiltInCompressorUnpacksWhatItPacked(t *testing.T) {
	text := strings.Repeat("what comes back is what went in\n", 100)
	for _, level := range []string{"1", "6", "9"} {
		var packed, unpacked bytes.Buffer
		if err := filter("compress", []string{"-level", level}, strings.NewReader(text), &packed); err != nil {
			t.Fatal(err)
		}
		if packed.Len() == 0 || packed.Len() > len(text)/10 {
			t.Errorf("level %s packs %d bytes to %d", level, len(text), packed.Len())
		}
		if err := filter("decompress", nil, bytes.NewReader(packed.Bytes()), &unpacked); err != nil || unpacked.String() != text {
			t.Errorf("level %s: %d of %d bytes came back, error %v", level, unpacked.Len(), len(text), err)
		}
	}
}

// fullAfter is a Writer that fails after some bytes.
type fullAfter struct{ room int }

var errFull = errors.New("full")

func (w *fullAfter) Write(b []byte) (int, error) {
	if w.room -= len(b); w.room < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestTheEndlessCompressorPacksItsInputAgainAndAgain(t *testing.T) {
	out := &fullAfter{room: 10_000}
	err := filter("compress", []string{"-endless"}, strings.NewReader("some input"), out)
	if !errors.Is(err, errFull) {
		t.Errorf("it ended with %v, want %v", err, errFull)
	}
}

package proc

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAQuickWriterWaitsForAFullPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // more than a pipe holds
	done := make(chan error, 1)
	go func() {
		n, err := QuickWriter(w).Write(sent)
		if err == nil && n < len(sent) {
			err = io.ErrShortWrite
		}
		w.Close()
		done <- err
	}()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes of %d came, %v", len(got), len(sent), err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestAQuickWriterAppendsToFiles(t *testing.T) {
	path := t.TempDir() + "/file"
	for _, flag := range []int{os.O_APPEND, 0} {
		if err := os.WriteFile(path, []byte("one "), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_WRONLY|flag, 0)
		if err != nil {
			t.Fatal(err)
		}
		if flag == 0 {
			f.Seek(4, io.SeekStart)
		}
		w := QuickWriter(f)
		for _, text := range []string{"two ", "", "three"} {
			if n, err := w.Write([]byte(text)); n != len(text) || err != nil {
				t.Errorf("writing %q: %d, %v", text, n, err)
			}
		}
		f.Close()
		if got, _ := os.ReadFile(path); string(got) != "one two three" {
			t.Errorf("the file has %q", got)
		}
	}
}

func TestAQuickWriterTellsErrors(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	if _, err := QuickWriter(w).Write([]byte("x")); !errors.Is(err, unix.EPIPE) {
		t.Errorf("a closed pipe: %v", err)
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := QuickWriter(full).Write([]byte("x")); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("a full device: %v", err)
	}
}

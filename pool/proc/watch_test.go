package proc

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func TestTheEndOfTheParentIsSeen(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	watcher := helper("watch parent")
	// A shell that starts the watcher and stays its parent until it is killed.
	parent := exec.Command("/bin/sh", append([]string{"-c", `"$@" & wait`, "sh"}, watcher...)...)
	parent.Stdout = w
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	lines := bufio.NewScanner(r)
	if !lines.Scan() || lines.Text() != "watching" {
		t.Fatalf("got %q", lines.Text())
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	if !lines.Scan() || lines.Text() != "gone" {
		t.Errorf("got %q", lines.Text())
	}
}

func TestAWatchCanBeStopped(t *testing.T) {
	stop, err := WatchParent(func() { t.Error("the parent is there") })
	if err != nil {
		t.Fatal(err)
	}
	stop()
	stop()
}

func TestTheLastReaderOfAPipeIsMissed(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	closed := make(chan struct{})
	stop, err := WatchClosed(w, func() { close(closed) })
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if _, err := w.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-closed:
		t.Fatal("closed while it can be read")
	default:
	}
	r.Close()
	select {
	case <-closed:
	case <-time.After(patience):
		t.Error("not seen")
	}
}

func TestRegularFilesAreNeverClosed(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	stop, err := WatchClosed(f, func() { t.Error("closed") })
	if err != nil {
		t.Fatal(err)
	}
	stop()
}

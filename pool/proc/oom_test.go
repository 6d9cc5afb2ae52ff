package proc

import (
	"os"
	"path/filepath"
	"testing"
)

func TestVictimsAreCountedWhereTheMemoryOfTheJobsIs(t *testing.T) {
	root := t.TempDir()
	leaf := filepath.Join(root, "pool", "leaf")
	if err := os.MkdirAll(leaf, 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(root, "memory.events.local"), "low 0\noom 0\noom_kill 3\n", 0o644)
	if dir := withMemoryEvents(leaf); dir != root {
		t.Errorf("the memory of %s is said to be controlled in %q", leaf, dir)
	}
	k := killerCount{open: true, leaf: leaf, file: openOptional(withMemoryEvents(leaf), "memory.events.local")}
	defer k.file.close()
	k.note(leaf)
	if k.changed() || !k.sure() {
		t.Error("a victim without a killer, or an unsure count")
	}
	writeFile(t, filepath.Join(root, "memory.events.local"), "low 0\noom 0\noom_kill 4\n", 0o644)
	if !k.changed() {
		t.Error("a victim was not counted")
	}
	if k.changed() {
		t.Error("a victim was counted twice")
	}
}

func TestWithoutAMemoryCgroupVictimsOnTheHostAreAHint(t *testing.T) {
	k := killerCount{open: true, file: noFile}
	k.note("")
	if k.sure() || k.at.IsZero() || k.changed() && victimsOnHost() == 0 {
		t.Errorf("got %+v", k)
	}
}

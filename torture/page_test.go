package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestThePageTellsWhatWasKeptBrokenAndNotTried(t *testing.T) {
	kept := &Result{Case: Case{Name: "a/kept", Section: Death, Promise: "p"}, tries: 2}
	kept.measure("processes gone", 3*time.Second)
	kept.measure("processes gone", time.Second)
	broken := &Result{Case: Case{Name: "b/broken", Section: Security, Promise: "p"}, tries: 1}
	broken.fail(0, "x")
	skipped := &Result{Case: Case{Name: "c/skipped", Section: Hosts, Promise: "p"}, skipped: "no such host"}
	p := &page{env: &environment{seed: 7}, results: []*Result{kept, broken, skipped}, peers: []peerRow{{"hardship", []string{"nothing left"}}}}
	path := filepath.Join(t.TempDir(), "page.md")
	if err := p.write(path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"-seed 7", "3 cases, 3 tries; broken in 1 cases, 1 not tried", "| `a/kept` | p | 2 | kept | processes gone ≤ 3.00 s |",
		"| `b/broken` | p | 1 | **broken** (1 times) |", "| not tried: no such host |", "| hardship | nothing left |"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

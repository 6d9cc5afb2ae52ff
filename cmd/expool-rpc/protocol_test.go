package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestTheExamplesOfTheProtocol plays the conversations of protocol.md and README.md with the server.
func TestTheExamplesOfTheProtocol(t *testing.T) {
	blocks := regexp.MustCompile("(?ms)^```jsonrpc ?([^\n]*)\n(.*?)^```")
	for _, page := range []string{"protocol.md", "README.md"} {
		text, err := os.ReadFile("../../" + page)
		if err != nil {
			t.Fatal(err)
		}
		found := blocks.FindAllStringSubmatch(string(text), -1)
		if len(found) == 0 {
			t.Errorf("%s has no conversations", page)
		}
		for i, block := range found {
			t.Run(fmt.Sprintf("%s_%d", page, i+1), func(t *testing.T) {
				play(t, start(t, strings.Fields(block[1])...), block[2])
			})
		}
	}
}

// play sends the lines of the client, and compares each line that the server sends.
func play(t *testing.T, h *host, conversation string) {
	for _, line := range strings.Split(strings.TrimSpace(conversation), "\n") {
		if text, ours := strings.CutPrefix(line, "--> "); ours {
			h.send(text)
			continue
		}
		want, theirs := strings.CutPrefix(line, "<-- ")
		if !theirs {
			t.Fatalf("neither --> nor <-- starts %q", line)
		}
		got := h.wait("line like "+want, func(message) bool { return true }).line
		if scrub(got) != scrub(want) {
			t.Errorf("want %s\ngot  %s", scrub(want), scrub(got))
		}
	}
}

// vary are the figures that differ from run to run. A seq written as 0 in the page depends on timing there.
var vary = regexp.MustCompile(`"(time|tstart|tstop|duration|user|sys|bytes|read|write|pid|seq|last|uptime)":[0-9.]+`)

func scrub(line string) string { return vary.ReplaceAllString(line, `"$1":0`) }

package main

import (
	"fmt"
	"testing"
)

// The lines of a conversation, shortened.
const (
	started  = `{"method":"onstart","params":{"seq":%d,"kind":"job","job":1,"attempt":1}}`
	done     = `{"method":"ondone","params":{"seq":%d,"kind":"job","job":1}}`
	finished = `{"method":"onfinish","params":{"seq":%d,"kind":"job","job":1,"state":"done","reason":"exited","code":0,"attempts":1}}`
	failed   = `{"method":"onfinish","params":{"seq":%d,"kind":"job","job":1,"state":"failed","reason":"exited","code":0,"attempts":1}}`
)

// problemsOf enters lines, numbered from 1, into a ledger.
func problemsOf(t *testing.T, lines ...string) []string {
	t.Helper()
	var l ledger
	l.init()
	for i, line := range lines {
		m, err := decode(fmt.Sprintf(line, i+1))
		if err != nil {
			t.Fatal(err)
		}
		l.enter(m)
	}
	return l.problems
}

func TestTheLedgerAcceptsATrueConversation(t *testing.T) {
	if p := problemsOf(t, started, done, finished); len(p) > 0 {
		t.Error(p)
	}
}

func TestTheLedgerFindsContradictions(t *testing.T) {
	for name, lines := range map[string][]string{
		"two ends":              {started, done, finished, finished},
		"a start after the end": {started, done, finished, started},
		"success untold":        {started, finished},
		"success of a failure":  {started, done, failed},
		"a start untold":        {done, finished},
	} {
		if p := problemsOf(t, lines...); len(p) == 0 {
			t.Errorf("%s: nothing was found", name)
		}
	}
}

func TestTheLedgerFindsNumbersThatDoNotRise(t *testing.T) {
	var l ledger
	l.init()
	for range 2 {
		l.enter(Message{Method: "onstart", Params: Event{Seq: 7, Kind: "task"}})
	}
	if len(l.problems) != 1 {
		t.Error(l.problems)
	}
}

package main

import (
	"errors"
	"strings"
	"testing"
)

func TestEveryCaseSaysWhatItTries(t *testing.T) {
	for _, c := range cases {
		if c.Name == "" || c.Promise == "" || c.Run == nil || c.Tries < 1 || c.Short > c.Tries || strings.ContainsAny(c.Promise, "|\n") {
			t.Errorf("%+v", c)
		}
	}
}

func TestABrokenPromiseIsCountedAndItsTryEnds(t *testing.T) {
	env := &environment{seed: 1, only: -1}
	cleaned := 0
	r := env.run(Case{Name: "x", Tries: 9, Run: func(t *T) {
		t.Cleanup(func() { cleaned++ })
		t.Check("try", errors.New("broken"))
		cleaned += 100
	}})
	if r.broken != mostFailures || cleaned != mostFailures || !strings.Contains(r.verdict(), "broken") {
		t.Errorf("%+v, %d cleaned", r, cleaned)
	}
}

func TestASeedGivesTheSameNumbersForATry(t *testing.T) {
	draw := func(seed uint64, try int) (n uint64) {
		(&T{Try: try, env: &environment{seed: seed}, name: "x", result: &Result{}}).attempt(func(t *T) { n = t.Rand.Uint64() })
		return n
	}
	first, again := draw(1, 2), draw(1, 2)
	if first != again || first == draw(1, 3) || first == draw(2, 2) {
		t.Error("the numbers don't follow from seed and try alone")
	}
}

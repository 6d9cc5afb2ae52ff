package sched

import (
	"math"
	"testing"
)

// runCaptured has a pool of one worker run jobs one after the other, each with some captured output.
func runCaptured(c *Core, jobs int) {
	for i := range jobs {
		at := Now{Wall: int64(i) + 1}
		c.Step(at, Execute{Jobs: []*Spec{{Name: "job"}}})
		c.Step(at, Ended{Job: c.lastJob, Attempt: 1, Exit: Exit{Stdout: &Capture{Data: []byte("7\n")}}})
	}
}

func TestRecordsThatAreNotKeptAreNotHeldByTheirOutput(t *testing.T) {
	c := New(Config{Workers: 1, History: 10})
	runCaptured(c, 10_000)
	kept := len(c.history.jobByID)
	if n := len(c.history.withOutput); n > 4*10 || c.history.output != 2*n || kept != 10 {
		t.Errorf("of 10 kept records, %d with %d bytes are held for their output", n, c.history.output)
	}
}

func TestAHistoryWithoutBounds(t *testing.T) {
	for _, size := range []int{math.MaxInt, math.MaxInt/4 + 1, -1} {
		c := New(Config{Workers: 1, History: size})
		runCaptured(c, 3)
		if records, _ := c.Jobs(Filter{Limit: 10}); len(records) != min(max(size, 1), 3) {
			t.Errorf("%d records are kept of %d", len(records), size)
		}
	}
}

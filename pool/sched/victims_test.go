package sched

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// crowd is a scheduler with attempts of any work, memory and growth.
func crowd(t *rapid.T) (*Core, []*job) {
	c := New(Config{Workers: 8, Memory: Memory{Limit: 1000}})
	c.now.Mono = time.Hour
	c.watch.since = c.now.Mono
	var jobs []*job
	for i := range rapid.IntRange(1, 8).Draw(t, "jobs") {
		draw := func(what string, most int) int {
			return rapid.IntRange(0, most).Draw(t, fmt.Sprintf("%s of job %d", what, i+1))
		}
		j := &job{id: JobID(i + 1), spec: &Spec{}, postponed: int32(draw("postponements", 2)), run: &run{}}
		j.run.begun = c.now.Mono - time.Duration(draw("work", 3000))*time.Millisecond
		j.run.mem, j.run.growth = int64(1+draw("memory", 500)), float64(draw("growth", 5000))
		if draw("category", 1) == 1 {
			j.spec.Category = "c"
		}
		jobs = append(jobs, j)
	}
	return c, jobs
}

func TestVictimsAreEnoughAndNoneIsNeedless(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, jobs := crowd(t)
		excess := int64(rapid.IntRange(1, 1500).Draw(t, "excess"))
		most := rapid.IntRange(0, len(jobs)).Draw(t, "most")
		chosen := c.victims(slices.Clone(jobs), excess, most)

		var freed int64
		for _, j := range chosen {
			freed += c.soon(j)
		}
		if len(chosen) > most {
			t.Fatalf("%d are ended, which is more than %d", len(chosen), most)
		}
		if freed < excess && len(chosen) < most {
			t.Fatalf("%d of %d are freed, though more may be ended", freed, excess)
		}
		for _, j := range chosen {
			if freed-c.soon(j) >= excess {
				t.Fatalf("the end of job %d is needless: %d of %d are freed", j.id, freed, excess)
			}
		}
	})
}

func TestTheOnlyVictimFreesEnoughIfAnyDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, jobs := crowd(t)
		excess := int64(rapid.IntRange(1, 600).Draw(t, "excess"))
		chosen := c.victims(slices.Clone(jobs), excess, 1)
		enough := slices.ContainsFunc(jobs, func(j *job) bool { return c.soon(j) >= excess })
		if enough && c.soon(chosen[0]) < excess {
			t.Fatalf("job %d frees %d of %d, though another one frees enough", chosen[0].id, c.soon(chosen[0]), excess)
		}
	})
}

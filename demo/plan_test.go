package main

import (
	"slices"
	"testing"
)

func everyPlan() []*group { return makePlan(func(string) bool { return true }, "/demo", "/results") }

func TestThePlanHasTheCompressorsThatAreThere(t *testing.T) {
	names := func(plan []*group) (names []string) {
		for _, g := range plan {
			names = append(names, g.name)
		}
		return names
	}
	none := makePlan(func(string) bool { return false }, "/demo", "/results")
	if got := names(none); !slices.Equal(got, []string{builtin}) {
		t.Errorf("a machine without compressors runs %q", got)
	}
	two := makePlan(func(name string) bool { return name == "gzip" || name == "zstd" }, "/demo", "/results")
	if got := names(two); !slices.Equal(got, []string{"zstd", "gzip", builtin}) {
		t.Errorf("a machine with gzip and zstd runs %q", got)
	}
	if got, want := two[0].measurements[1].args, []string{"zstd", "-q", "-T1", "-c", "-3"}; !slices.Equal(got, want) {
		t.Errorf("zstd at level 3 is run as %q, want %q", got, want)
	}
}

func TestExactlyTwoJobsAreToFail(t *testing.T) {
	count := map[expectation]int{}
	for _, g := range everyPlan() {
		for _, m := range g.measurements {
			count[m.expected]++
		}
	}
	if count[toTimeOut] != 1 || count[toFail] != 1 || count[toSucceed] == 0 {
		t.Errorf("planned: %d to succeed, %d to time out, %d to fail", count[toSucceed], count[toTimeOut], count[toFail])
	}
}

func TestThePlannedTimeoutChainsNoOther(t *testing.T) {
	for _, g := range everyPlan() {
		for _, m := range g.measurements {
			if m.expected != toTimeOut {
				continue
			}
			for _, other := range g.measurements {
				if other != m && other.size >= m.size {
					t.Errorf("%s is as heavy as %s, and would end with it", other.name(), m.name())
				}
			}
		}
	}
}

func TestEachJobHasItsOwnNameAndOutputAndASize(t *testing.T) {
	names, outputs := map[string]bool{}, map[string]bool{}
	for _, g := range everyPlan() {
		for _, m := range g.measurements {
			if names[m.name()] || outputs[m.output] || m.size <= 0 || m.timeout <= 0 {
				t.Errorf("%s, to %s: not unique, or size %g or timeout %g is not positive", m.name(), m.output, m.size, m.timeout)
			}
			names[m.name()], outputs[m.output] = true, true
		}
	}
}

package proc

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// whereAmI prints the CPUs that a command may run on, and how many of its mappings are bound to node 0.
const whereAmI = `grep Cpus_allowed_list: /proc/self/status; grep -c 'bind:0' /proc/self/numa_maps`

func TestAJobRunsOnItsCPUsFromTheStart(t *testing.T) {
	all, err := affinity()
	if err != nil {
		t.Fatal(err)
	}
	p := newPool(t, Config{OwnCPUs: all[len(all)-1:]})
	if now, err := affinity(); err != nil || !slices.Equal(now, all[len(all)-1:]) {
		t.Errorf("the server runs on %v, %v", now, err)
	}
	for _, cpu := range all {
		c := shell(whereAmI)
		c.CPUs, c.Nodes, c.MemBind = []int{cpu}, []int{0}, MemBindStrict
		c.Stdout = Output{Kind: Pipe}
		x := p.run(c)
		words := strings.Fields(string(x.Stdout.Data))
		bound := ""
		if numaMaps() {
			bound = "bound"
			if len(words) < 3 || words[2] == "0" {
				bound = fmt.Sprint(words)
			}
		}
		if len(words) < 2 || words[1] != strconv.Itoa(cpu) || bound != "" && bound != "bound" || len(x.Warnings) > 0 {
			t.Errorf("on CPU %d: %q, memory %q, %v", cpu, x.Stdout.Data, bound, x.Warnings)
		}
	}
	// One without CPUs has all that the server had, and the default policy.
	c := shell(whereAmI + "; true")
	c.Stdout = Output{Kind: Pipe}
	x := p.run(c)
	words := strings.Fields(string(x.Stdout.Data))
	if got := expand(t, words[1]); !slices.Equal(got, all) || numaMaps() && words[2] != "0" {
		t.Errorf("without CPUs: %q, want %v", x.Stdout.Data, all)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if now, err := affinity(); err != nil || !slices.Equal(now, all) {
		t.Errorf("after Close the server runs on %v, %v", now, err)
	}
}

func numaMaps() bool {
	_, err := os.Stat("/proc/self/numa_maps")
	return err == nil
}

// expand reads a list as "0-2,5".
func expand(t *testing.T, list string) []int {
	t.Helper()
	var all []int
	for part := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(part, "-")
		a, err := strconv.Atoi(first)
		b := a
		if err == nil && isRange {
			b, err = strconv.Atoi(last)
		}
		if err != nil {
			t.Fatal(err)
		}
		for ; a <= b; a++ {
			all = append(all, a)
		}
	}
	return all
}

func TestARefusedPlaceIsAWarningAndTheJobRuns(t *testing.T) {
	p := newPool(t, Config{})
	c := shell("exit 3")
	c.CPUs = []int{1000}
	if x := p.run(c); x.Code != 3 || !x.Unbound || len(x.Warnings) != 1 || !strings.Contains(x.Warnings[0], "CPUs [1000]") {
		t.Errorf("%+v", x)
	}
	c.CPUs = []int{0, 1000}
	if x := p.run(c); x.Code != 3 || !x.Unbound || len(x.Warnings) != 1 || !strings.Contains(x.Warnings[0], "only [0] are allowed") {
		t.Errorf("%+v", x)
	}
	cpus, err := affinity()
	if err != nil {
		t.Fatal(err)
	}
	c.CPUs, c.Nodes, c.MemBind = cpus, []int{900}, MemBindStrict
	if x := p.run(c); x.Code != 3 || x.Unbound || len(x.Warnings) != 1 || !strings.Contains(x.Warnings[0], "nodes [900]") {
		t.Errorf("%+v", x)
	}
	c.Nodes = []int{0}
	c.MemBind = MemBindPrefer
	if x := p.run(c); x.Code != 3 || len(x.Warnings) != 0 {
		t.Errorf("%+v", x)
	}
}

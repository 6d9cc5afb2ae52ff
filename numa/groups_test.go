package numa

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestGroupsOfRealMachinesKeepTheRules(t *testing.T) {
	for _, name := range machineNames(t) {
		t.Run(name, func(t *testing.T) { checkAllGroups(t, machine(t, name)) })
	}
}

// masksOf writes groups as "0 2 4-5".
func masksOf(gs Groups) string {
	masks := make([]string, len(gs))
	for i, g := range gs {
		masks[i] = g.CPUs.String()
	}
	return strings.Join(masks, " ")
}

func TestGroupsOfRealMachines(t *testing.T) {
	for _, c := range []struct {
		machine string
		step    Step
		first   bool
		want    string
	}{
		{"x86-westmere-x5680-2s-24", ByNode, false, "0,2,4,6,8,10,12,14,16,18,20,22 1,3,5,7,9,11,13,15,17,19,21,23"},
		{"x86-westmere-x5680-2s-24", Threads(12), true, "0 1"},
		{"x86-westmere-x5680-2s-24", Threads(4), false, "0,2,12,14 1,3,13,15 4,6,16,18 5,7,17,19 8,10,20,22 9,11,21,23"},
		{"x86-xeon4108-2s-32", Threads(6), false, "0-2,16-18 8-10,24-26 3-5,19-21 11-13,27-29"},
		{"x86-xeon4108-2s-32", ByCore, true, "0 8 1 9 2 10 3 11 4 12 5 13 6 14 7 15"},
		{"x86-tulsa-offline-12of16", ByCore, false, "0,8 1,9 3,11 4,12 6 7,15 10"},
		{"x86-tulsa-offline-12of16", ByThread, false, "0 1 3 4 6 7 10 8 9 11 12 15"},
		{"x86-tulsa-offline-12of16", ByPackage, false, "0,4,8,12 1,9 3,7,11,15 6,10"},
		{"x86-opteron6134-cgroup2-32", ByThread, false, "0 4 1 5 2 3"},
		{"x86-opteron6134-cgroup2-32", ByNode, false, "0-3 4-5"},
		{"x86-opteron6134-cgroup2-32", Threads(2), false, "0-1 4-5 2-3"},
		{"x86-opteron6134-cgroup2-32", Threads(4), false, "0-3"},
		{"x86-raptorlake-1370p-hybrid-20", ByL2, false, "0-1 2-3 4-5 6-7 8-9 10-11 12-15 16-19"},
		{"x86-raptorlake-1370p-hybrid-20", ByL2, true, "0 2 4 6 8 10 12 16"},
		{"x86-raptorlake-1370p-hybrid-20", ByThread, true, "0 2 4 6 8 10 12 13 14 15 16 17 18 19 1 3 5 7 9 11"},
		{"x86-cascadelake-6230-snc2-80", ByL3, true, "0 1"},
		{"x86-cascadelake-6230-snc2-80", ByPackage, true, "0 1"},
		{"x86-magnycours-sparse-nodes-48", ByPackage, false, "0-11 12-23 24-35 36-47"},
		{"x86-magnycours-sparse-nodes-48", ByL3, true, "0 6 12 18 24 30 36 42"},
		{"arm64-kunpeng920-2s4n-128", Threads(30), true, "0 32 64 96"},
		{"arm-cortexa9-2", ByNode, false, "0-1"},
		{"ia64-smt2-2s-8", ByL3, false, "0-1 2-3 4-5 6-7"},
	} {
		t.Run(fmt.Sprintf("%s/%s/%v", c.machine, c.step, c.first), func(t *testing.T) {
			groups, err := machine(t, c.machine).Groups(c.step, c.first, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := masksOf(groups); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestImpossibleStepsAreErrorsThatSayWhy(t *testing.T) {
	for _, c := range []struct {
		machine string
		step    Step
		want    string
	}{
		{"x86-westmere-x5680-2s-24", Threads(0), "step: 0 is neither"},
		{"x86-westmere-x5680-2s-24", Threads(-2), "step: -2 is neither"},
		{"x86-westmere-x5680-2s-24", Step{}, "step: 0 is neither"},
		{"x86-westmere-x5680-2s-24", Threads(3), "step: 3 is no multiple of the 2 threads of a core"},
		{"x86-westmere-x5680-2s-24", Threads(14), "step: 14 exceeds the 12 usable threads of a node"},
		{"x86-raptorlake-1370p-hybrid-20", Threads(2), "step: 2 threads are not alike on a machine with several kinds of cores"},
		{"x86-tulsa-offline-12of16", Threads(2), "step: 2 threads are no whole cores where cores have 1 to 2 usable threads"},
		{"arm-cortexa9-2", ByL2, `step: "l2": this machine tells of no level 2 caches, its levels are unknown`},
		{"x86-harpertown-buggynuma-8", ByL3, `step: "l3": this machine tells of no level 3 caches, its levels are 1 2`},
	} {
		t.Run(fmt.Sprintf("%s/%s", c.machine, c.step), func(t *testing.T) {
			_, err := machine(t, c.machine).Groups(c.step, false, nil)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Fatalf("got error %v, want %s...", err, c.want)
			}
			checkParamError(t, err, "step")
		})
	}
}

// The masks that PyExPool answers, wherever an independent check found them right.
func TestGroupsEqualPyExPoolWhereItIsRight(t *testing.T) {
	var verdicts map[string]struct {
		True *struct {
			Verdicts []struct {
				Step  int  `json:"afnstep"`
				First bool `json:"first"`
				Right bool `json:"right"`
				Found []struct {
					Kind string `json:"kind"`
				} `json:"problems"`
			} `json:"verdicts"`
		} `json:"with_true_parameters"`
	}
	readJSON(t, "PYEXPOOL-VERDICT.json", &verdicts)
	compared := 0
	for _, name := range machineNames(t) {
		if verdicts[name].True == nil {
			continue // not uniform: PyExPool has no true parameters for it
		}
		root := machineFS(t, name)
		root.remove("proc/self") // PyExPool does not know cpusets
		top, err := Read(root, Options{})
		if err != nil {
			t.Fatal(err)
		}
		answers := pyexpoolMasks(t, name)
		for _, v := range verdicts[name].True.Verdicts {
			if !v.Right || len(v.Found) > 0 {
				continue // wrong, or right but for a range as first
			}
			groups, err := top.Groups(Threads(v.Step), v.First, nil)
			if err != nil {
				t.Errorf("%s step %d: %v", name, v.Step, err)
				continue
			}
			if got, want := masksOf(groups), strings.Join(answers[fmt.Sprint(v.Step, v.First)], " "); got != want {
				t.Errorf("%s step %d first %v:\ngot  %s\nwant %s", name, v.Step, v.First, got, want)
			}
			compared++
		}
	}
	if compared < 40 {
		t.Errorf("only %d answers were compared", compared)
	}
}

// pyexpoolMasks gives the masks in order of index, by "step first".
func pyexpoolMasks(t *testing.T, name string) map[string][]string {
	t.Helper()
	var answers []struct {
		Step  int    `json:"afnstep"`
		First bool   `json:"first"`
		Index int    `json:"i"`
		Mask  string `json:"mask"`
	}
	readJSON(t, name+".pyexpool.json", &answers)
	masks := map[string][]string{}
	for _, a := range answers {
		key := fmt.Sprint(a.Step, a.First)
		if a.Index != len(masks[key]) {
			t.Fatalf("%s: step %s index %d is out of order", name, key, a.Index)
		}
		masks[key] = append(masks[key], a.Mask)
	}
	return masks
}

func TestExplicitNumberingOverridesWhatWasRead(t *testing.T) {
	crossNodes, sequential := false, true
	for _, c := range []struct {
		name     string
		machine  string
		step     Step
		override *bool
		want     string
	}{
		{"cross-node machine as it is", "x86-westmere-x5680-2s-24", ByCore, &crossNodes,
			"0,12 1,13 2,14 3,15 4,16 5,17 6,18 7,19 8,20 9,21 10,22 11,23"},
		{"cross-node machine taken as sequential", "x86-westmere-x5680-2s-24", Threads(4), &sequential,
			"0-3 12-15 4-7 16-19 8-11 20-23"},
		{"sequential machine as it is", "ia64-smt2-2s-8", ByCore, &sequential, "0-1 2-3 4-5 6-7"},
		{"sequential machine taken as cross-node", "ia64-smt2-2s-8", ByCore, &crossNodes, "0,4 1,5 2,6 3,7"},
		{"contiguous nodes taken as cross-node", "x86-xeon4108-2s-32", Threads(16), &crossNodes,
			"0,2,4,6,8,10,12,14,16,18,20,22,24,26,28,30 1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31"},
		{"only allowed CPUs are given", "x86-opteron6134-cgroup2-32", ByThread, &sequential, "0 4 1 5 2 3"},
		{"caches are not numbered", "ia64-smt2-2s-8", ByL3, &crossNodes, "0-1 2-3 4-5 6-7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			groups, err := machine(t, c.machine).Groups(c.step, false, c.override)
			if err != nil {
				t.Fatal(err)
			}
			if got := masksOf(groups); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestNumberingOfAMachineThatIsNotUniformIsAnError(t *testing.T) {
	for _, name := range []string{"x86-raptorlake-1370p-hybrid-20", "x86-tulsa-offline-12of16"} {
		for _, sequential := range []bool{true, false} {
			_, err := machine(t, name).Groups(ByThread, true, &sequential)
			checkParamError(t, err, "sequential")
		}
	}
}

func TestGroupsNameTheNodesToBindMemoryTo(t *testing.T) {
	top := machine(t, "x86-cascadelake-6230-snc2-80")
	groups, err := top.Groups(ByPackage, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := groups[1].Nodes; !slices.Equal(got, []int{1, 3}) {
		t.Errorf("package 1 is on nodes %v, want 1 and 3", got)
	}
	groups, err = top.Groups(ByPackage, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := groups[1].Nodes; !slices.Equal(got, []int{1}) {
		t.Errorf("the first CPU of package 1 is on nodes %v, want 1", got)
	}
}

func TestUniformLooksAtAllowedCPUsOnly(t *testing.T) {
	root := machineFS(t, "x86-westmere-x5680-2s-24")
	for _, c := range []struct {
		allowed string
		want    bool
	}{
		{"0-23", true},
		{"0-11", true},       // one thread of each core
		{"0,2,12,14", true},  // one node
		{"0-1,12", false},    // cores of 1 and 2 threads
		{"0-2,12-14", false}, // nodes of 1 and 2 cores
		{"0,3,12,15,9", false},
	} {
		top, err := Read(root, Options{Affinity: mustList(t, c.allowed)})
		if err != nil {
			t.Fatal(err)
		}
		if got := top.Uniform(); got != c.want {
			t.Errorf("with CPUs %s uniform is %v, want %v", c.allowed, got, c.want)
		}
		checkAllGroups(t, top)
	}
	hybrid, err := Read(machineFS(t, "x86-raptorlake-1370p-hybrid-20"), Options{Affinity: mustList(t, "0-11")})
	if err != nil {
		t.Fatal(err)
	}
	if !hybrid.Uniform() || hybrid.Hybrid() {
		t.Error("a hybrid machine of which one kind of cores is allowed is not uniform")
	}
}

func mustList(t testing.TB, text string) CPUSet {
	t.Helper()
	set, err := ParseList(text)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestRepliesHaveTheShapesOfTheProtocol(t *testing.T) {
	top := machine(t, "ia64-smt2-2s-8")
	groups, err := top.Groups(ByCore, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	mask, err := groups.Mask(2)
	if err != nil {
		t.Fatal(err)
	}
	checkJSON(t, mask, `{"groups":4,"cpus":[4,5],"mask":"4-5"}`)
	checkJSON(t, groups.Masks(), `{"groups":4,"masks":[[0,1],[2,3],[4,5],[6,7]]}`)
	checkJSON(t, Groups{}.Masks(), `{"groups":0,"masks":[]}`)
	for _, i := range []int{-1, 4} {
		_, err := groups.Mask(i)
		checkParamError(t, err, "index")
	}
}

func TestTopologyHasTheShapeOfTheProtocol(t *testing.T) {
	root := newMemFS()
	root.write(cpuDir+"/online", "0-1\n")
	root.write(nodeDir+"/node0/cpulist", "0-1\n")
	root.write(nodeDir+"/node0/meminfo", "Node 0 MemTotal: 4 kB\n")
	root.write(nodeDir+"/node3/cpulist", "\n")
	for _, cpu := range []string{"0", "1"} {
		root.write(cpuDir+"/cpu"+cpu+"/topology/core_cpus_list", "0-1\n")
		root.write(cpuDir+"/cpu"+cpu+"/topology/package_cpus_list", "0-1\n")
		root.write(cpuDir+"/cpu"+cpu+"/topology/physical_package_id", "-1\n")
		root.write(cpuDir+"/cpu"+cpu+"/cache/index0/level", "1\n")
		root.write(cpuDir+"/cpu"+cpu+"/cache/index0/type", "Data\n")
		root.write(cpuDir+"/cpu"+cpu+"/cache/index0/shared_cpu_map", "00000000\n")
	}
	top, err := Read(root, Options{})
	if err != nil {
		t.Fatal(err)
	}
	checkJSON(t, top, `{"cpus":[0,1],"allowed":[0,1],`+
		`"nodes":[{"id":0,"cpus":[0,1],"memory":4096},{"id":3,"cpus":[],"memory":null}],`+
		`"packages":[{"id":null,"cpus":[0,1]}],"dies":[],"clusters":[],`+
		`"cores":[{"cpus":[0,1],"node":0,"package":null}],`+
		`"caches":[{"level":1,"cpus":[0,1],"size":null,"type":"Data"}],"uniform":true}`)
}

func checkJSON(t *testing.T, value any, want string) {
	t.Helper()
	got, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestStepsAreReadFromFlagsAndJSON(t *testing.T) {
	for _, c := range []struct {
		text string
		want Step
	}{{"1", Threads(1)}, {"16", Threads(16)}, {"thread", ByThread}, {"l3", ByL3}, {"package", ByPackage}} {
		got, err := ParseStep(c.text)
		if err != nil || got != c.want || got.String() != c.text {
			t.Errorf("ParseStep(%q) is %v, %v", c.text, got, err)
		}
	}
	for text, want := range map[string]Step{`2`: Threads(2), `2.0`: Threads(2), `"core"`: ByCore} {
		var got Step
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("JSON %s is %v, %v", text, got, err)
		}
	}
	for _, step := range []Step{Threads(4), ByNode} {
		text, err := json.Marshal(step)
		var back Step
		if err != nil || json.Unmarshal(text, &back) != nil || back != step {
			t.Errorf("%v is %s in JSON, and %v back (%v)", step, text, back, err)
		}
	}
}

func TestMalformedStepsNameTheField(t *testing.T) {
	for _, text := range []string{`0`, `-1`, `1.5`, `1e300`, `"l9"`, `""`, `"2"`, `null`, `[1]`, `{}`, `true`} {
		step := ByCore
		checkParamError(t, step.UnmarshalJSON([]byte(text)), "step")
	}
	for _, text := range []string{"", "0", "-3", "cores", "1.5"} {
		_, err := ParseStep(text)
		checkParamError(t, err, "step")
	}
}

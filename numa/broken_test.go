package numa

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func TestOlderFormatsGiveTheSameTopology(t *testing.T) {
	for _, name := range machineNames(t) {
		whole := machineFS(t, name)
		want := machine(t, name)
		for variant, drop := range map[string]func(string) bool{
			"masks only": func(f string) bool {
				return strings.HasSuffix(f, "cpulist") || strings.HasSuffix(f, "_list")
			},
			"no masks": func(f string) bool {
				return whole.files[f+"_list"] != nil || strings.HasSuffix(f, "cpumap") && whole.files[strings.TrimSuffix(f, "map")+"list"] != nil
			},
			"names before 5.3": func(f string) bool {
				return strings.Contains(f, "topology/core_cpus") || strings.Contains(f, "topology/package_cpus")
			},
			"no global files": func(f string) bool { return strings.Count(f, "/") == 4 },
		} {
			t.Run(name+"/"+variant, func(t *testing.T) {
				root := whole.clone()
				for _, f := range whole.names() {
					if strings.HasPrefix(f, "sys/devices") && drop(f) {
						root.remove(f)
					}
				}
				got, err := Read(root, Options{})
				if err != nil {
					t.Fatal(err)
				}
				same(t, "topology", describe(t, got), describe(t, want))
			})
		}
	}
}

func describe(t *testing.T, top *Topology) string {
	t.Helper()
	text, err := top.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "},{", "},\n{")
}

func TestTreesWithGapsGiveASmallerAnswer(t *testing.T) {
	for _, c := range []struct {
		name    string
		files   map[string]string
		cpus    string
		cores   string
		nodes   string
		threads string
	}{
		{"only the online file", map[string]string{
			cpuDir + "/online": "0-3\n",
		}, "0-3", "0\n1\n2\n3", "0: 0-3 -1", "0 1 2 3"},
		{"only folders", map[string]string{
			cpuDir + "/cpu0/uevent": "", cpuDir + "/cpu2/online": "1\n", cpuDir + "/cpu3/online": "0\n", cpuDir + "/cpufreq/x": "", cpuDir + "/cpu01/x": "",
		}, "0,2", "0\n2", "0: 0,2 -1", "0 2"},
		{"an offline CPU that has a folder without topology, no online file", map[string]string{
			cpuDir + "/cpu0/topology/thread_siblings": "5\n", cpuDir + "/cpu1/uevent": "", cpuDir + "/cpu2/topology/thread_siblings": "5\n",
		}, "0,2", "0,2", "0: 0,2 -1", "0 2"},
		{"a sibling without folder", map[string]string{
			cpuDir + "/online": "0-3\n", cpuDir + "/cpu0/topology/core_cpus_list": "0,2\n", cpuDir + "/cpu1/topology/core_cpus_list": "1,3\n",
		}, "0-3", "0,2\n1,3", "0: 0-3 -1", "0 1 2 3"},
		{"siblings that disagree", map[string]string{
			cpuDir + "/online": "0-2\n", cpuDir + "/cpu0/topology/core_cpus_list": "0-2\n",
			cpuDir + "/cpu1/topology/core_cpus_list": "1\n", cpuDir + "/cpu2/topology/core_cpus_list": "0,2\n",
		}, "0-2", "0,2\n1", "0: 0-2 -1", "0 1 2"},
		{"siblings cut in the middle, mask whole", map[string]string{
			cpuDir + "/online": "0-1\n", cpuDir + "/cpu0/topology/core_cpus_list": "0-", cpuDir + "/cpu0/topology/core_cpus": "3\n",
			cpuDir + "/cpu1/topology/core_cpus": "3\n",
		}, "0-1", "0-1", "0: 0-1 -1", "0 1"},
		{"an offline sibling", map[string]string{
			cpuDir + "/online": "0\n", cpuDir + "/cpu0/topology/core_cpus_list": "0-1\n", cpuDir + "/cpu1/online": "0\n",
		}, "0", "0", "0: 0 -1", "0"},
		{"CPUs in no node", map[string]string{
			cpuDir + "/online": "0-3\n", nodeDir + "/node0/cpulist": "0-1\n", nodeDir + "/node1/cpulist": "\n",
		}, "0-3", "0\n1\n2\n3", "0: 0-1 -1\n1:  -1", "0 2 1 3"},
		{"nodes that all are empty", map[string]string{
			cpuDir + "/online": "0-1\n", nodeDir + "/node2/cpumap": "0\n", nodeDir + "/node3/meminfo": "Node 3 MemTotal: 8 kB\n",
		}, "0-1", "0\n1", "2: 0-1 -1\n3:  8192", "0 1"},
		{"nodes that overlap", map[string]string{
			cpuDir + "/online": "0-3\n", nodeDir + "/node0/cpulist": "0-2\n", nodeDir + "/node1/cpulist": "2-3\n",
		}, "0-3", "0\n1\n2\n3", "0: 0-2 -1\n1: 3 -1", "0 3 1 2"},
		{"a core on two nodes", map[string]string{
			cpuDir + "/online": "0-3\n", nodeDir + "/node0/cpulist": "0-1\n", nodeDir + "/node1/cpulist": "2-3\n",
			cpuDir + "/cpu0/topology/core_cpus_list": "0,2\n", cpuDir + "/cpu2/topology/core_cpus_list": "0,2\n",
		}, "0-3", "0,2\n1\n3", "0: 0-1 -1\n1: 2-3 -1", "0 3 1 2"},
		{"an online list that cannot be read", map[string]string{
			cpuDir + "/online": "0-4294967295\n", cpuDir + "/cpu0/uevent": "", cpuDir + "/cpu1/uevent": "",
		}, "0-1", "0\n1", "0: 0-1 -1", "0 1"},
		{"memory that cannot be", map[string]string{
			cpuDir + "/online": "0\n", "proc/meminfo": "MemTotal: 99999999999999999 kB\n",
		}, "0", "0", "0: 0 -1", "0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := newMemFS()
			for name, content := range c.files {
				root.write(name, content)
			}
			top, err := Read(root, Options{})
			if err != nil {
				t.Fatal(err)
			}
			checkTopology(t, top)
			same(t, "cpus", top.CPUs.String(), c.cpus)
			same(t, "cores", lines(top.Cores, func(c Core) string { return c.CPUs.String() }), c.cores)
			same(t, "nodes", lines(top.Nodes, describeNode), c.nodes)
			groups, err := top.Groups(ByThread, true, nil)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "threads", masksOf(groups), c.threads)
		})
	}
}

func TestLevelsThatTheMachineDoesNotTellAreErrors(t *testing.T) {
	root := newMemFS()
	root.write(cpuDir+"/online", "0-1\n")
	root.write(nodeDir+"/node0/cpulist", "0\n")
	top, err := Read(root, Options{Affinity: SetOf(1)}) // in no node, no package, no cache
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []Step{ByNode, ByPackage, ByL2, ByL3} {
		_, err := top.Groups(step, true, nil)
		checkParamError(t, err, "step")
	}
	groups, err := top.Groups(ByCore, true, nil)
	if err != nil || masksOf(groups) != "1" {
		t.Errorf("cores are %s: %v", masksOf(groups), err)
	}
}

// Time and memory must not grow with the square of what a tree claims.
func TestTheLargestClaimIsAnsweredSoon(t *testing.T) {
	root := newMemFS()
	root.write(cpuDir+"/online", "0-16383\n")
	root.write(cpuDir+"/cpu0/topology/core_cpus_list", "0-16383\n")
	start := time.Now()
	top, err := Read(root, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range levels {
		if _, err := top.Groups(step, false, nil); err != nil {
			checkParamError(t, err, "step")
		}
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("one core of %d threads took %v", MaxCPUs, took)
	}
	if len(top.Cores) != 1 {
		t.Errorf("%d cores", len(top.Cores))
	}
}

func TestContradictionsAreTold(t *testing.T) {
	root := newMemFS()
	root.write(cpuDir+"/online", "0-1\n")
	root.write(cpuDir+"/cpu0/topology/core_cpus_list", "0-1\n")
	root.write(cpuDir+"/cpu1/topology/core_cpus_list", "1\n")
	root.write(cpuDir+"/cpu0/topology/package_cpus_list", "1\n")
	root.write(cpuDir+"/cpu0/cache/index0/level", "12\n")
	root.write(nodeDir+"/node0/cpulist", "0\n")
	root.write(nodeDir+"/node0/distance", "10 20\n")
	top, err := Read(root, Options{})
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(top.Warnings, "\n")
	for _, want := range []string{
		"CPU 0 names CPU 1 as its sibling", "CPU 0 is missing in its own package_cpus_list", "no level of 1 to 9",
		"2 distances for 1 nodes", "CPUs 1 are in no node",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no warning says %q:\n%s", want, all)
		}
	}
}

func TestWarningsAreBounded(t *testing.T) {
	for _, cpus := range []int{100, 2 * chunkSize} { // read by one goroutine, and by two
		root := newMemFS()
		root.write(cpuDir+"/online", addAll(cpus).String()+"\n")
		for cpu := range cpus {
			root.write(cpuPath(cpu)+"topology/core_cpus_list", "nonsense\n")
		}
		top, err := Read(root, Options{})
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("and %d more", cpus-maxWarnings)
		if n := len(top.Warnings); n != maxWarnings+1 || top.Warnings[n-1] != want {
			t.Errorf("%d warnings, the last is %q, want %q", n, top.Warnings[n-1], want)
		}
	}
}

func TestATreeWithoutCPUsIsAnError(t *testing.T) {
	for name, root := range map[string]fs.FS{
		"empty":       newMemFS(),
		"no CPUs":     fstest.MapFS{cpuDir + "/online": {Data: []byte("\n")}},
		"file as dir": fstest.MapFS{"sys": {Data: []byte("x")}},
		"all offline": fstest.MapFS{cpuDir + "/cpu0/online": {Data: []byte("0\n")}},
		"too large":   fstest.MapFS{cpuDir + "/online": {Data: make([]byte, maxFile+1)}},
	} {
		if top, err := Read(root, Options{}); err == nil {
			t.Errorf("%s: read as %s", name, top.CPUs)
		}
	}
}

func TestCacheMapsAreTakenWithCare(t *testing.T) {
	root := newMemFS()
	root.write(cpuDir+"/online", "0-3\n")
	for cpu, shared := range []string{"0-1,77", "0-1", "1-3", "3"} {
		dir := fmt.Sprintf("%s/cpu%d/cache/index0/", cpuDir, cpu)
		root.write(dir+"level", "2\n")
		root.write(dir+"type", "Unified\n")
		root.write(dir+"size", []string{"512K\n", "512K\n", "nonsense", "1M\n"}[cpu])
		root.write(dir+"shared_cpu_list", shared+"\n")
		root.write(fmt.Sprintf("%s/cpu%d/cache/index1/type", cpuDir, cpu), "Instruction\n")
	}
	top, err := Read(root, Options{})
	if err != nil {
		t.Fatal(err)
	}
	checkTopology(t, top)
	same(t, "l2", cachesOf(top, 2), "0-1 524288\n2-3 -1")
	groups, err := top.Groups(ByL2, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "groups", masksOf(groups), "0-1 2-3")
}

func TestKindsAreFoundInEachSource(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"monitoring units": {"sys/devices/cpu_core/cpus": "0-1\n", "sys/devices/cpu_atom/cpus": "2-3\n"},
		"one unit":         {"sys/devices/cpu_core/cpus": "0-1\n"},
		"types":            {cpuDir + "/types/intel_core_0/cpulist": "0-1\n", cpuDir + "/types/intel_atom_0/cpumap": "c\n"},
		"core types": {
			cpuDir + "/cpu0/topology/core_type": "performance\n", cpuDir + "/cpu1/topology/core_type": "performance\n",
			cpuDir + "/cpu2/topology/core_type": "efficiency\n", cpuDir + "/cpu3/topology/core_type": "efficiency\n",
		},
		"capacities": {
			cpuDir + "/cpu0/cpu_capacity": "1024\n", cpuDir + "/cpu1/cpu_capacity": "1024\n",
			cpuDir + "/cpu2/cpu_capacity": "446\n", cpuDir + "/cpu3/cpu_capacity": "446\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := newMemFS()
			root.write(cpuDir+"/online", "0-3\n")
			for name, content := range files {
				root.write(name, content)
			}
			top, err := Read(root, Options{})
			if err != nil {
				t.Fatal(err)
			}
			k := []string{top.Cores[0].Kind, top.Cores[1].Kind, top.Cores[2].Kind, top.Cores[3].Kind}
			if k[0] != k[1] || k[2] != k[3] || k[0] == k[2] || k[0] == "" || !top.Hybrid() || top.Uniform() {
				t.Errorf("kinds %q, hybrid %v, uniform %v", k, top.Hybrid(), top.Uniform())
			}
			checkAllGroups(t, top)
		})
	}
}

func TestPartialKindsAreNoKinds(t *testing.T) {
	root := newMemFS()
	root.write(cpuDir+"/online", "0-1\n")
	root.write(cpuDir+"/cpu0/cpu_capacity", "1024\n")
	root.write("sys/devices/cpu_core/cpus", "0-1\n")
	top, err := Read(root, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if top.Hybrid() || !top.Uniform() {
		t.Errorf("kinds %q and %q from one capacity and one unit", top.Cores[0].Kind, top.Cores[1].Kind)
	}
}

// hostile is what a broken or malicious snapshot may hold in any file.
var hostile = []string{
	"", "\n", "-1\n", "0\n", "1\n", "0-1\n", "0-4294967295\n", "99999999999999999999\n", "0-16383\n", "ffffffff,ffffffff\n",
	"0,0,0\n", "3-1\n", "x\n", "\x00\x00", strings.Repeat("f", 5000), strings.Repeat("0,", 3000) + "1\n", "MemTotal: -5 kB\n",
	"Instruction\n", "Data\n", "1024G\n", "0::/../../../..\n3:cpuset:\n:::\n",
}

// mutate changes n files of a tree: other content, cut, removed, or a folder
// in the file's place.
func mutate(root *memFS, random *rand.Rand, n int) {
	names := root.names()
	for range n {
		name := names[random.IntN(len(names))]
		switch random.IntN(5) {
		case 0:
			root.write(name, hostile[random.IntN(len(hostile))])
		case 1:
			content := root.files[name]
			root.write(name, string(content[:random.IntN(len(content)+1)]))
		case 2:
			root.remove(name)
		case 3:
			root.write(name, string(root.files[names[random.IntN(len(names))]]))
		case 4:
			root.remove(name)
			root.write(name+"/inside", "0\n")
		}
	}
}

// checkReadable: whatever the tree, the answer is an error or sound.
func checkReadable(t reporter, root fs.FS) (sound bool) {
	t.Helper()
	top, err := Read(root, Options{})
	if err != nil {
		return false
	}
	checkTopology(t, top)
	checkSoundGroups(t, top)
	return true
}

// checkSoundGroups holds what must hold even where the machine contradicts itself.
func checkSoundGroups(t reporter, top *Topology) {
	t.Helper()
	yes, no := true, false
	steps := append(slices.Clone(levels), Threads(1), Threads(2), Threads(4))
	for _, step := range steps {
		for _, sequential := range []*bool{nil, &yes, &no} {
			groups, err := top.Groups(step, false, sequential)
			if err != nil {
				continue
			}
			var seen CPUSet
			for i, g := range groups {
				if g.CPUs.IsEmpty() || !g.CPUs.SubsetOf(top.Allowed) || g.CPUs.Intersects(seen) {
					t.Errorf("step %s: group %d, %s, is empty, not allowed or taken", step, i, g.CPUs)
				}
				seen = seen.Union(g.CPUs)
			}
		}
	}
}

func TestBrokenTreesGiveAnErrorOrASoundAnswer(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	answers := 0
	for _, name := range machineNames(t) {
		whole := machineFS(t, name)
		for range 12 {
			root := whole.clone()
			mutate(root, random, 1+random.IntN(len(whole.files)/4))
			if checkReadable(t, root) {
				answers++
			}
		}
	}
	if answers < 50 {
		t.Errorf("only %d of the broken trees were read", answers)
	}
}

func FuzzBrokenTree(f *testing.F) {
	machines := []*memFS{machineFS(f, "x86-tulsa-offline-12of16"), machineFS(f, "x86-harpertown-buggynuma-8"), machineFS(f, "arm-cortexa9-2")}
	f.Add(uint64(1), uint(0), uint(3), "0-3")
	f.Add(uint64(7), uint(1), uint(60), "ff")
	f.Fuzz(func(t *testing.T, seed uint64, which, changes uint, content string) {
		root := machines[which%uint(len(machines))].clone()
		random := rand.New(rand.NewPCG(seed, 0))
		mutate(root, random, int(changes%200))
		names := root.names()
		root.write(names[random.IntN(len(names))], content)
		checkReadable(t, root)
	})
}

package numa

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// oracle is what hwloc says about a machine of testdata/machines.
type oracle struct {
	Name    string `json:"name"`
	CPUs    CPUSet `json:"cpus"`
	Allowed CPUSet `json:"allowed_cpus"`
	Nodes   []struct {
		ID     int    `json:"id"`
		CPUs   CPUSet `json:"cpus"`
		Memory *int64 `json:"memory_bytes"`
	} `json:"nodes"`
	Packages []struct {
		ID   *int   `json:"id"`
		CPUs CPUSet `json:"cpus"`
	} `json:"packages"`
	Cores []struct {
		Package *int   `json:"package"`
		Nodes   []int  `json:"nodes"`
		CPUs    CPUSet `json:"cpus"`
	} `json:"cores"`
	L2        []oracleCache `json:"l2"`
	L3        []oracleCache `json:"l3"`
	Uniform   bool          `json:"uniform"`
	Kinds     []CPUSet      `json:"hwloc_cpu_kinds"`
	Ambiguous string        `json:"ambiguous"`
}

type oracleCache struct {
	CPUs CPUSet `json:"cpus"`
	Size int64  `json:"size_bytes"`
}

const machineDir = "testdata/machines"

// machineNames lists the machines of testdata.
func machineNames(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(machineDir, "*.tar.gz"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no machines: %v", err)
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(filepath.Base(f), ".tar.gz")
	}
	return files
}

func machineFS(t testing.TB, name string) *memFS {
	t.Helper()
	return tarFS(t, filepath.Join(machineDir, name+".tar.gz"))
}

func machine(t testing.TB, name string) *Topology {
	t.Helper()
	top, err := Read(machineFS(t, name), Options{})
	if err != nil {
		t.Fatal(err)
	}
	checkTopology(t, top)
	return top
}

func readJSON(t testing.TB, name string, into any) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(machineDir, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func TestRealMachinesAgreeWithHwloc(t *testing.T) {
	for _, name := range machineNames(t) {
		t.Run(name, func(t *testing.T) {
			var want oracle
			readJSON(t, name+".json", &want)
			got := machine(t, name)
			same(t, "cpus", got.CPUs.String(), want.CPUs.String())
			same(t, "allowed", got.Allowed.String(), want.Allowed.String())
			same(t, "packages", lines(got.Packages, describeDomain), oraclePackages(want))
			same(t, "cores", lines(got.Cores, describeCore), oracleCores(want))
			same(t, "l2", cachesOf(got, 2), oracleCaches(want.L2))
			same(t, "l3", cachesOf(got, 3), oracleCaches(want.L3))
			if name != "x86-harpertown-buggynuma-8" { // ambiguous: hwloc drops seven nodes
				same(t, "nodes", lines(got.Nodes, describeNode), oracleNodes(want))
			}
			if got.CPUs.Equal(got.Allowed) && got.Uniform() != want.Uniform {
				t.Errorf("uniform is %v, want %v", got.Uniform(), want.Uniform)
			}
			if got.Hybrid() != (len(want.Kinds) > 1) {
				t.Errorf("hybrid is %v, hwloc knows kinds %v", got.Hybrid(), want.Kinds)
			}
		})
	}
}

func TestRealMachinesGiveNoWarnings(t *testing.T) {
	for _, name := range machineNames(t) {
		warnings := machine(t, name).Warnings
		if name == "x86-harpertown-buggynuma-8" {
			if len(warnings) != 7 {
				t.Errorf("%s: want one warning for each of the 7 buggy nodes, got %q", name, warnings)
			}
			continue
		}
		if len(warnings) > 0 {
			t.Errorf("%s: %q", name, warnings)
		}
	}
}

func TestHybridCoresAreToldApart(t *testing.T) {
	var want oracle
	readJSON(t, "x86-raptorlake-1370p-hybrid-20.json", &want)
	byKind := map[string]CPUSet{}
	for _, c := range machine(t, want.Name).Cores {
		byKind[c.Kind] = byKind[c.Kind].Union(c.CPUs)
	}
	for _, kind := range want.Kinds {
		if !slices.ContainsFunc(valuesOf(byKind), kind.Equal) {
			t.Errorf("no kind of cores %s, got %v", kind, byKind)
		}
	}
	if len(byKind) != len(want.Kinds) {
		t.Errorf("%d kinds, want %d: %v", len(byKind), len(want.Kinds), byKind)
	}
}

func TestBuggyNodesLeaveOneNodeWithCPUs(t *testing.T) {
	top := machine(t, "x86-harpertown-buggynuma-8")
	for i, n := range top.Nodes {
		want := ""
		if i == 0 {
			want = "0-7"
		}
		if n.CPUs.String() != want || n.Memory <= 0 {
			t.Errorf("node %d has CPUs %q and memory %d, want CPUs %q and some memory", n.ID, n.CPUs, n.Memory, want)
		}
	}
}

func TestDistancesAreReadByNode(t *testing.T) {
	top := machine(t, "x86-xeon-pmem-6n-112")
	if got, want := top.Nodes[4].Distances, []int{17, 28, 28, 28, 10, 28}; !slices.Equal(got, want) {
		t.Errorf("distances of node 4 are %v, want %v", got, want)
	}
	if got := machine(t, "arm-cortexa9-2").Nodes[0].Distances; got != nil {
		t.Errorf("a machine without nodes has distances %v", got)
	}
}

func TestClustersAndDiesAreRead(t *testing.T) {
	top := machine(t, "arm64-kunpeng920-2s4n-128")
	if len(top.Clusters) != 32 || top.Clusters[1].CPUs.String() != "4-7" {
		t.Errorf("want 32 clusters of 4, the second being 4-7, got %v", top.Clusters)
	}
	if top := machine(t, "x86-cascadelake-6230-snc2-80"); len(top.Dies) != 2 || top.Dies[0].CPUs.Len() != 40 {
		t.Errorf("want 2 dies of 40 CPUs, got %v", top.Dies)
	}
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got\n%s\nwant\n%s", what, got, want)
	}
}

func lines[T any](list []T, describe func(T) string) string {
	texts := make([]string, len(list))
	for i, item := range list {
		texts[i] = describe(item)
	}
	slices.Sort(texts)
	return strings.Join(texts, "\n")
}

func describeNode(n Node) string     { return fmt.Sprintf("%d: %s %d", n.ID, n.CPUs, n.Memory) }
func describeDomain(d Domain) string { return fmt.Sprintf("%d: %s", d.ID, d.CPUs) }
func describeCore(c Core) string     { return fmt.Sprintf("%d/%d: %s", c.Package, c.Node, c.CPUs) }

func cachesOf(top *Topology, level int) string {
	var of []Cache
	for _, c := range top.Caches {
		if c.Level == level {
			of = append(of, c)
		}
	}
	return lines(of, func(c Cache) string { return fmt.Sprintf("%s %d", c.CPUs, c.Size) })
}

func oracleCaches(list []oracleCache) string {
	return lines(list, func(c oracleCache) string { return fmt.Sprintf("%s %d", c.CPUs, c.Size) })
}

func oracleNodes(o oracle) string {
	var nodes []Node
	for _, n := range o.Nodes {
		memory := Bytes(-1)
		if n.Memory != nil {
			memory = Bytes(*n.Memory)
		}
		nodes = append(nodes, Node{ID: ID(n.ID), CPUs: n.CPUs, Memory: memory})
	}
	return lines(nodes, describeNode)
}

func oraclePackages(o oracle) string {
	var packages []Domain
	for _, p := range o.Packages {
		packages = append(packages, Domain{oracleID(p.ID), p.CPUs})
	}
	return lines(packages, describeDomain)
}

func oracleCores(o oracle) string {
	var cores []Core
	for _, c := range o.Cores {
		cores = append(cores, Core{CPUs: c.CPUs, Node: ID(c.Nodes[0]), Package: oracleID(c.Package)})
	}
	return lines(cores, describeCore)
}

func oracleID(id *int) ID {
	if id == nil {
		return Unknown
	}
	return ID(*id)
}

func valuesOf(m map[string]CPUSet) []CPUSet {
	var values []CPUSet
	for _, v := range m {
		values = append(values, v)
	}
	return values
}

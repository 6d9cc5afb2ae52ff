package numa

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// spec is a machine to be rendered as sysfs files. CPU numbers are the indexes
// of node, core and package; the sets below are derived from them.
type spec struct {
	node, core []int  // of each CPU: node id, number of its core
	pkg        []int  // of each CPU: package
	perL2      int    // cores that share a level 2 cache
	offline    CPUSet // CPUs that are present only
	allowed    CPUSet // by the cgroup; empty when there is none
	memoryOnly []int  // ids of nodes without CPUs
	style      style  // how the kernel prints
}

// style is what differs between kernels.
type style struct {
	masks    bool // no *_list files
	oldNames bool // thread_siblings rather than core_cpus
	noOnline bool // no cpu/online file
}

// shape is a node before its CPUs are numbered: the threads of its cores.
type shape []int

// drawSpec draws a machine of at most 1,024 CPUs and 64 nodes.
func drawSpec(t *rapid.T) *spec {
	nodes := rapid.SampledFrom([]int{1, 2, 3, 4, 8, 16, 64}).Draw(t, "nodes")
	ragged := rapid.Bool().Draw(t, "ragged")
	shapes := make([]shape, nodes)
	cores := rapid.IntRange(1, max(1, 1024/nodes/4)).Draw(t, "cores")
	threads := rapid.SampledFrom([]int{1, 2, 4}).Draw(t, "threads")
	for i := range shapes {
		if ragged {
			cores = rapid.IntRange(1, max(1, 256/nodes)).Draw(t, "cores of node")
		}
		for range cores {
			if ragged && rapid.IntRange(0, 9).Draw(t, "odd core") == 0 {
				shapes[i] = append(shapes[i], 1)
				continue
			}
			shapes[i] = append(shapes[i], threads)
		}
	}
	s := numberCPUs(shapes, drawIDs(t, nodes), rapid.SampledFrom([]string{"sequential", "cross", "half"}).Draw(t, "numbering"))
	s.perL2 = rapid.SampledFrom([]int{1, 1, 2, 4}).Draw(t, "cores on a level 2 cache")
	s.style = style{rapid.Bool().Draw(t, "masks"), rapid.Bool().Draw(t, "old names"), rapid.Bool().Draw(t, "no online file")}
	all := addAll(len(s.node))
	if rapid.Bool().Draw(t, "some offline") {
		s.offline = SetOf(rapid.SliceOfN(rapid.IntRange(1, len(s.node)), 0, 9).Draw(t, "offline")...).Intersect(all)
	}
	if rapid.Bool().Draw(t, "cgroup") {
		s.allowed = SetOf(rapid.SliceOfN(rapid.IntRange(0, len(s.node)-1), 1, 50).Draw(t, "allowed")...).Union(SetOf(0)).Minus(s.offline)
	}
	if rapid.Bool().Draw(t, "memory-only node") {
		s.memoryOnly = []int{slices.Max(s.node) + 3}
	}
	return s
}

func addAll(n int) CPUSet {
	var b builder
	b.addRange(0, n-1)
	return b.set()
}

func drawIDs(t *rapid.T, nodes int) []int {
	ids := make([]int, nodes)
	next := 0
	for i := range ids {
		next += rapid.SampledFrom([]int{0, 0, 0, 1, 9}).Draw(t, "gap of ids")
		ids[i] = next
		next++
	}
	return ids
}

// numberCPUs gives numbers to the threads: "sequential" core by core, "cross"
// one core of each node in turn with the second threads last, "half" node by node
// with the second threads last.
func numberCPUs(shapes []shape, ids []int, numbering string) *spec {
	type thread struct{ round, turn, node, core, rank int }
	var threads []thread
	core := 0
	for n, cores := range shapes {
		for k, count := range cores {
			for rank := range count {
				threads = append(threads, thread{rank, k, n, core, rank})
			}
			core++
		}
	}
	slices.SortStableFunc(threads, func(a, b thread) int {
		switch {
		case numbering != "sequential" && a.round != b.round:
			return a.round - b.round
		case numbering == "cross" && a.turn != b.turn:
			return a.turn - b.turn
		}
		return 0 // as built: node by node, core by core
	})
	s := &spec{}
	for _, th := range threads {
		s.node = append(s.node, ids[th.node])
		s.core = append(s.core, th.core)
		s.pkg = append(s.pkg, th.node/2)
	}
	return s
}

// setsBy groups the online CPUs by a property, by lowest CPU.
func (s *spec) setsBy(property func(cpu int) int) []CPUSet {
	sets := map[int]*builder{}
	var order []int
	for cpu := range s.node {
		if s.offline.Has(cpu) {
			continue
		}
		key := property(cpu)
		if sets[key] == nil {
			sets[key] = &builder{}
			order = append(order, key)
		}
		sets[key].add(cpu)
	}
	list := make([]CPUSet, len(order))
	for i, key := range order {
		list[i] = sets[key].set()
	}
	return list
}

func (s *spec) cores() []CPUSet    { return s.setsBy(func(cpu int) int { return s.core[cpu] }) }
func (s *spec) packages() []CPUSet { return s.setsBy(func(cpu int) int { return s.pkg[cpu] }) }
func (s *spec) nodes() []CPUSet    { return s.setsBy(func(cpu int) int { return s.node[cpu] }) }
func (s *spec) l2() []CPUSet {
	return s.setsBy(func(cpu int) int { return s.node[cpu]<<20 | s.core[cpu]/s.perL2 })
}

// render writes the machine as the kernel would.
func (s *spec) render() *memFS {
	root := newMemFS()
	online := addAll(len(s.node)).Minus(s.offline)
	for cpu := range s.offline.All() {
		root.write(cpuPath(cpu)+"online", "0\n")
	}
	if !s.style.noOnline {
		root.write(cpuDir+"/online", online.String()+"\n")
	}
	core, pkg := "core_cpus", "package_cpus"
	if s.style.oldNames {
		core, pkg = "thread_siblings", "core_siblings"
	}
	s.writeEach(root, s.cores(), "topology/", core, "core_id", 1)
	s.writeEach(root, s.packages(), "topology/", pkg, "physical_package_id", 1)
	s.writeCaches(root, 0, 1, "Data", s.cores())
	s.writeCaches(root, 1, 1, "Instruction", s.cores())
	s.writeCaches(root, 2, 2, "Unified", s.l2())
	s.writeCaches(root, 3, 3, "Unified", s.packages())
	for _, set := range s.nodes() {
		id := s.node[set.Min()]
		dir := nodeDir + "/node" + strconv.Itoa(id) + "/"
		s.writeSet(root, dir, "cpumap", "cpulist", set)
		root.write(dir+"meminfo", fmt.Sprintf("\nNode %d MemTotal:       %d kB\nNode %d MemFree: 1 kB\n", id, 1000+id, id))
	}
	for _, id := range s.memoryOnly {
		s.writeSet(root, nodeDir+"/node"+strconv.Itoa(id)+"/", "cpumap", "cpulist", CPUSet{})
	}
	if !s.allowed.IsEmpty() {
		root.write("proc/self/cgroup", "0::/jobs\n")
		root.write("proc/mounts", "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n")
		root.write("sys/fs/cgroup/jobs/cpuset.cpus.effective", s.allowed.String()+"\n")
	}
	return root
}

func (s *spec) writeEach(root *memFS, sets []CPUSet, dir, name, idName string, scale int) {
	for id, set := range sets {
		for cpu := range set.All() {
			s.writeSet(root, cpuPath(cpu)+dir, name, name+"_list", set)
			root.write(cpuPath(cpu)+dir+idName, strconv.Itoa(id*scale)+"\n")
		}
	}
}

func (s *spec) writeCaches(root *memFS, index, level int, kind string, sets []CPUSet) {
	for _, set := range sets {
		for cpu := range set.All() {
			dir := fmt.Sprintf("%scache/index%d/", cpuPath(cpu), index)
			root.write(dir+"level", strconv.Itoa(level)+"\n")
			root.write(dir+"type", kind+"\n")
			root.write(dir+"size", strconv.Itoa(32<<(3*index))+"K\n")
			s.writeSet(root, dir, "shared_cpu_map", "shared_cpu_list", set)
		}
	}
}

func (s *spec) writeSet(root *memFS, dir, mask, list string, set CPUSet) {
	root.write(dir+mask, "00000000,"+set.Mask()+"\n")
	if !s.style.masks {
		root.write(dir+list, set.String()+"\n")
	}
}

func TestRandomMachinesAreReadAsTheyAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSpec(t)
		top, err := Read(s.render(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		checkTopology(t, top)
		checkSpec(t, s, top)
		for _, step := range append(slices.Clone(levels), Threads(1), Threads(2), Threads(4), Threads(12)) {
			groups, err := top.Groups(step, false, nil)
			if err != nil {
				checkParamError(t, err, "step")
				continue
			}
			checkGroups(t, top, step, false, groups)
		}
	})
}

func checkSpec(t *rapid.T, s *spec, top *Topology) {
	t.Helper()
	expect := func(what string, got, want []CPUSet) {
		if lines(got, CPUSet.String) != lines(want, CPUSet.String) {
			t.Fatalf("%s are %v, want %v", what, got, want)
		}
	}
	online := addAll(len(s.node)).Minus(s.offline)
	allowed := online
	if !s.allowed.IsEmpty() {
		allowed = s.allowed
	}
	expect("CPUs", []CPUSet{top.CPUs, top.Allowed}, []CPUSet{online, allowed})
	expect("cores", cpusOf(top.Cores, func(c Core) CPUSet { return c.CPUs }), s.cores())
	expect("packages", cpusOf(top.Packages, func(d Domain) CPUSet { return d.CPUs }), s.packages())
	for level, want := range map[int][]CPUSet{1: s.cores(), 2: s.l2(), 3: s.packages()} {
		var got []CPUSet
		for _, c := range top.Caches {
			if c.Level == level {
				got = append(got, c.CPUs)
			}
		}
		expect(fmt.Sprintf("level %d caches", level), got, want)
	}
	for _, n := range top.Nodes {
		if slices.Contains(s.memoryOnly, int(n.ID)) {
			expect("memory-only node", []CPUSet{n.CPUs}, []CPUSet{{}})
			continue
		}
		i := slices.IndexFunc(s.nodes(), n.CPUs.Equal)
		if i < 0 || s.node[n.CPUs.Min()] != int(n.ID) || n.Memory != Bytes(1000+n.ID)*1024 {
			t.Fatalf("node %d has CPUs %s and memory %d", n.ID, n.CPUs, n.Memory)
		}
	}
	if len(top.Warnings) > 0 {
		t.Fatalf("warnings: %q", top.Warnings)
	}
}

// A uniform machine of which everything is online and allowed is uniform, and
// its own numbering, stated explicitly, changes nothing.
func TestNumberingOfUniformMachinesIsWhatWasRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes, cores := rapid.IntRange(1, 8).Draw(t, "nodes"), rapid.IntRange(1, 8).Draw(t, "cores")
		threads := rapid.SampledFrom([]int{1, 2, 4}).Draw(t, "threads")
		sequential := rapid.Bool().Draw(t, "sequential")
		shapes := make([]shape, nodes)
		ids := make([]int, nodes)
		for i := range shapes {
			shapes[i] = slices.Repeat(shape{threads}, cores)
			ids[i] = i * 2
		}
		s := numberCPUs(shapes, ids, map[bool]string{true: "sequential", false: "cross"}[sequential])
		s.perL2 = 1
		top, err := Read(s.render(), Options{})
		if err != nil || !top.Uniform() {
			t.Fatalf("uniform %v, error %v", top.Uniform(), err)
		}
		for _, step := range []Step{ByThread, ByCore, ByNode, Threads(threads), Threads(threads * cores)} {
			read, err := top.Groups(step, false, nil)
			if err != nil {
				t.Fatal(err)
			}
			stated, err := top.Groups(step, false, &sequential)
			if err != nil || masksOf(stated) != masksOf(read) {
				t.Fatalf("step %s: stated %s, read %s (%v)", step, masksOf(stated), masksOf(read), err)
			}
		}
	})
}

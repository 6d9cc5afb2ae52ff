package numa

// The attributes by which a kernel says which CPUs belong together, newest
// names first. Ids do not serve: core ids repeat, package ids can be -1.

func coreAttr() *setAttr {
	return &setAttr{names: []string{"core_cpus_list", "thread_siblings_list", "core_cpus", "thread_siblings"}}
}

func packageAttr() *setAttr {
	return &setAttr{names: []string{"package_cpus_list", "core_siblings_list", "package_cpus", "core_siblings"}}
}

func dieAttr() *setAttr {
	return &setAttr{names: []string{"die_cpus_list", "die_cpus"}}
}

func clusterAttr() *setAttr {
	return &setAttr{names: []string{"cluster_cpus_list", "cluster_cpus"}}
}

// cores divides the online CPUs into cores, by lowest CPU. Two CPUs are
// siblings when both say so, or one does and the other has nothing to say.
func (s *source) cores(online onlineCPUs) []CPUSet {
	siblings := make([]CPUSet, online.cpus.Max()+1) // empty where a CPU says nothing
	s.inChunks(online.described.List(), func(part *source, _ int, cpus []int) {
		attr := coreAttr()
		for _, cpu := range cpus {
			siblings[cpu], _ = attr.of(part, cpuPath(cpu)+"topology/")
		}
	})
	var cores []CPUSet
	var taken builder
	for cpu := range online.cpus.All() {
		if taken.has(cpu) {
			continue
		}
		core := s.agreed(cpu, online.cpus, siblings, &taken)
		taken.merge(core)
		cores = append(cores, core)
	}
	return cores
}

// agreed gives the core of cpu: the siblings it names that do not disagree.
func (s *source) agreed(cpu int, online CPUSet, siblings []CPUSet, taken *builder) CPUSet {
	var core builder
	core.add(cpu)
	for other := range siblings[cpu].All() {
		if other == cpu || !online.Has(other) {
			continue
		}
		theirs := siblings[other]
		if taken.has(other) || !theirs.IsEmpty() && !theirs.Has(cpu) {
			s.warn("CPU %d names CPU %d as its sibling, which does not agree", cpu, other)
			continue
		}
		core.add(other)
	}
	return core.set()
}

// domains divides the online CPUs into packages, dies or clusters by what the
// lowest CPU of each says; CPUs that say nothing are in none.
func (s *source) domains(online onlineCPUs, attr *setAttr, idName string) []Domain {
	var domains []Domain
	var taken CPUSet
	for cpu := range online.described.All() {
		if taken.Has(cpu) {
			continue
		}
		if attr.absent() {
			return nil
		}
		set, ok := attr.of(s, cpuPath(cpu)+"topology/")
		if !ok {
			continue
		}
		cpus := s.claim(set, cpu, online.cpus, taken, attr.names[attr.last])
		taken = taken.Union(cpus)
		domains = append(domains, Domain{s.id(cpuPath(cpu) + "topology/" + idName), cpus})
	}
	return domains
}

// claim gives the online part of a set that cpu named, without the CPUs that
// an earlier one named for itself.
func (s *source) claim(named CPUSet, cpu int, online, taken CPUSet, what string) CPUSet {
	if !named.Has(cpu) {
		s.warn("CPU %d is missing in its own %s, %s", cpu, what, named)
	}
	cpus := named.Intersect(online).Union(SetOf(cpu))
	if !cpus.Intersects(taken) {
		return cpus
	}
	s.warn("the %s of CPU %d, %s, overlaps another", what, cpu, named)
	return cpus.Minus(taken)
}

func (s *source) id(path string) ID {
	if n, ok := s.number(path); ok && n >= 0 {
		return ID(n)
	}
	return Unknown
}

// describeCores adds to each core where it lies, by its lowest CPU.
func describeCores(t *Topology, sets []CPUSet) []Core {
	nodeOf, packageOf := map[int]ID{}, map[int]ID{}
	for _, n := range t.Nodes {
		for cpu := range n.CPUs.All() {
			nodeOf[cpu] = n.ID
		}
	}
	for _, p := range t.Packages {
		for cpu := range p.CPUs.All() {
			packageOf[cpu] = p.ID
		}
	}
	cores := make([]Core, len(sets))
	for i, cpus := range sets {
		cores[i] = Core{CPUs: cpus, Node: idOf(nodeOf, cpus.Min()), Package: idOf(packageOf, cpus.Min())}
	}
	return cores
}

func idOf(ids map[int]ID, cpu int) ID {
	if id, ok := ids[cpu]; ok {
		return id
	}
	return Unknown
}

package numa

// place is a node as groups see it: its allowed CPUs, by core.
type place struct {
	node  ID
	cpus  CPUSet
	cores []CPUSet // the allowed threads of each core, by lowest CPU
	// byRank are the CPUs that are the first allowed thread of their core, the
	// second ones and so on, each by itself, in the order of the cores.
	byRank [][]CPUSet
}

// addThread adds a CPU that is the rank-th of its core.
func (p *place) addThread(cpu, rank int) {
	for len(p.byRank) <= rank {
		p.byRank = append(p.byRank, nil)
	}
	p.byRank[rank] = append(p.byRank[rank], SetOf(cpu))
}

// chunks joins each n consecutive cores, and leaves out a rest.
func (p place) chunks(n int) []CPUSet {
	var chunks []CPUSet
	for at := 0; at+n <= len(p.cores); at += n {
		var b builder
		for _, core := range p.cores[at : at+n] {
			b.merge(core)
		}
		chunks = append(chunks, b.set())
	}
	return chunks
}

// places gives the nodes with allowed CPUs by id, and after them, as one more,
// the CPUs that are in none.
func (t *Topology) places() []place {
	cores := make([]CPUSet, len(t.Cores))
	for i, c := range t.Cores {
		cores[i] = c.CPUs
	}
	nodes := make([]Node, 0, len(t.Nodes)+1)
	rest := t.CPUs
	for _, n := range t.Nodes {
		nodes = append(nodes, n)
		rest = rest.Minus(n.CPUs)
	}
	return placesOf(append(nodes, Node{ID: Unknown, CPUs: rest}), cores, t.Allowed)
}

// placesOf distributes the cores over the nodes. One that lies on several,
// which no sound machine has, is given to each in part, but its threads keep their
// ranks: the second is still a second one.
func placesOf(nodes []Node, cores []CPUSet, allowed CPUSet) []place {
	places := make([]place, 0, len(nodes))
	placeOf := make(map[int]int)
	for _, n := range nodes {
		cpus := n.CPUs.Intersect(allowed)
		if cpus.IsEmpty() {
			continue
		}
		for cpu := range cpus.All() {
			placeOf[cpu] = len(places)
		}
		places = append(places, place{node: n.ID, cpus: cpus})
	}
	for _, core := range cores {
		rank, parts := 0, map[int]*builder{}
		for cpu := range core.Intersect(allowed).All() {
			p := placeOf[cpu]
			if parts[p] == nil {
				parts[p] = &builder{}
			}
			parts[p].add(cpu)
			places[p].addThread(cpu, rank)
			rank++
		}
		for p, part := range parts { // the order does not matter: one core a place
			places[p].cores = append(places[p].cores, part.set())
		}
	}
	return places
}

// coreThreads gives the lowest and the highest number of usable threads of a core.
func coreThreads(places []place) (low, high int) {
	for _, p := range places {
		for _, core := range p.cores {
			n := core.Len()
			if low == 0 || n < low {
				low = n
			}
			high = max(high, n)
		}
	}
	return low, high
}

// numbered gives the places as they were read, or, with an explicit numbering,
// as that one has them.
func (t *Topology) numbered(sequential *bool) ([]place, error) {
	if sequential == nil {
		return t.places(), nil
	}
	whole := Topology{CPUs: t.CPUs, Allowed: t.CPUs, Nodes: t.Nodes, Cores: t.Cores}
	if !whole.Uniform() {
		return nil, &ParamError{"sequential", "a machine that is not uniform has no such numbering: leave it out to use what the machine tells"}
	}
	places := whole.places()
	n := numbering{cpus: t.CPUs.List(), nodes: len(places), threads: places[0].cores[0].Len()}
	nodes := make([]Node, n.nodes)
	for i, p := range places {
		nodes[i] = Node{ID: p.node, CPUs: n.node(i, *sequential)}
	}
	return placesOf(nodes, n.cores(*sequential), t.Allowed), nil
}

// numbering is one of the two that PyExPool knows, over counts of a uniform
// machine. CPUs that are not numbered from 0 on without gaps go by their order.
type numbering struct {
	cpus           []int
	nodes, threads int
}

// node gives the CPUs of node i.
func (n numbering) node(i int, sequential bool) CPUSet {
	var b builder
	size := len(n.cpus) / n.nodes
	for k := range size {
		if sequential {
			b.add(n.cpus[i*size+k])
		} else {
			b.add(n.cpus[i+k*n.nodes])
		}
	}
	return b.set()
}

// cores gives the cores by lowest CPU.
func (n numbering) cores(sequential bool) []CPUSet {
	cores := make([]CPUSet, len(n.cpus)/n.threads)
	for i := range cores {
		var b builder
		for k := range n.threads {
			if sequential {
				b.add(n.cpus[i*n.threads+k])
			} else {
				b.add(n.cpus[i+k*len(cores)])
			}
		}
		cores[i] = b.set()
	}
	return cores
}

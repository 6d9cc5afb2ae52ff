package numa

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

const maxNodeID = 1 << 16

// nodes reads the NUMA nodes by id. Every CPU is in at most one: where nodes
// overlap, as buggy firmware and fake nodes make them, the first has it.
func (s *source) nodes(online CPUSet) []Node {
	ids := s.numbered(nodeDir, "node", maxNodeID)
	if len(ids) == 0 {
		return []Node{{ID: 0, CPUs: online, Memory: s.memory("proc/meminfo")}}
	}
	slices.Sort(ids)
	var taken CPUSet
	nodes := make([]Node, len(ids))
	for i, id := range ids {
		dir := nodeDir + "/node" + strconv.Itoa(id) + "/"
		cpus := s.nodeCPUs(dir).Intersect(online)
		if cpus.Intersects(taken) {
			s.warn("node %d claims CPUs %s of other nodes", id, cpus.Intersect(taken))
			cpus = cpus.Minus(taken)
		}
		taken = taken.Union(cpus)
		nodes[i] = Node{ID: ID(id), CPUs: cpus, Memory: s.memory(dir + "meminfo"), Distances: s.distances(dir, len(ids))}
	}
	if taken.IsEmpty() {
		s.warn("no node has CPUs: node %d is taken to have all", ids[0])
		nodes[0].CPUs = online
		return nodes
	}
	if rest := online.Minus(taken); !rest.IsEmpty() {
		s.warn("CPUs %s are in no node", rest)
	}
	return nodes
}

func (s *source) nodeCPUs(dir string) CPUSet {
	if set, ok := s.list(dir + "cpulist"); ok {
		return set
	}
	if set, ok := s.mask(dir + "cpumap"); ok {
		return set
	}
	s.warn("%s does not tell its CPUs", strings.TrimSuffix(dir, "/"))
	return CPUSet{}
}

// memory reads the total of a meminfo file: "MemTotal: 16 kB", in those of
// nodes after "Node 0".
func (s *source) memory(path string) Bytes {
	content, ok := s.text(path)
	if !ok {
		return -1
	}
	_, rest, ok := strings.Cut(content, "MemTotal:")
	if !ok {
		return -1
	}
	line, _, _ := strings.Cut(rest, "\n")
	fields := strings.Fields(line)
	if len(fields) != 2 || fields[1] != "kB" {
		s.warn("ignored %s: MemTotal %s is no number of kB", path, clip(line))
		return -1
	}
	n, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/1024 {
		s.warn("ignored %s: MemTotal %s is no number of kB", path, clip(line))
		return -1
	}
	return Bytes(n * 1024)
}

// distances reads a node's row: one number for each node, by id.
func (s *source) distances(dir string, nodes int) []int {
	content, ok := s.text(dir + "distance")
	if !ok {
		return nil
	}
	var row []int
	for _, field := range strings.Fields(content) {
		n, err := strconv.Atoi(field)
		if err != nil || n < 0 {
			s.warn("ignored %sdistance: %s is no distance", dir, clip(field))
			return nil
		}
		row = append(row, n)
	}
	if len(row) != nodes {
		s.warn("ignored %sdistance: %d distances for %d nodes", dir, len(row), nodes)
		return nil
	}
	return row
}

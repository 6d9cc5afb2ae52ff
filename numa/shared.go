package numa

import (
	"fmt"
	"slices"
)

// Shared gives the levels at which jobs on a and on b compete, nearest first:
// of "core", "l1", "l2", ..., "cluster", "die", "package" and "node", those of
// which one has CPUs of both. Sets with a common CPU share all levels.
func (t *Topology) Shared(a, b CPUSet) []string {
	shared := []string{}
	add := func(level string, sets []CPUSet) {
		if slices.ContainsFunc(sets, func(s CPUSet) bool { return s.Intersects(a) && s.Intersects(b) }) {
			shared = append(shared, level)
		}
	}
	add("core", cpusOf(t.Cores, func(c Core) CPUSet { return c.CPUs }))
	for _, level := range t.CacheLevels() {
		add(fmt.Sprintf("l%d", level), cpusOf(t.Caches, func(c Cache) CPUSet {
			if c.Level != level {
				return CPUSet{}
			}
			return c.CPUs
		}))
	}
	domain := func(d Domain) CPUSet { return d.CPUs }
	add("cluster", cpusOf(t.Clusters, domain))
	add("die", cpusOf(t.Dies, domain))
	add("package", cpusOf(t.Packages, domain))
	add("node", cpusOf(t.Nodes, func(n Node) CPUSet { return n.CPUs }))
	return shared
}

func cpusOf[T any](list []T, cpus func(T) CPUSet) []CPUSet {
	sets := make([]CPUSet, len(list))
	for i, item := range list {
		sets[i] = cpus(item)
	}
	return sets
}

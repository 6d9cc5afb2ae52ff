package numa

import (
	"encoding/json"
	"slices"
	"strconv"
)

// Topology describes a machine. Its JSON is the result of the method topology.
//
// Invariants of what [Read] gives: Allowed is a part of CPUs and not empty; the cores
// divide CPUs, every CPU is in exactly one; nodes do not overlap, nor do
// packages, dies and clusters among themselves, nor the caches of one level;
// all of them hold online CPUs only.
type Topology struct {
	// CPUs are the online CPUs.
	CPUs CPUSet `json:"cpus"`
	// Allowed are the online CPUs that the process may use.
	Allowed CPUSet `json:"allowed"`
	// Nodes are the NUMA nodes by id, those without CPUs included. A machine
	// without a node directory has one node, 0.
	Nodes []Node `json:"nodes"`
	// Packages are the sockets by lowest CPU, dies and clusters what lies
	// between them and the cores; empty where the kernel does not tell.
	Packages []Domain `json:"packages"`
	Dies     []Domain `json:"dies"`
	Clusters []Domain `json:"clusters"`
	// Cores are the physical cores by lowest CPU.
	Cores []Core `json:"cores"`
	// Caches are the data and unified caches by level and lowest CPU.
	Caches []Cache `json:"caches"`
	// Warnings tell in words what the files contradict or leave out.
	Warnings []string `json:"-"`
}

// ID is a number that the kernel gave to a node, package or the like;
// [Unknown], null in JSON, where it gave none.
type ID int

// Unknown is the [ID] of what has none.
const Unknown ID = -1

// MarshalJSON gives null for [Unknown].
func (id ID) MarshalJSON() ([]byte, error) { return orNull(int64(id)), nil }

// Bytes is an amount of memory; negative, null in JSON, where it is unknown.
type Bytes int64

// MarshalJSON gives null for an unknown amount.
func (b Bytes) MarshalJSON() ([]byte, error) { return orNull(int64(b)), nil }

func orNull(n int64) []byte {
	if n < 0 {
		return []byte("null")
	}
	return strconv.AppendInt(nil, n, 10)
}

// Node is a NUMA node.
type Node struct {
	ID ID `json:"id"`
	// CPUs is empty for a node of memory only.
	CPUs   CPUSet `json:"cpus"`
	Memory Bytes  `json:"memory"`
	// Distances to all nodes, in the order of [Topology.Nodes], 10 being local;
	// nil where unknown.
	Distances []int `json:"distances,omitempty"`
}

// Domain is a package, die or cluster: a set of whole cores.
type Domain struct {
	ID   ID     `json:"id"`
	CPUs CPUSet `json:"cpus"`
}

// Core is a physical core with its hardware threads.
type Core struct {
	CPUs    CPUSet `json:"cpus"`
	Node    ID     `json:"node"`
	Package ID     `json:"package"`
	// Kind tells the kinds of cores of a hybrid machine apart ("core", "atom",
	// "capacity 446", ...); it is "" on all others.
	Kind string `json:"kind,omitempty"`
}

// Cache is one data or unified cache and the CPUs that share it.
type Cache struct {
	Level int    `json:"level"`
	CPUs  CPUSet `json:"cpus"`
	Size  Bytes  `json:"size"`
	// Type is "Data" or "Unified", as the kernel writes it.
	Type string `json:"type,omitempty"`
}

// MarshalJSON gives the fields and `uniform`; absent lists are [].
func (t Topology) MarshalJSON() ([]byte, error) {
	type fields Topology
	full := struct {
		fields
		Uniform bool `json:"uniform"`
	}{fields(t), t.Uniform()}
	full.Nodes = orEmpty(full.Nodes)
	full.Packages = orEmpty(full.Packages)
	full.Dies = orEmpty(full.Dies)
	full.Clusters = orEmpty(full.Clusters)
	full.Cores = orEmpty(full.Cores)
	full.Caches = orEmpty(full.Caches)
	return json.Marshal(full)
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// Uniform reports whether the allowed CPUs form equally many threads on each
// core, equally many cores on each node, and cores of one kind only.
func (t *Topology) Uniform() bool {
	places := t.places()
	if t.Hybrid() || len(places) == 0 {
		return false
	}
	for _, p := range places {
		if len(p.cores) != len(places[0].cores) {
			return false
		}
	}
	low, high := coreThreads(places)
	return low == high
}

// Hybrid reports whether the allowed CPUs are of several kinds.
func (t *Topology) Hybrid() bool {
	kind, seen := "", false
	for _, c := range t.Cores {
		if !c.CPUs.Intersects(t.Allowed) {
			continue
		}
		if seen && c.Kind != kind {
			return true
		}
		kind, seen = c.Kind, true
	}
	return false
}

// NodesOf gives the ids of the nodes on which the CPUs lie, in ascending order:
// the ones to bind memory to.
func (t *Topology) NodesOf(cpus CPUSet) []int {
	var ids []int
	for _, n := range t.Nodes {
		if n.CPUs.Intersects(cpus) {
			ids = append(ids, int(n.ID))
		}
	}
	return ids
}

// CacheLevels gives the levels of which there are caches, in ascending order.
func (t *Topology) CacheLevels() []int {
	var levels []int
	for _, c := range t.Caches {
		levels = append(levels, c.Level)
	}
	slices.Sort(levels)
	return slices.Compact(levels)
}

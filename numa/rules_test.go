package numa

import (
	"errors"
	"fmt"
	"slices"
)

// The rules that hold on every machine, real, random or broken. Each check
// names what it found; the tests call all of them.

type reporter interface {
	Helper()
	Errorf(format string, args ...any)
}

// checkTopology holds the invariants of Topology.
func checkTopology(t reporter, top *Topology) {
	t.Helper()
	if top.Allowed.IsEmpty() || !top.Allowed.SubsetOf(top.CPUs) {
		t.Errorf("allowed %s is no part of the online CPUs %s", top.Allowed, top.CPUs)
	}
	cores := cpusOf(top.Cores, func(c Core) CPUSet { return c.CPUs })
	checkDisjoint(t, "core", cores, top.CPUs)
	if all := unionOf(cores); !all.Equal(top.CPUs) {
		t.Errorf("cores cover %s, not the online CPUs %s", all, top.CPUs)
	}
	domain := func(d Domain) CPUSet { return d.CPUs }
	checkDisjoint(t, "package", cpusOf(top.Packages, domain), top.CPUs)
	checkDisjoint(t, "die", cpusOf(top.Dies, domain), top.CPUs)
	checkDisjoint(t, "cluster", cpusOf(top.Clusters, domain), top.CPUs)
	checkDisjoint(t, "node", cpusOf(top.Nodes, func(n Node) CPUSet { return n.CPUs }), top.CPUs)
	for _, level := range top.CacheLevels() {
		var caches []CPUSet
		for _, c := range top.Caches {
			if c.Level == level {
				caches = append(caches, c.CPUs)
			}
		}
		checkDisjoint(t, fmt.Sprintf("level %d cache", level), caches, top.CPUs)
	}
	if !slices.IsSortedFunc(top.Nodes, func(a, b Node) int { return int(a.ID - b.ID) }) {
		t.Errorf("nodes are not by id: %v", top.Nodes)
	}
	if !slices.IsSortedFunc(cores, func(a, b CPUSet) int { return a.Min() - b.Min() }) {
		t.Errorf("cores are not by lowest CPU: %v", cores)
	}
}

func checkDisjoint(t reporter, what string, sets []CPUSet, online CPUSet) {
	t.Helper()
	var seen CPUSet
	for _, s := range sets {
		if s.IsEmpty() && what != "node" {
			t.Errorf("a %s has no CPUs", what)
		}
		if s.Intersects(seen) {
			t.Errorf("%s %s shares CPUs with another", what, s)
		}
		seen = seen.Union(s)
	}
	if !seen.SubsetOf(online) {
		t.Errorf("%ss have CPUs that are offline: %s", what, seen.Minus(online))
	}
}

func unionOf(sets []CPUSet) CPUSet {
	var b builder
	for _, s := range sets {
		b.merge(s)
	}
	return b.set()
}

// checkAllGroups holds the rules of groups for every step that a machine
// could have.
func checkAllGroups(t reporter, top *Topology) {
	t.Helper()
	steps := slices.Clone(levels)
	for n := 1; n <= min(top.Allowed.Len()+1, 80); n++ {
		steps = append(steps, Threads(n))
	}
	for _, step := range steps {
		for _, first := range []bool{false, true} {
			groups, err := top.Groups(step, first, nil)
			if err != nil {
				checkParamError(t, err, "step")
				continue
			}
			checkGroups(t, top, step, first, groups)
		}
	}
}

func checkParamError(t reporter, err error, field string) {
	t.Helper()
	var p *ParamError
	if !errors.As(err, &p) || p.Field != field || p.Problem == "" {
		t.Errorf("error %q does not name the field %s and a problem", err, field)
	}
}

func checkGroups(t reporter, top *Topology, step Step, first bool, groups Groups) {
	t.Helper()
	spans := make([]CPUSet, len(groups))
	var seen CPUSet
	for i, g := range groups {
		spans[i] = g.Span
		if g.CPUs.IsEmpty() || !g.CPUs.SubsetOf(g.Span) || !g.Span.SubsetOf(top.Allowed) {
			t.Errorf("step %s: group %d, %s of %s, is empty or not allowed", step, i, g.CPUs, g.Span)
		}
		if g.Span.Intersects(seen) {
			t.Errorf("step %s: group %d, %s, has CPUs of another", step, i, g.Span)
		}
		seen = seen.Union(g.Span)
		switch {
		case first && !g.CPUs.Equal(SetOf(g.Span.Min())):
			t.Errorf("step %s: first of %s is %s", step, g.Span, g.CPUs)
		case !first && !g.CPUs.Equal(g.Span):
			t.Errorf("step %s: group %d is %s of %s", step, i, g.CPUs, g.Span)
		}
		if !slices.Equal(g.Nodes, top.NodesOf(g.CPUs)) {
			t.Errorf("step %s: group %d, %s, on nodes %v", step, i, g.CPUs, g.Nodes)
		}
	}
	if len(groups) == 0 {
		t.Errorf("step %s: no groups and no error", step)
	}
	checkSizes(t, top, step, spans)
	checkNodesAlternate(t, top, step, spans)
	if step == ByThread || step == Threads(1) {
		checkCoresFirst(t, top, spans)
	}
}

// checkSizes holds what each step promises a group to be.
func checkSizes(t reporter, top *Topology, step Step, spans []CPUSet) {
	t.Helper()
	var want []CPUSet
	switch step {
	case ByThread, Threads(1):
		for cpu := range top.Allowed.All() {
			want = append(want, SetOf(cpu))
		}
	case ByCore:
		want = cpusOf(top.Cores, func(c Core) CPUSet { return c.CPUs })
	case ByNode:
		want = cpusOf(top.Nodes, func(n Node) CPUSet { return n.CPUs })
	case ByPackage:
		want = cpusOf(top.Packages, func(d Domain) CPUSet { return d.CPUs })
	case ByL2, ByL3:
		for _, c := range top.Caches {
			if fmt.Sprintf("l%d", c.Level) == step.String() {
				want = append(want, c.CPUs)
			}
		}
	default:
		for i, s := range spans {
			if s.Len() != step.threads || !wholeCores(top, s) || len(top.NodesOf(s)) > 1 {
				t.Errorf("step %s: group %d, %s, is not that many threads of whole cores of one node", step, i, s)
			}
		}
		return
	}
	checkSameSets(t, step, spans, allowedOf(top, want))
}

func allowedOf(top *Topology, sets []CPUSet) []CPUSet {
	var allowed []CPUSet
	for _, s := range sets {
		if s = s.Intersect(top.Allowed); !s.IsEmpty() {
			allowed = append(allowed, s)
		}
	}
	return allowed
}

func checkSameSets(t reporter, step Step, got, want []CPUSet) {
	t.Helper()
	text := func(sets []CPUSet) string { return lines(sets, CPUSet.String) }
	if text(got) != text(want) {
		t.Errorf("step %s: groups\n%s\nwant\n%s", step, text(got), text(want))
	}
}

func wholeCores(top *Topology, s CPUSet) bool {
	for _, c := range top.Cores {
		usable := c.CPUs.Intersect(top.Allowed)
		if usable.Intersects(s) && !usable.SubsetOf(s) {
			return false
		}
	}
	return true
}

// checkNodesAlternate: with n nodes of equally many groups index i lies on node
// i mod n; in general no two consecutive groups share a node while another one
// has groups of the same round left.
func checkNodesAlternate(t reporter, top *Topology, step Step, spans []CPUSet) {
	t.Helper()
	home := make([]ID, len(spans))
	left := map[ID]int{}
	for i, s := range spans {
		home[i] = nodeOf(top, s.Min())
		left[home[i]]++
	}
	var ids []ID
	equal := true
	for id, n := range left {
		ids = append(ids, id)
		equal = equal && n*len(left) == len(spans)
	}
	slices.Sort(ids)
	if equal && top.Uniform() {
		for i := range spans {
			if home[i] != ids[i%len(ids)] {
				t.Errorf("step %s: group %d, %s, is not on node %d", step, i, spans[i], ids[i%len(ids)])
			}
		}
		return
	}
	if step == ByThread || step == Threads(1) {
		return // the rounds of threads come first
	}
	for i := range spans {
		if i > 0 && home[i] == home[i-1] && left[home[i]] < len(spans)-i {
			t.Errorf("step %s: groups %d and %d are both on node %d, and others have groups left", step, i-1, i, home[i])
		}
		left[home[i]]--
	}
}

func nodeOf(top *Topology, cpu int) ID {
	for _, n := range top.Nodes {
		if n.CPUs.Has(cpu) {
			return n.ID
		}
	}
	return Unknown
}

// checkCoresFirst: no thread of a rank before all threads of lower ranks.
func checkCoresFirst(t reporter, top *Topology, spans []CPUSet) {
	t.Helper()
	rank := map[int]int{}
	for _, c := range top.Cores {
		for i, cpu := range c.CPUs.Intersect(top.Allowed).List() {
			rank[cpu] = i
		}
	}
	last := 0
	for i, s := range spans {
		r := rank[s.Min()]
		if r < last {
			t.Errorf("group %d, CPU %s, is thread %d of its core, after one that is thread %d", i, s, r, last)
		}
		last = max(last, r)
	}
}

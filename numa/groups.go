package numa

import (
	"fmt"
	"slices"
	"strings"
)

// Group is what one worker slot gets.
type Group struct {
	// CPUs are those that the job may run on.
	CPUs CPUSet
	// Span is the whole group; more than CPUs when only the first is used.
	Span CPUSet
	// Nodes are the ids of the NUMA nodes of CPUs, for binding memory.
	Nodes []int
}

// Groups are the affinity groups by index. No CPU is in two of them.
type Groups []Group

// Mask is the JSON of one group, the result of the method affinity.
type Mask struct {
	Groups int    `json:"groups"`
	CPUs   CPUSet `json:"cpus"`
	Mask   string `json:"mask"`
}

// Masks is the JSON of all groups.
type Masks struct {
	Groups int      `json:"groups"`
	Masks  []CPUSet `json:"masks"`
}

// At gives group i; an index out of range is a [*ParamError].
func (gs Groups) At(i int) (Group, error) {
	if i < 0 || i >= len(gs) {
		return Group{}, &ParamError{"index", fmt.Sprintf("%d is out of range: there are %d groups, from 0 on", i, len(gs))}
	}
	return gs[i], nil
}

// Mask describes group i for a reply.
func (gs Groups) Mask(i int) (Mask, error) {
	g, err := gs.At(i)
	if err != nil {
		return Mask{}, err
	}
	return Mask{len(gs), g.CPUs, g.CPUs.String()}, nil
}

// Masks describes all groups for a reply.
func (gs Groups) Masks() Masks {
	all := Masks{len(gs), make([]CPUSet, len(gs))}
	for i, g := range gs {
		all.Masks[i] = g.CPUs
	}
	return all
}

// Groups divides the allowed CPUs. Consecutive groups lie on different nodes:
// index i on the node i mod n, by id, as long as that one has groups left;
// within a node they go by lowest CPU.
//
// Steps "thread" and 1 give every CPU, and a core's second thread only after
// the first of all cores. A number above 1 gives that many threads of whole
// cores of one node, and needs an equal number of threads on all cores, all of
// one kind; cores that don't fill a group are left out. The levels give exactly
// the cores, caches, nodes with CPUs, or packages. A cache or package that is
// larger than its nodes spans them.
//
// With first, a job gets one CPU of its group, the first thread of its first
// core. A sequential that is not nil overrides how the machine is numbered:
// true for cores and nodes of consecutive CPUs, false for CPUs that go round
// the nodes with second threads after all first ones, as PyExPool has it.
// Caches and packages have no such numbering, and are not affected.
//
// A step that this machine cannot have, and an override of a machine that is
// not uniform, is a [*ParamError].
func (t *Topology) Groups(step Step, first bool, sequential *bool) (Groups, error) {
	spans, err := t.spans(step, sequential)
	if err != nil {
		return nil, err
	}
	if len(spans) == 0 {
		return nil, stepError("%q: this machine tells of none that has allowed CPUs", step)
	}
	groups := make(Groups, len(spans))
	for i, span := range spans {
		cpus := span
		if first {
			cpus = SetOf(span.Min())
		}
		groups[i] = Group{cpus, span, t.NodesOf(cpus)}
	}
	return groups, nil
}

// spans gives the groups in their order.
func (t *Topology) spans(step Step, sequential *bool) ([]CPUSet, error) {
	switch step {
	case ByL2:
		return t.cacheSpans(2)
	case ByL3:
		return t.cacheSpans(3)
	case ByPackage:
		return t.packageSpans(), nil
	}
	places, err := t.numbered(sequential)
	if err != nil {
		return nil, err
	}
	switch {
	case step == ByThread, step == Threads(1):
		return threads(places), nil
	case step == ByCore:
		return dealt(places, func(p place) []CPUSet { return p.cores }), nil
	case step == ByNode:
		return nodeSpans(places), nil
	case step.level == "" && step.threads > 1:
		return t.numericSpans(step.threads, places)
	}
	return nil, stepError("%s is neither a number of threads nor one of %s", step, levelNames())
}

// threads gives each CPU by itself, in rounds: a round uses one thread of
// every core that still has one.
func threads(places []place) []CPUSet {
	rounds := 0
	for _, p := range places {
		rounds = max(rounds, len(p.byRank))
	}
	d := dealer{}
	for round := range rounds {
		queues := make([][]CPUSet, len(places))
		for i, p := range places {
			if round < len(p.byRank) {
				queues[i] = p.byRank[round]
			}
		}
		d.deal(queues)
	}
	return d.dealt
}

// dealt collects groups of all places, and goes round the places.
func dealt(places []place, groups func(place) []CPUSet) []CPUSet {
	queues := make([][]CPUSet, len(places))
	for i, p := range places {
		queues[i] = groups(p)
	}
	d := dealer{}
	d.deal(queues)
	return d.dealt
}

// dealer takes groups from several queues in turn, and leaves out those that
// are exhausted. It goes on where it stopped, so that rounds don't begin with the
// node that the round before ended with.
type dealer struct {
	dealt []CPUSet
	next  int
}

func (d *dealer) deal(queues [][]CPUSet) {
	for empty := 0; empty < len(queues); {
		i := d.next % len(queues)
		d.next = i + 1
		if len(queues[i]) == 0 {
			empty++
			continue
		}
		empty = 0
		d.dealt = append(d.dealt, queues[i][0])
		queues[i] = queues[i][1:]
	}
}

// nodeSpans gives the nodes; CPUs without a node are none.
func nodeSpans(places []place) []CPUSet {
	var spans []CPUSet
	for _, p := range places {
		if p.node != Unknown {
			spans = append(spans, p.cpus)
		}
	}
	return spans
}

// numericSpans cuts each node's cores, in their order, into groups of n threads.
func (t *Topology) numericSpans(n int, places []place) ([]CPUSet, error) {
	if t.Hybrid() {
		return nil, stepError("%d threads are not alike on a machine with several kinds of cores: use 1 or one of %s", n, levelNames())
	}
	low, per := coreThreads(places)
	largest := 0
	for _, p := range places {
		largest = max(largest, p.cpus.Len())
	}
	switch {
	case low != per:
		return nil, stepError("%d threads are no whole cores where cores have %d to %d usable threads: use 1 or one of %s", n, low, per, levelNames())
	case n%per != 0:
		return nil, stepError("%d is no multiple of the %d threads of a core", n, per)
	case n > largest:
		return nil, stepError("%d exceeds the %d usable threads of a node", n, largest)
	}
	return dealt(places, func(p place) []CPUSet { return p.chunks(n / per) }), nil
}

// cacheSpans gives the caches of a level.
func (t *Topology) cacheSpans(level int) ([]CPUSet, error) {
	var spans []CPUSet
	for _, c := range t.Caches {
		if c.Level == level {
			spans = append(spans, c.CPUs)
		}
	}
	if len(spans) == 0 {
		return nil, stepError("%q: this machine tells of no level %d caches, its levels are %s", fmt.Sprintf("l%d", level), level, levelList(t.CacheLevels()))
	}
	return t.placed(spans), nil
}

func levelList(levels []int) string {
	if len(levels) == 0 {
		return "unknown"
	}
	return strings.Trim(fmt.Sprint(levels), "[]")
}

// packageSpans gives the packages.
func (t *Topology) packageSpans() []CPUSet {
	spans := make([]CPUSet, len(t.Packages))
	for i, p := range t.Packages {
		spans[i] = p.CPUs
	}
	return t.placed(spans)
}

// placed orders spans by place, that of their lowest CPU. A span over several
// nodes stays whole unless one of them could hold it.
func (t *Topology) placed(spans []CPUSet) []CPUSet {
	places := t.places()
	at := make([][]CPUSet, len(places))
	for _, span := range spans {
		span = span.Intersect(t.Allowed)
		if span.IsEmpty() {
			continue
		}
		for _, part := range within(span, places) {
			home := slices.IndexFunc(places, func(p place) bool { return p.cpus.Has(part.Min()) })
			at[home] = append(at[home], part)
		}
	}
	d := dealer{}
	d.deal(at)
	return d.dealt
}

// within gives the span, or its parts by node if a node could hold all of it.
func within(span CPUSet, places []place) []CPUSet {
	var parts []CPUSet
	fits := false
	for _, p := range places {
		if part := p.cpus.Intersect(span); !part.IsEmpty() {
			parts = append(parts, part)
			fits = fits || p.cpus.Len() >= span.Len()
		}
	}
	if fits {
		return parts
	}
	return []CPUSet{span}
}

package numa

import (
	"fmt"
	"slices"
	"strings"
)

// markKinds sets the kind of the cores of a hybrid machine. Several sources
// tell kinds apart, none is everywhere: the first that tells two has the say.
func (s *source) markKinds(t *Topology) {
	for _, labels := range []func(*Topology) []string{
		s.unitKinds, s.typeKinds, s.coreTypes, s.capacities, cacheKinds,
	} {
		kinds := labels(t)
		if len(kinds) == 0 || len(slices.Compact(slices.Sorted(slices.Values(kinds)))) < 2 {
			continue
		}
		for i := range t.Cores {
			t.Cores[i].Kind = kinds[i]
		}
		return
	}
}

// unitKinds goes by the performance monitoring units of x86: one for each kind.
func (s *source) unitKinds(t *Topology) []string {
	kinds := map[string]CPUSet{}
	for _, kind := range []string{"core", "atom", "lowpower"} {
		if cpus, ok := s.list("sys/devices/cpu_" + kind + "/cpus"); ok {
			kinds[kind] = cpus
		}
	}
	return byMembership(t, kinds)
}

// typeKinds goes by cpu/types/NAME/cpulist or cpumap.
func (s *source) typeKinds(t *Topology) []string {
	const dir = cpuDir + "/types"
	kinds := map[string]CPUSet{}
	for _, name := range s.names(dir) {
		cpus, ok := s.list(dir + "/" + name + "/cpulist")
		if !ok {
			cpus, ok = s.mask(dir + "/" + name + "/cpumap")
		}
		if ok {
			kinds[name] = cpus
		}
	}
	return byMembership(t, kinds)
}

// byMembership labels each core by the first set, by name, that has it.
func byMembership(t *Topology, kinds map[string]CPUSet) []string {
	if len(kinds) == 0 {
		return nil
	}
	names := make([]string, 0, len(kinds))
	for name := range kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	labels := make([]string, len(t.Cores))
	for i, core := range t.Cores {
		labels[i] = "other"
		for _, name := range names {
			if kinds[name].Has(core.CPUs.Min()) {
				labels[i] = name
				break
			}
		}
	}
	return labels
}

// coreTypes goes by a core_type of each CPU.
func (s *source) coreTypes(t *Topology) []string {
	return s.byText(t, &textAttr{name: "topology/core_type"}, "")
}

// capacities goes by the relative speed that arm64 and others publish.
func (s *source) capacities(t *Topology) []string {
	return s.byText(t, &textAttr{name: "cpu_capacity"}, "capacity ")
}

// byText labels each core by a text of its lowest CPU; nil unless all have one.
func (s *source) byText(t *Topology, attr *textAttr, prefix string) []string {
	labels := make([]string, len(t.Cores))
	for i, core := range t.Cores {
		text, ok := attr.of(s, core.CPUs.Min())
		if !ok {
			return nil
		}
		labels[i] = prefix + text
	}
	return labels
}

// cacheKind begins the kinds that are told apart by caches.
const cacheKind = "L1 "

// cacheKinds tells kinds by the sizes of what belongs to the core, the caches
// of levels 1 and 2, for kernels that know no kinds. Level 3 does not count:
// equal cores sit at level 3 caches of unequal size. nil unless all are known.
func cacheKinds(t *Topology) []string {
	type sizes [3]Bytes
	of := map[int]sizes{}
	for _, c := range t.Caches {
		if c.Level > 2 || c.Size < 0 {
			continue
		}
		for cpu := range c.CPUs.All() {
			known := of[cpu]
			known[c.Level] = c.Size
			of[cpu] = known
		}
	}
	labels := make([]string, len(t.Cores))
	for i, core := range t.Cores {
		known := of[core.CPUs.Min()]
		if known[1] == 0 || known[2] == 0 {
			return nil
		}
		labels[i] = fmt.Sprintf(cacheKind+"%s, L2 %s", known[1], known[2])
	}
	return labels
}

// String gives a readable amount: "1.25 MiB"; "unknown" when it is.
func (b Bytes) String() string {
	if b < 0 {
		return "unknown"
	}
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	amount, unit := float64(b), 0
	for amount >= 1024 && unit < len(units)-1 {
		amount /= 1024
		unit++
	}
	digits := fmt.Sprintf("%.2f", amount)
	return strings.TrimSuffix(strings.TrimRight(digits, "0"), ".") + " " + units[unit]
}

package numa

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

const (
	maxCacheIndex = 16
	maxCacheLevel = 9
)

// foundCache is a cache as one CPU describes it.
type foundCache struct {
	cpu, level int
	named      CPUSet // who shares it, by its own word
	size       Bytes
	kind       string
}

// caches reads the data and unified caches, by level and lowest CPU.
func (s *source) caches(online onlineCPUs, cores []CPUSet) []Cache {
	coreOf := make(map[int]CPUSet, online.cpus.Len())
	described := make([]int, 0, online.described.Len()) // siblings side by side: they share most
	for _, core := range cores {
		for cpu := range core.All() {
			coreOf[cpu] = core
			if online.described.Has(cpu) {
				described = append(described, cpu)
			}
		}
	}
	found := make([][]foundCache, chunks(described))
	s.inChunks(described, func(part *source, chunk int, cpus []int) {
		r := newCacheReader(part, online.cpus, coreOf)
		r.readAll(cpus)
		found[chunk] = r.found
	})
	caches := s.settle(slices.Concat(found...), online.cpus)
	slices.SortFunc(caches, func(a, b Cache) int {
		return cmp.Or(cmp.Compare(a.Level, b.Level), cmp.Compare(a.CPUs.Min(), b.CPUs.Min()))
	})
	return caches
}

// settle makes the caches of a level disjoint: of those that several CPUs
// describe, the lowest CPU's word counts.
func (s *source) settle(found []foundCache, online CPUSet) []Cache {
	slices.SortStableFunc(found, func(a, b foundCache) int { return cmp.Compare(a.cpu, b.cpu) })
	var caches []Cache
	var taken [maxCacheLevel + 1]builder
	for _, f := range found {
		known := &taken[f.level]
		if known.has(f.cpu) {
			continue
		}
		cpus := s.claim(f.named, f.cpu, online, CPUSet{known.words}, "level "+strconv.Itoa(f.level)+" cache")
		known.merge(cpus)
		caches = append(caches, Cache{f.level, cpus, f.size, f.kind})
	}
	return caches
}

// cacheReader finds the caches of some CPUs. Reading every file of every CPU
// would take most of the time, so that a cache is read from the first CPU that
// has it only.
type cacheReader struct {
	s       *source
	online  CPUSet
	coreOf  map[int]CPUSet
	found   []foundCache
	byIndex [maxCacheIndex]builder     // CPUs whose cache of that index is known
	byLevel [maxCacheLevel + 1]builder // CPUs whose cache of that level is known
	depth   map[int]int                // number of indexes of a CPU, where known
	shared  setAttr
}

func newCacheReader(s *source, online CPUSet, coreOf map[int]CPUSet) *cacheReader {
	return &cacheReader{
		s: s, online: online, coreOf: coreOf, depth: map[int]int{},
		shared: setAttr{names: []string{"shared_cpu_list", "shared_cpu_map"}},
	}
}

func (r *cacheReader) readAll(cpus []int) {
	none := 0
	for _, cpu := range cpus {
		if none >= maxMisses && len(r.found) == 0 {
			return
		}
		if r.readCPU(cpu) == 0 {
			none++
		}
	}
}

// readCPU reads the caches of one CPU and gives the number of its indexes. A
// CPU has as many as those it shares its last cache with.
func (r *cacheReader) readCPU(cpu int) int {
	var last CPUSet
	depth := maxCacheIndex
	if d, ok := r.depth[cpu]; ok {
		depth = d
	}
	for i := range depth {
		if r.byIndex[i].has(cpu) {
			continue
		}
		sharers, ok := r.readIndex(cpu, i)
		if !ok {
			depth = i
			break
		}
		last = sharers
	}
	for other := range last.All() {
		if _, ok := r.depth[other]; !ok {
			r.depth[other] = depth
		}
	}
	return depth
}

// readIndex reads cache/indexN of a CPU and gives who shares it; ok is false
// when there is no such index.
func (r *cacheReader) readIndex(cpu, index int) (sharers CPUSet, ok bool) {
	dir := cpuPath(cpu) + "cache/index" + strconv.Itoa(index) + "/"
	kind, ok := r.s.text(dir + "type")
	if !ok {
		if _, ok = r.s.bytes(dir + "level"); !ok {
			return CPUSet{}, false
		}
	}
	if kind == "Instruction" {
		return CPUSet{}, true
	}
	level, ok := r.s.number(dir + "level")
	if !ok || level < 1 || level > maxCacheLevel {
		r.s.warn("ignored %s: no level of 1 to %d", strings.TrimSuffix(dir, "/"), maxCacheLevel)
		return CPUSet{}, true
	}
	if r.byLevel[level].has(cpu) {
		return CPUSet{}, true
	}
	named, ok := r.shared.of(r.s, dir)
	if !ok {
		named = r.coreOf[cpu] // an empty or missing map means the core
	}
	sharers = named.Intersect(r.online).Union(SetOf(cpu))
	r.byIndex[index].merge(sharers)
	r.byLevel[level].merge(sharers)
	r.found = append(r.found, foundCache{cpu, level, named, r.s.size(dir + "size"), kind})
	return sharers, true
}

// size reads "32K"; the kernel writes KiB.
func (s *source) size(path string) Bytes {
	content, ok := s.text(path)
	if !ok {
		return -1
	}
	digits, factor := content, int64(1)
	for i, unit := range []string{"K", "M", "G"} {
		if d, ok := strings.CutSuffix(content, unit); ok {
			digits, factor = d, 1<<(10*(i+1))
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/factor {
		s.warn("ignored %s: %s is no size", path, clip(content))
		return -1
	}
	if n == 0 {
		return -1
	}
	return Bytes(n * factor)
}

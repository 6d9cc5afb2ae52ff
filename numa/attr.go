package numa

import (
	"strconv"
	"strings"
)

// maxMisses is after how many CPUs without it, and none with it, an optional
// attribute is taken to be absent everywhere.
const maxMisses = 4

// setAttr is a set of CPUs that kernels of different age publish under
// different names, for each CPU.
type setAttr struct {
	names  []string // a name that ends in _list holds a list, others a mask
	last   int      // the name found last, tried first
	hits   int
	misses int
}

// absent reports whether looking on is pointless.
func (a *setAttr) absent() bool { return a.hits == 0 && a.misses >= maxMisses }

// of reads the attribute in dir. An empty set says nothing, and counts as missing.
func (a *setAttr) of(s *source, dir string) (CPUSet, bool) {
	for i := range a.names {
		k := (a.last + i) % len(a.names)
		read := s.mask
		if strings.HasSuffix(a.names[k], "_list") {
			read = s.list
		}
		if set, ok := read(dir + a.names[k]); ok && !set.IsEmpty() {
			a.last = k
			a.hits++
			return set, true
		}
	}
	a.misses++
	return CPUSet{}, false
}

// textAttr is an optional text that is published for each CPU.
type textAttr struct {
	name         string
	hits, misses int
}

func (a *textAttr) of(s *source, cpu int) (string, bool) {
	if a.hits == 0 && a.misses >= maxMisses {
		return "", false
	}
	text, ok := s.text(cpuPath(cpu) + a.name)
	if !ok || text == "" {
		a.misses++
		return "", false
	}
	a.hits++
	return text, true
}

// cpuPath is the folder of a CPU, with the slash.
func cpuPath(cpu int) string { return cpuDir + "/cpu" + strconv.Itoa(cpu) + "/" }

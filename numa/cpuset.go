package numa

import (
	"fmt"
	"iter"
	"math/bits"
	"slices"
)

// MaxCPUs bounds the CPU numbers of a [CPUSet]: 0 to MaxCPUs-1. It is twice
// what any kernel can be built for, and keeps a hostile "0-4294967295" from
// costing memory.
const MaxCPUs = 16384

const wordBits = 64

// CPUSet is an immutable set of CPU numbers. The zero value is the empty set.
// Sets are compared with [CPUSet.Equal].
type CPUSet struct {
	words []uint64 // bit i%64 of word i/64 is CPU i; the last word is not 0
}

// SetOf gives the set of the CPUs. Like an index out of range, a number below 0
// or from [MaxCPUs] on panics: input is checked by [ParseList] and [ParseMask].
func SetOf(cpus ...int) CPUSet {
	var b builder
	for _, cpu := range cpus {
		if cpu < 0 || cpu >= MaxCPUs {
			panic(fmt.Sprintf("numa: CPU number %d is not within 0 to %d", cpu, MaxCPUs-1))
		}
		b.add(cpu)
	}
	return b.set()
}

// builder collects the CPUs of one set.
type builder struct{ words []uint64 }

func (b *builder) add(cpu int) { b.addRange(cpu, cpu) }

// addRange adds lo to hi, both included; the caller has checked the bounds.
func (b *builder) addRange(lo, hi int) {
	for n := hi/wordBits + 1 - len(b.words); n > 0; n-- {
		b.words = append(b.words, 0)
	}
	for cpu := lo; cpu <= hi; {
		if cpu%wordBits == 0 && hi-cpu >= wordBits-1 {
			b.words[cpu/wordBits] = ^uint64(0)
			cpu += wordBits
			continue
		}
		b.words[cpu/wordBits] |= 1 << (cpu % wordBits)
		cpu++
	}
}

func (b *builder) merge(s CPUSet) {
	for n := len(s.words) - len(b.words); n > 0; n-- {
		b.words = append(b.words, 0)
	}
	for i, w := range s.words {
		b.words[i] |= w
	}
}

func (b *builder) has(cpu int) bool { return CPUSet{b.words}.Has(cpu) }

// set hands over what was collected; the builder must not be used after it.
func (b *builder) set() CPUSet { return trimmed(b.words) }

func trimmed(words []uint64) CPUSet {
	n := len(words)
	for n > 0 && words[n-1] == 0 {
		n--
	}
	if n == 0 {
		return CPUSet{}
	}
	return CPUSet{words[:n:n]}
}

// Has reports whether cpu is in the set.
func (s CPUSet) Has(cpu int) bool {
	return cpu >= 0 && cpu/wordBits < len(s.words) && s.words[cpu/wordBits]&(1<<(cpu%wordBits)) != 0
}

// IsEmpty reports whether the set has no CPUs.
func (s CPUSet) IsEmpty() bool { return len(s.words) == 0 }

// Len is the number of CPUs.
func (s CPUSet) Len() int {
	n := 0
	for _, w := range s.words {
		n += bits.OnesCount64(w)
	}
	return n
}

// Min is the lowest CPU, -1 for the empty set.
func (s CPUSet) Min() int {
	for i, w := range s.words {
		if w != 0 {
			return i*wordBits + bits.TrailingZeros64(w)
		}
	}
	return -1
}

// Max is the highest CPU, -1 for the empty set.
func (s CPUSet) Max() int {
	if s.IsEmpty() {
		return -1
	}
	last := len(s.words) - 1
	return last*wordBits + bits.Len64(s.words[last]) - 1
}

// All iterates over the CPUs in ascending order.
func (s CPUSet) All() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, w := range s.words {
			for ; w != 0; w &= w - 1 {
				if !yield(i*wordBits + bits.TrailingZeros64(w)) {
					return
				}
			}
		}
	}
}

// List gives the CPUs in ascending order; it is not nil even when empty.
func (s CPUSet) List() []int {
	list := make([]int, 0, s.Len())
	for cpu := range s.All() {
		list = append(list, cpu)
	}
	return list
}

// Union is the set of CPUs that are in s or in o.
func (s CPUSet) Union(o CPUSet) CPUSet {
	if len(s.words) < len(o.words) {
		s, o = o, s
	}
	words := slices.Clone(s.words)
	for i, w := range o.words {
		words[i] |= w
	}
	return CPUSet{words}
}

// Intersect is the set of CPUs that are in both s and o.
func (s CPUSet) Intersect(o CPUSet) CPUSet {
	if len(s.words) > len(o.words) {
		s, o = o, s
	}
	words := slices.Clone(s.words)
	for i := range words {
		words[i] &= o.words[i]
	}
	return trimmed(words)
}

// Minus is the set of CPUs that are in s and not in o.
func (s CPUSet) Minus(o CPUSet) CPUSet {
	words := slices.Clone(s.words)
	for i := range min(len(words), len(o.words)) {
		words[i] &^= o.words[i]
	}
	return trimmed(words)
}

// Intersects reports whether s and o have a CPU in common.
func (s CPUSet) Intersects(o CPUSet) bool {
	for i := range min(len(s.words), len(o.words)) {
		if s.words[i]&o.words[i] != 0 {
			return true
		}
	}
	return false
}

// SubsetOf reports whether all CPUs of s are in o.
func (s CPUSet) SubsetOf(o CPUSet) bool {
	if len(s.words) > len(o.words) {
		return false
	}
	for i, w := range s.words {
		if w&^o.words[i] != 0 {
			return false
		}
	}
	return true
}

// Equal reports whether s and o have the same CPUs.
func (s CPUSet) Equal(o CPUSet) bool { return slices.Equal(s.words, o.words) }

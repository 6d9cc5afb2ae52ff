package numa

import (
	"encoding/json"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestListsAreReadAndPrinted(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"\n", ""},
		{"0", "0"},
		{"0-3,8\n", "0-3,8"},
		{"8,0-3", "0-3,8"},
		{"1,2,3", "1-3"},
		{"0-127\x00\x00", "0-127"},
		{"63-64,127-128", "63-64,127-128"},
		{"5-5", "5"},
		{"0-10,5-20", "0-20"},
		{"16383", "16383"},
	} {
		set, err := ParseList(c.text)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
		}
		if set.String() != c.want {
			t.Errorf("%q is read as %q, want %q", c.text, set, c.want)
		}
	}
}

func TestMalformedListsAreErrors(t *testing.T) {
	for _, text := range []string{
		"a", "-1", "1-", "-", "3-1", "0,", ",", "0,,1", "0 1", "0x1", "1-2-3", "+1", "1.5", "0-3:1/2",
		"16384", "0-16384", "4294967295", "99999999999999999999", "0-18446744073709551615",
	} {
		if set, err := ParseList(text); err == nil {
			t.Errorf("%q is read as %s", text, set)
		}
	}
}

func TestMasksAreReadAndPrinted(t *testing.T) {
	for _, c := range []struct{ text, list, mask string }{
		{"0", "", "0"},
		{"00000000,00000000", "", "0"},
		{"1", "0", "1"},
		{"ff,00000003", "0-1,32-39", "ff,00000003"},
		{"008008\n", "3,15", "8008"},
		{"1111,11111111", "0,4,8,12,16,20,24,28,32,36,40,44", "1111,11111111"},
		{"00000000,00000000,80000000", "31", "80000000"},
		{"1,00000000,00000000", "64", "1,00000000,00000000"},
		{"0xff", "0-7", "ff"},
		{"1000000000", "36", "10,00000000"},
		{"FF", "0-7", "ff"},
		{strings.Repeat("00000000,", 1000) + "f", "0-3", "f"},
	} {
		set, err := ParseMask(c.text)
		if err != nil {
			t.Errorf("%q: %v", clip(c.text), err)
		}
		if set.String() != c.list || set.Mask() != c.mask {
			t.Errorf("%q is read as %q and printed as %q, want %q and %q", clip(c.text), set, set.Mask(), c.list, c.mask)
		}
	}
}

func TestMalformedMasksAreErrors(t *testing.T) {
	for _, text := range []string{
		"", "\n", "0x", "g", "1,", ",1", "1,,1", "123456789,1", "1-2", "-1", "ff ff", "1,0x1",
		"1" + strings.Repeat("0", MaxCPUs/4), "1" + strings.Repeat(",00000000", MaxCPUs/32),
	} {
		if set, err := ParseMask(text); err == nil {
			t.Errorf("%q is read as %s", clip(text), set)
		}
	}
}

func TestHostileListsCostLittleMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, text := range []string{"0-4294967295", "4294967295", "0-16383," + strings.Repeat("0-16383,", 1000) + "0-4294967295"} {
		if _, err := ParseList(text); err == nil {
			t.Errorf("%s is read", clip(text))
		}
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
		t.Errorf("reading hostile lists took %d bytes", used)
	}
}

func TestSetJSONIsAnArrayOfNumbers(t *testing.T) {
	for _, c := range []struct{ list, json string }{{"", "[]"}, {"7", "[7]"}, {"0-2,64", "[0,1,2,64]"}} {
		checkJSON(t, mustList(t, c.list), c.json)
		var back CPUSet
		if err := json.Unmarshal([]byte(c.json), &back); err != nil || back.String() != c.list {
			t.Errorf("%s is read as %q (%v), want %q", c.json, back, err, c.list)
		}
	}
	for _, text := range []string{`[-1]`, `[16384]`, `["1"]`, `{}`, `[1.5]`} {
		var set CPUSet
		if err := json.Unmarshal([]byte(text), &set); err == nil {
			t.Errorf("%s is read as %s", text, set)
		}
	}
}

func TestSetOfRefusesImpossibleNumbers(t *testing.T) {
	for _, cpu := range []int{-1, MaxCPUs} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("SetOf(%d) does not panic", cpu)
				}
			}()
			SetOf(cpu)
		}()
	}
}

// drawCPUs gives CPU numbers, dense or sparse.
func drawCPUs(t *rapid.T, label string) []int {
	highest := rapid.SampledFrom([]int{5, 70, 300, MaxCPUs - 1}).Draw(t, label+" highest")
	return rapid.SliceOfN(rapid.IntRange(0, highest), 0, 40).Draw(t, label)
}

// The oracle is a map of numbers.
func TestSetOperationsAgreeWithMaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		inA, inB := toMap(drawCPUs(t, "a")), toMap(drawCPUs(t, "b"))
		a, b := SetOf(keys(inA)...), SetOf(keys(inB)...)
		expect := func(what string, got CPUSet, keep func(cpu int) bool) {
			var want []int
			for _, cpu := range keys(toMap(append(keys(inA), keys(inB)...))) {
				if keep(cpu) {
					want = append(want, cpu)
				}
			}
			if !slices.Equal(got.List(), want) {
				t.Fatalf("%s of %s and %s is %s, want %v", what, a, b, got, want)
			}
			if got.Len() != len(want) || got.IsEmpty() != (len(want) == 0) || !got.Equal(SetOf(want...)) {
				t.Fatalf("%s: %s is not equal to %v", what, got, want)
			}
			if len(want) > 0 && (got.Min() != want[0] || got.Max() != want[len(want)-1]) {
				t.Fatalf("%s: bounds %d and %d of %v", what, got.Min(), got.Max(), want)
			}
		}
		expect("union", a.Union(b), func(cpu int) bool { return inA[cpu] || inB[cpu] })
		expect("intersection", a.Intersect(b), func(cpu int) bool { return inA[cpu] && inB[cpu] })
		expect("difference", a.Minus(b), func(cpu int) bool { return inA[cpu] && !inB[cpu] })
		expect("original", a, func(cpu int) bool { return inA[cpu] })
		if a.Intersects(b) != !a.Intersect(b).IsEmpty() || a.SubsetOf(b) != a.Minus(b).IsEmpty() {
			t.Fatalf("%s and %s: intersects %v, subset %v", a, b, a.Intersects(b), a.SubsetOf(b))
		}
		for cpu := -1; cpu < 80; cpu++ {
			if a.Has(cpu) != inA[cpu] {
				t.Fatalf("%s has %d: %v", a, cpu, a.Has(cpu))
			}
		}
	})
}

func toMap(cpus []int) map[int]bool {
	in := map[int]bool{}
	for _, cpu := range cpus {
		in[cpu] = true
	}
	return in
}

func keys(in map[int]bool) []int {
	var cpus []int
	for cpu := range in {
		cpus = append(cpus, cpu)
	}
	slices.Sort(cpus)
	return cpus
}

func TestEmptySetHasNoBounds(t *testing.T) {
	var none CPUSet
	if none.Min() != -1 || none.Max() != -1 || none.List() == nil || none.String() != "" {
		t.Errorf("the empty set is %d to %d, %v, %q", none.Min(), none.Max(), none.List(), none)
	}
}

func TestIterationStopsWhenAsked(t *testing.T) {
	var seen []int
	for cpu := range mustList(t, "3-200").All() {
		if seen = append(seen, cpu); len(seen) == 2 {
			break
		}
	}
	if !slices.Equal(seen, []int{3, 4}) {
		t.Errorf("saw %v", seen)
	}
}

func TestPrintedSetsAreReadAsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkRoundTrip(t, SetOf(drawCPUs(t, "set")...))
	})
}

func checkRoundTrip(t interface{ Fatalf(string, ...any) }, set CPUSet) {
	list, err := ParseList(set.String())
	if err != nil || !list.Equal(set) {
		t.Fatalf("list %q is read as %q: %v", set, list, err)
	}
	mask, err := ParseMask(set.Mask())
	if err != nil || !mask.Equal(set) {
		t.Fatalf("mask %q of %q is read as %q: %v", set.Mask(), set, mask, err)
	}
}

func FuzzParseList(f *testing.F) {
	for _, seed := range []string{"0-3,8", "", "0-4294967295", "3-1", "16383", "1,\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if set, err := ParseList(text); err == nil {
			checkRoundTrip(t, set)
		}
	})
}

func FuzzParseMask(f *testing.F) {
	for _, seed := range []string{"ff,00000003", "0", "0xff", "1,,1", "80000000,00000000"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if set, err := ParseMask(text); err == nil {
			checkRoundTrip(t, set)
		}
	})
}

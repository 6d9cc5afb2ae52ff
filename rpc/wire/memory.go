package wire

import (
	"math"
	"strconv"
	"strings"
)

var memoryUnits = map[string]float64{
	"B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
	"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
}

// ParseMemory returns the bytes that a string such as "512MiB" or "1.5 GB"
// stands for: a number, an optional space, and one of B, KB, MB, GB, TB (powers
// of 1000), KiB, MiB, GiB, TiB (powers of 1024). Parts of a byte are rounded up.
// ok is false for anything else, and beyond 8 EiB.
func ParseMemory(s string) (bytes int64, ok bool) {
	digits := strings.TrimRight(s, "BKMGTi")
	unit, known := memoryUnits[s[len(digits):]]
	digits = strings.TrimSuffix(digits, " ")
	if !known || !isDecimal(digits) {
		return 0, false
	}
	if n, err := strconv.ParseInt(digits, 10, 64); err == nil && n <= math.MaxInt64/int64(unit) {
		return n * int64(unit), true
	}
	f, err := strconv.ParseFloat(digits, 64)
	f = math.Ceil(f * unit)
	if err != nil || f >= math.MaxInt64 {
		return 0, false
	}
	return int64(f), true
}

// isDecimal tells whether s is digits, with at most a point and digits after.
func isDecimal(s string) bool {
	whole, frac, point := strings.Cut(s, ".")
	allDigits := func(s string) bool {
		return s != "" && strings.Trim(s, "0123456789") == ""
	}
	return allDigits(whole) && (!point || allDigits(frac))
}

// memory reads an amount of memory: bytes as a number or a string with a unit;
// null is 0.
func (d *decoder) memory() int64 {
	switch d.Kind() {
	case Null, None:
		d.absent()
		return 0
	case String:
		s := string(d.Text())
		n, ok := ParseMemory(s)
		if !ok {
			d.reject(`must be a number with a unit, such as "512MiB" or "1.5GB", below 8 EiB, not %q`, clip(s))
		}
		return n
	case Number:
		return d.bytes()
	}
	d.reject(`must be a number of bytes or a string such as "512MiB", not %s`, d.Kind())
	return 0
}

func (d *decoder) bytes() int64 {
	raw := d.Number()
	n, whole := wholeNumber(raw)
	switch {
	case d.err != nil:
	case !whole:
		d.reject(`must be a whole number of bytes below 8 EiB, or a string such as "2.5GiB", not %s`, clip(string(raw)))
	case n < 0:
		d.reject("must not be negative, not %d", n)
	}
	return n
}

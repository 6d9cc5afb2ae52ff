package numa

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// padding surrounds the text of kernel files: newlines, and the NUL bytes
// that some collectors of snapshots append.
const padding = " \t\r\n\x00"

// ParseList reads the kernel's list format: "0-3,8"; the empty text is the
// empty set. An error tells which part is wrong and why.
func ParseList(text string) (CPUSet, error) {
	text = strings.Trim(text, padding)
	if text == "" {
		return CPUSet{}, nil
	}
	var b builder
	for part := range strings.SplitSeq(text, ",") {
		lo, hi, err := parseRange(part)
		if err != nil {
			return CPUSet{}, fmt.Errorf("CPU list %s: %w", clip(text), err)
		}
		b.addRange(lo, hi)
	}
	return b.set(), nil
}

func parseRange(part string) (lo, hi int, err error) {
	first, last, isRange := strings.Cut(part, "-")
	if lo, err = parseCPU(first); err != nil {
		return 0, 0, err
	}
	if !isRange {
		return lo, lo, nil
	}
	if hi, err = parseCPU(last); err != nil {
		return 0, 0, err
	}
	if hi < lo {
		return 0, 0, fmt.Errorf("range %s runs backwards", clip(part))
	}
	return lo, hi, nil
}

func parseCPU(digits string) (int, error) {
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is not a CPU number", clip(digits))
	}
	if n >= MaxCPUs {
		return 0, fmt.Errorf("CPU number %d is beyond the highest possible, %d", n, MaxCPUs-1)
	}
	return int(n), nil
}

// ParseMask reads the kernel's mask format: hexadecimal words of 32 bits, the
// highest first, with commas between them: "ff,00000003" is 0-1 and 32-39.
// A single word may be longer and begin with "0x", as taskset writes it.
func ParseMask(text string) (CPUSet, error) {
	text = strings.Trim(text, padding)
	digits, err := maskDigits(text)
	if err != nil {
		return CPUSet{}, fmt.Errorf("CPU mask %s: %w", clip(text), err)
	}
	var b builder
	for i := range len(digits) {
		nibble, err := strconv.ParseUint(digits[len(digits)-1-i:len(digits)-i], 16, 8)
		if err != nil {
			return CPUSet{}, fmt.Errorf("CPU mask %s: %q is no hexadecimal digit", clip(text), digits[len(digits)-1-i])
		}
		for bit := range 4 {
			if nibble&(1<<bit) == 0 {
				continue
			}
			cpu := 4*i + bit
			if cpu >= MaxCPUs {
				return CPUSet{}, fmt.Errorf("CPU mask %s: CPU number %d is beyond the highest possible, %d", clip(text), cpu, MaxCPUs-1)
			}
			b.add(cpu)
		}
	}
	return b.set(), nil
}

// maskDigits joins the words of a mask to one hexadecimal number.
func maskDigits(text string) (string, error) {
	if !strings.Contains(text, ",") {
		text = strings.TrimPrefix(text, "0x")
		if text == "" {
			return "", fmt.Errorf("no digits")
		}
		return text, nil
	}
	var digits strings.Builder
	for word := range strings.SplitSeq(text, ",") {
		if len(word) == 0 || len(word) > 8 {
			return "", fmt.Errorf("word %s is not of 1 to 8 digits", clip(word))
		}
		digits.WriteString("00000000"[len(word):] + word)
	}
	return digits.String(), nil
}

// String gives the kernel's list format, which [ParseList] and taskset -c read.
func (s CPUSet) String() string {
	var text []byte
	lo, hi := -1, -1
	flush := func() {
		if lo < 0 {
			return
		}
		if len(text) > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendInt(text, int64(lo), 10)
		if hi > lo {
			text = append(text, '-')
			text = strconv.AppendInt(text, int64(hi), 10)
		}
	}
	for cpu := range s.All() {
		if lo >= 0 && cpu == hi+1 {
			hi = cpu
			continue
		}
		flush()
		lo, hi = cpu, cpu
	}
	flush()
	return string(text)
}

// Mask gives the kernel's mask format, which [ParseMask] reads; "0" when empty.
func (s CPUSet) Mask() string {
	var text strings.Builder
	for i := len(s.words)*2 - 1; i >= 0; i-- {
		word := uint32(s.words[i/2] >> (32 * (i % 2)))
		switch {
		case text.Len() > 0:
			fmt.Fprintf(&text, ",%08x", word)
		case word != 0:
			fmt.Fprintf(&text, "%x", word)
		}
	}
	if text.Len() == 0 {
		return "0"
	}
	return text.String()
}

// MarshalJSON gives an array of numbers, [] when empty.
func (s CPUSet) MarshalJSON() ([]byte, error) {
	text := []byte{'['}
	for cpu := range s.All() {
		if len(text) > 1 {
			text = append(text, ',')
		}
		text = strconv.AppendInt(text, int64(cpu), 10)
	}
	return append(text, ']'), nil
}

// UnmarshalJSON reads an array of numbers.
func (s *CPUSet) UnmarshalJSON(text []byte) error {
	var cpus []int
	if err := json.Unmarshal(text, &cpus); err != nil {
		return fmt.Errorf("reading a set of CPUs: %w", err)
	}
	var b builder
	for _, cpu := range cpus {
		if cpu < 0 || cpu >= MaxCPUs {
			return fmt.Errorf("reading a set of CPUs: CPU number %d is not within 0 to %d", cpu, MaxCPUs-1)
		}
		b.add(cpu)
	}
	*s = b.set()
	return nil
}

// clip quotes a text for an error and keeps it short.
func clip(text string) string {
	const most = 60
	if len(text) > most {
		return strconv.Quote(text[:most]) + "..."
	}
	return strconv.Quote(text)
}

package wire

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Opt is a value that may be absent.
type Opt[T any] struct {
	Value T
	Set   bool
}

// Some returns a value that is present.
func Some[T any](v T) Opt[T] { return Opt[T]{Value: v, Set: true} }

// Or returns the value, or def when it is absent.
func (o Opt[T]) Or(def T) T {
	if o.Set {
		return o.Value
	}
	return def
}

// optional reads a value by read, unless it is null.
func optional[T any](d *decoder, read func(*decoder) T) Opt[T] {
	if d.absent() {
		return Opt[T]{}
	}
	return Opt[T]{Value: read(d), Set: true}
}

// boolean reads true or false; null is false.
func (d *decoder) boolean() bool {
	if d.absent() || !d.want(Bool) {
		return false
	}
	return d.Bool()
}

// text reads a string without NUL bytes; null is the empty string.
func (d *decoder) text() string {
	if d.absent() || !d.want(String) {
		return ""
	}
	return d.share(d.Text())
}

// share returns the string in b, which must not contain NUL, nor have been something else than text.
func (d *decoder) share(b []byte) string {
	if d.halved {
		d.reject("must not contain half of a surrogate pair (\\ud800 to \\udfff without its other half), which is no character: names that are not UTF-8 can't be sent")
		return ""
	}
	if bytes.IndexByte(b, 0) >= 0 {
		d.reject("must not contain a NUL character, which no command can receive")
		return ""
	}
	return d.shared.get(b)
}

// filled reads a string that is not empty; null is the empty string.
func (d *decoder) filled() string {
	null := d.Kind() == Null
	s := d.text()
	if s == "" && !null && d.ok() {
		d.reject("must not be empty: give it a value or leave it out")
	}
	return s
}

// choice reads a string that must be one of the words; null is the empty one.
func choice[T ~string](d *decoder, words ...T) T {
	if d.absent() || !d.want(String) {
		return ""
	}
	s := T(d.Text())
	if !slices.Contains(words, s) {
		var names []string
		for _, w := range words {
			names = append(names, strconv.Quote(string(w)))
		}
		d.reject("must be one of %s, not %q", strings.Join(names, ", "), clip(string(s)))
	}
	return s
}

// clip shortens a value for an error text.
func clip(s string) string {
	if len(s) <= 64 {
		return s
	}
	return strings.ToValidUTF8(s[:61], "") + "..."
}

// number reads a number that is not negative; null is 0.
func (d *decoder) number() float64 {
	if d.absent() || !d.want(Number) {
		return 0
	}
	raw := d.Number()
	if d.err != nil {
		return 0
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		d.reject("must be a number below 1.8e308, not %s", clip(string(raw)))
	}
	if f < 0 {
		d.reject("must not be negative, not %s", clip(string(raw)))
	}
	return f
}

// integer reads a whole number from least to most; null is 0.
func (d *decoder) integer(least, most int64) int64 {
	if d.absent() || !d.want(Number) {
		return 0
	}
	raw := d.Number()
	if d.err != nil {
		return 0
	}
	i, whole := wholeNumber(raw)
	switch {
	case !whole:
		d.reject("must be a whole number of at most 19 digits, not %s", clip(string(raw)))
	case i < least && most == math.MaxInt64:
		d.reject("must be at least %d, not %d", least, i)
	case i < least || i > most:
		d.reject("must be from %d to %d, not %d", least, most, i)
	}
	return i
}

// wholeNumber returns the value of a number without a fraction, however it is
// written: 4, 4.0 and 4e0 are the same number in JSON.
func wholeNumber(raw []byte) (int64, bool) {
	if i, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return i, true
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// id reads the id of a job or a task; null is 0, which is none.
func (d *decoder) id() int64 { return d.integer(1, math.MaxInt64) }

// requiredID is id for a field that must have a value.
func (d *decoder) requiredID() int64 {
	if d.Kind() == Null {
		d.reject("must be an id, not null")
	}
	return d.id()
}

// seconds reads a time span in seconds; null is 0.
func (d *decoder) seconds() time.Duration {
	s := d.number()
	ns := math.Round(s * 1e9)
	if ns >= math.MaxInt64 {
		d.reject("must be less than 9.2e9 seconds (292 years)")
		return 0
	}
	if ns == 0 && s > 0 {
		return 1 // the least time span, since 0 would mean none
	}
	return time.Duration(ns)
}

// any reads any value and returns a copy of its JSON without white space.
func (d *decoder) any() json.RawMessage {
	raw := d.Skip()
	if d.err != nil {
		return nil
	}
	return compact(raw)
}

// compact copies valid JSON without the white space between its tokens, so
// that it can stand in a line.
func compact(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	start := 0
	for i := 0; i < len(raw); {
		switch raw[i] {
		case ' ', '\t', '\r', '\n':
			out = append(out, raw[start:i]...)
			i++
			start = i
		case '"':
			i += quotedLen(raw[i:])
		default:
			i++
		}
	}
	return append(out, raw[start:]...)
}

// quotedLen is the length of the string, with its quotes, that raw starts with.
func quotedLen(raw []byte) int {
	for i := 1; i < len(raw); i++ {
		switch raw[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(raw)
}

// interner shares equal short strings, of which a list of jobs has many: the
// command, its options, categories, folders. It remembers a few, and forgets
// one when another comes with the same hash.
type interner struct{ table [256]string }

func (in *interner) get(b []byte) string {
	if in == nil || len(b) == 0 || len(b) > 64 {
		return string(b)
	}
	h := len(b)
	for _, c := range b {
		h = h*31 + int(c)
	}
	slot := &in.table[h&255]
	if *slot != string(b) {
		*slot = string(b)
	}
	return *slot
}

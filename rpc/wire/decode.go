package wire

import (
	"encoding/json"
	"strconv"
	"strings"
)

// decoder reads params. It adds to the scanner the path of the field at hand
// and the first problem found there, after which it reads on no further.
type decoder struct {
	Scanner
	path    []step
	problem *Error
	shared  *interner // for a list of jobs; nil otherwise

	wasAbsent bool // the field that was read last is as good as absent
}

// step is one part of a path: the name of a field, or an index where name is
// empty.
type step struct {
	name  string
	index int
}

// field is one member that an object of type T may have.
type field[T any] struct {
	name string
	read func(d *decoder, into *T)
}

// fields are all the members that an object of type T may have, at most 64.
type fields[T any] struct {
	list  []field[T]
	index map[string]int
}

func fieldsOf[T any](list ...field[T]) *fields[T] {
	fs := &fields[T]{list: list, index: make(map[string]int, len(list))}
	for i, f := range list {
		fs.index[f.name] = i
	}
	return fs
}

// names returns the fields' names in their order.
func (fs *fields[T]) names() []string {
	names := make([]string, len(fs.list))
	for i, f := range fs.list {
		names[i] = f.name
	}
	return names
}

// seen is the set of fields that an object had, by their place in the list.
type seen uint64

// has tells whether the object had the named field.
func (fs *fields[T]) has(s seen, name string) bool { return s&(1<<fs.index[name]) != 0 }

// decode reads raw params as an object with the given fields into v, which
// holds the defaults. Absent params are an object without members. finish, if
// any, checks the whole.
func decode[T any](raw json.RawMessage, fs *fields[T], v *T, finish func(*decoder, *T, seen)) *Error {
	if len(raw) == 0 {
		raw = json.RawMessage("{}")
	}
	d := &decoder{Scanner: Scanner{data: raw}}
	if k := d.Kind(); k != Object && k != None {
		d.path = append(d.path, step{name: "params"})
		d.reject("must be an object with named fields, not %s", k)
		return d.problem
	}
	got := object(d, fs, v)
	d.End()
	if finish != nil && d.ok() {
		finish(d, v, got)
	}
	return d.result()
}

// ok tells whether there has been no problem so far.
func (d *decoder) ok() bool { return d.problem == nil && d.err == nil }

func (d *decoder) result() *Error {
	if d.problem != nil {
		return d.problem
	}
	if err := d.Err(); err != nil {
		return Errorf(CodeParse, "parse error: %v", err)
	}
	return nil
}

// reject records the first problem, with the field at hand, and stops the
// scanner.
func (d *decoder) reject(format string, args ...any) {
	if d.ok() {
		d.problem = InvalidParams(d.where(), format, args...)
	}
	d.fail("rejected")
}

// rejectField is reject for a member of the object at hand.
func (d *decoder) rejectField(name, format string, args ...any) {
	d.path = append(d.path, step{name: name})
	d.reject(format, args...)
	d.path = d.path[:len(d.path)-1]
}

// where renders the path, as in jobs[3].env.LANG.
func (d *decoder) where() string {
	var b strings.Builder
	for _, s := range d.path {
		if s.name == "" {
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(clip(s.name))
	}
	return b.String()
}

// object reads an object with the given fields into v and returns which of
// them it had, but for those that were as good as absent.
func object[T any](d *decoder, fs *fields[T], v *T) seen {
	var got, absent seen
	d.Open()
	for n := 0; ; n++ {
		key, ok := d.Member(n)
		if !ok {
			d.wasAbsent = false
			return got &^ absent
		}
		i, known := fs.index[string(key)]
		if !known {
			d.rejectField(string(key), "is not known: %s", hint(string(key), fs.names()))
			return got
		}
		f := &fs.list[i]
		d.path = append(d.path, step{name: f.name})
		if got&(1<<i) != 0 {
			d.reject("is given twice: keep one")
		}
		got |= 1 << i
		d.wasAbsent = false
		if f.read(d, v); d.wasAbsent {
			absent |= 1 << i
		}
		d.path = d.path[:len(d.path)-1]
	}
}

// openList enters an array, whose elements are then read by element.
func (d *decoder) openList() {
	d.Open()
	d.path = append(d.path, step{})
}

// element moves to the element i of the array; it is false after the last one.
func (d *decoder) element(i int) bool {
	last := len(d.path) - 1
	if !d.Element(i) {
		d.path = d.path[:last]
		return false
	}
	d.path[last].index = i
	return true
}

// want checks the kind of the next value.
func (d *decoder) want(kind Kind) bool {
	if k := d.Kind(); k != kind && k != None {
		d.reject("must be %s, not %s", kind, k)
		return false
	}
	return d.err == nil
}

// absent reads a null, which stands for an absent field; it leaves anything
// else.
func (d *decoder) absent() bool {
	if d.Kind() != Null {
		return false
	}
	d.Null()
	d.wasAbsent = true
	return true
}

// hint helps with a name that is not among the known ones.
func hint(name string, known []string) string {
	best, least := "", max(len(name)/3, 1)+1
	for _, k := range known {
		if n := distance(name, k); n < least {
			best, least = k, n
		}
	}
	if best != "" {
		return "did you mean " + best + "?"
	}
	if len(known) == 0 {
		return "there are no fields here, leave it out"
	}
	return "use one of " + strings.Join(known, ", ")
}

// distance is the number of letters to insert, remove or replace to get from a
// to b. Names much longer than any field are far from all of them.
func distance(a, b string) int {
	if len(a) > 2*len(b)+2 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

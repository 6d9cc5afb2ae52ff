package wire

import "fmt"

// maxDepth bounds the nesting of arrays and objects, as encoding/json does, so
// that a line of brackets can't exhaust the stack.
const maxDepth = 10000

// Scanner reads JSON values one by one from a byte slice, without building
// them: the caller says which value it expects next. It accepts exactly what
// encoding/json accepts. The first error sticks: every method that follows
// returns a zero value, so that callers may check Err once.
type Scanner struct {
	data   []byte
	pos    int
	depth  int
	halved bool // a text had half of a surrogate pair, which U+FFFD stands for
	err    *SyntaxError
}

// SyntaxError says where the input stops being JSON.
type SyntaxError struct {
	Offset  int // in bytes from the start of the input
	Problem string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("malformed JSON at byte %d: %s", e.Offset, e.Problem)
}

// NewScanner returns a Scanner at the start of data.
func NewScanner(data []byte) *Scanner { return &Scanner{data: data} }

// Err returns the first error, or nil. It is of type *SyntaxError.
func (s *Scanner) Err() error {
	if s.err == nil {
		return nil
	}
	return s.err
}

func (s *Scanner) fail(problem string) {
	if s.err == nil {
		s.err = &SyntaxError{Offset: s.pos, Problem: problem}
	}
	s.pos = len(s.data)
}

// next skips white space and returns the byte there, 0 at the end.
func (s *Scanner) next() byte {
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// Kind is what sort of value comes next, told by its first byte.
type Kind byte

// The kinds of values.
const (
	None   Kind = iota // no value at all
	Null               // null
	Bool               // true or false
	Number             // a number
	String             // a string
	Array              // an array
	Object             // an object
)

// String names the kind as users know it.
func (k Kind) String() string {
	return [...]string{"nothing", "null", "a boolean", "a number", "a string", "a list", "an object"}[k]
}

var kinds = [256]Kind{
	'n': Null, 't': Bool, 'f': Bool, '"': String, '[': Array, '{': Object, '-': Number,
	'0': Number, '1': Number, '2': Number, '3': Number, '4': Number,
	'5': Number, '6': Number, '7': Number, '8': Number, '9': Number,
}

// Kind returns the kind of the next value without reading it. It is None only
// with an error.
func (s *Scanner) Kind() Kind {
	k := kinds[s.next()]
	if k == None {
		s.fail("expected a value")
	}
	return k
}

// End requires that nothing but white space is left.
func (s *Scanner) End() {
	if s.err == nil && s.next() != 0 || s.pos < len(s.data) {
		s.fail("unexpected data after the value")
	}
}

// Open enters the object or array that comes next. Its members are then read
// by Member or Element until these return false.
func (s *Scanner) Open() {
	if k := s.Kind(); k != Object && k != Array {
		s.fail("expected an object or a list")
		return
	}
	if s.depth++; s.depth > maxDepth {
		s.fail("nested too deeply")
		return
	}
	s.pos++
}

// Member moves to the next member of the object that was opened last and
// returns its key; the caller then reads its value. n is how many members were
// read before. ok is false after the last one or an error. The key is valid
// until the input changes.
func (s *Scanner) Member(n int) (key []byte, ok bool) {
	if !s.more(n, '}') {
		return nil, false
	}
	if s.next() != '"' {
		s.fail("expected a key in quotes")
		return nil, false
	}
	key = s.Text()
	if s.next() != ':' {
		s.fail("expected ':' after a key")
		return nil, false
	}
	s.pos++
	return key, true
}

// Element moves to the next element of the array that was opened last. n is
// how many elements were read before. It is false after the last one or an
// error.
func (s *Scanner) Element(n int) bool { return s.more(n, ']') }

// more moves past the comma before the next member, or past the closing
// bracket, when it is false.
func (s *Scanner) more(n int, closing byte) bool {
	c := s.next()
	if c == closing {
		s.pos++
		s.depth--
		return false
	}
	if n == 0 {
		return s.err == nil
	}
	if c != ',' {
		s.fail("expected ',' or '" + string(closing) + "'")
		return false
	}
	s.pos++
	return true
}

// Skip moves past the next value, which it checks, and returns it as written.
func (s *Scanner) Skip() []byte {
	k := s.Kind()
	start := s.pos
	switch k {
	case String:
		s.quoted()
	case Number:
		s.Number()
	case Object, Array:
		s.skipInside(k)
	case Bool:
		s.Bool()
	case Null:
		s.Null()
	}
	if s.err != nil {
		return nil
	}
	return s.data[start:s.pos]
}

func (s *Scanner) skipInside(k Kind) {
	s.Open()
	for n := 0; s.err == nil; n++ {
		if k == Object {
			if !s.skipKey(n) {
				return
			}
		} else if !s.more(n, ']') {
			return
		}
		s.Skip()
	}
}

// skipKey is Member for a key that nobody reads.
func (s *Scanner) skipKey(n int) bool {
	if !s.more(n, '}') {
		return false
	}
	if s.next() != '"' {
		s.fail("expected a key in quotes")
		return false
	}
	s.quoted()
	if s.next() != ':' {
		s.fail("expected ':' after a key")
		return false
	}
	s.pos++
	return true
}

// Null reads null.
func (s *Scanner) Null() { s.literal("null") }

// Bool reads true or false.
func (s *Scanner) Bool() bool {
	if s.next() == 't' {
		s.literal("true")
		return s.err == nil
	}
	s.literal("false")
	return false
}

func (s *Scanner) literal(word string) {
	s.next()
	if len(s.data)-s.pos < len(word) || string(s.data[s.pos:s.pos+len(word)]) != word {
		s.fail("expected a value")
		return
	}
	s.pos += len(word)
}

package wire

import (
	"unicode/utf16"
	"unicode/utf8"
)

// plain marks the bytes that stand for themselves inside a string.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 256; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// quoted moves past a string, which it checks, and returns what is between its
// quotes, and whether that contains escapes.
func (s *Scanner) quoted() (raw []byte, escaped bool) {
	if s.next() != '"' {
		s.fail("expected a string")
		return nil, false
	}
	s.pos++
	start := s.pos
	for {
		for s.pos < len(s.data) && plain[s.data[s.pos]] {
			s.pos++
		}
		switch {
		case s.pos == len(s.data):
			s.fail("string without end")
			return nil, false
		case s.data[s.pos] == '"':
			s.pos++
			return s.data[start : s.pos-1], escaped
		case s.data[s.pos] != '\\':
			s.fail("control character in a string, which must be escaped")
			return nil, false
		}
		escaped = true
		if !s.escape() {
			return nil, false
		}
	}
}

// escape moves past one escape sequence.
func (s *Scanner) escape() bool {
	rest := s.data[s.pos+1:]
	if len(rest) > 0 {
		switch rest[0] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			s.pos += 2
			return true
		case 'u':
			if hex4(rest[1:]) >= 0 {
				s.pos += 6
				return true
			}
		}
	}
	s.fail("invalid escape in a string")
	return false
}

// hex4 returns the value of four hexadecimal digits, or -1.
func hex4(b []byte) rune {
	if len(b) < 4 {
		return -1
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// Text reads a string and returns its content. Without escapes that is a part
// of the input.
func (s *Scanner) Text() []byte {
	raw, escaped := s.quoted()
	if !escaped {
		return raw
	}
	text, whole := unescape(raw)
	s.halved = s.halved || !whole
	return text
}

var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unescape resolves the escapes of raw, which were checked before. A half of a
// surrogate pair becomes U+FFFD, as in encoding/json, and whole is false then.
func unescape(raw []byte) (out []byte, whole bool) {
	out, whole = make([]byte, 0, len(raw)), true
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			out = append(out, raw[i])
			i++
			continue
		}
		if raw[i+1] != 'u' {
			out = append(out, escapes[raw[i+1]])
			i += 2
			continue
		}
		r := hex4(raw[i+2:])
		i += 6
		if utf16.IsSurrogate(r) {
			low := rune(-1)
			if len(raw) >= i+6 && raw[i] == '\\' && raw[i+1] == 'u' {
				low = hex4(raw[i+2:])
			}
			if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
				i += 6
			} else {
				whole = false
			}
		}
		out = utf8.AppendRune(out, r)
	}
	return out, whole
}

// Number reads a number and returns it as written.
func (s *Scanner) Number() []byte {
	s.next()
	start := s.pos
	if s.pos < len(s.data) && s.data[s.pos] == '-' {
		s.pos++
	}
	if s.pos < len(s.data) && s.data[s.pos] == '0' {
		s.pos++
	} else {
		s.digits()
	}
	if s.pos < len(s.data) && s.data[s.pos] == '.' {
		s.pos++
		s.digits()
	}
	if s.pos < len(s.data) && s.data[s.pos]|0x20 == 'e' {
		s.pos++
		if s.pos < len(s.data) && (s.data[s.pos] == '+' || s.data[s.pos] == '-') {
			s.pos++
		}
		s.digits()
	}
	if s.err != nil {
		return nil
	}
	return s.data[start:s.pos]
}

// digits moves past one digit or more.
func (s *Scanner) digits() {
	start := s.pos
	for s.pos < len(s.data) && s.data[s.pos]-'0' <= 9 {
		s.pos++
	}
	if s.pos == start {
		s.fail("expected a digit")
	}
}

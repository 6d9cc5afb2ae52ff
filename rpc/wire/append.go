package wire

import (
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"
)

// Appender is anything that appends its JSON, in one line, to a byte slice:
// the results of calls, records, events and errors.
type Appender interface {
	Append(b []byte) []byte
}

// Raw is JSON that is ready to be sent, in one line.
type Raw json.RawMessage

// Append appends r as it is.
func (r Raw) Append(b []byte) []byte { return append(b, r...) }

const hexDigits = "0123456789abcdef"

// AppendString appends s as a JSON string. Invalid UTF-8 becomes U+FFFD;
// nothing is escaped that need not be.
func AppendString[T string | []byte](b []byte, s T) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if !plain[c] {
				b = append(b, s[start:i]...)
				b = appendEscape(b, c)
				start = i + 1
			}
			i++
			continue
		}
		r, n := decodeRune(s[i:min(i+utf8.UTFMax, len(s))])
		if r == utf8.RuneError && n == 1 {
			b = append(b, s[start:i]...)
			b = append(b, "\uFFFD"...)
			start = i + 1
		}
		i += n
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

func decodeRune[T string | []byte](s T) (rune, int) {
	return utf8.DecodeRuneInString(string(s)) // at most four bytes, on the stack
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
}

// AppendTime appends t as Unix seconds with six decimals, or null for the zero
// time.
func AppendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, "null"...)
	}
	return appendMicros(b, t.UnixMicro())
}

// AppendSeconds appends d in seconds, rounded to one to six decimals.
func AppendSeconds(b []byte, d time.Duration) []byte {
	b = appendMicros(b, d.Round(time.Microsecond).Microseconds())
	for b[len(b)-1] == '0' && b[len(b)-2] != '.' {
		b = b[:len(b)-1]
	}
	return b
}

func appendMicros(b []byte, us int64) []byte {
	if us < 0 {
		b = append(b, '-')
		us = -us
	}
	b = strconv.AppendInt(b, us/1e6, 10)
	b = append(b, '.')
	frac := us % 1e6
	for div := int64(1e5); div > 0; div /= 10 {
		b = append(b, byte('0'+frac/div%10))
	}
	return b
}

// appendRaw appends JSON as it is, or null where there is none.
func appendRaw(b []byte, raw json.RawMessage) []byte {
	if len(raw) == 0 {
		return append(b, "null"...)
	}
	return append(b, raw...)
}

// appendID appends an id, or null for 0.
func appendID(b []byte, id int64) []byte {
	if id == 0 {
		return append(b, "null"...)
	}
	return strconv.AppendInt(b, id, 10)
}

// appendWord appends s as a string, or null where it is empty.
func appendWord[T ~string](b []byte, s T) []byte {
	if s == "" {
		return append(b, "null"...)
	}
	return AppendString(b, string(s))
}

// appendInts appends a list of numbers, or null for a nil list.
func appendInts[T int | int64](b []byte, list []T) []byte {
	if list == nil {
		return append(b, "null"...)
	}
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(v), 10)
	}
	return append(b, ']')
}

// appendList appends a list of values; a nil list is an empty one.
func appendList[T any](b []byte, list []T, one func([]byte, *T) []byte) []byte {
	b = append(b, '[')
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = one(b, &list[i])
	}
	return append(b, ']')
}

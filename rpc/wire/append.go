package wire

import (
	"encoding/binary"
	"encoding/json"
	"math/bits"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
	"unsafe"
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
func AppendString(b []byte, s string) []byte {
	b = slices.Grow(b, len(s)+len(s)/16+2) // at once for nearly all, as captured output can be megabytes
	b = append(b, '"')
	start := 0
	for i := plainStart(s); i < len(s); i += plainStart(s[i:]) {
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
		r, n := utf8.DecodeRuneInString(s[i:])
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

// AppendText appends bytes as AppendString does.
func AppendText(b, text []byte) []byte {
	return AppendString(b, unsafe.String(unsafe.SliceData(text), len(text)))
}

// plainStart is how many bytes at the start of s are ASCII that needs no escape. It looks at eight at a time, not at the last seven.
func plainStart(s string) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	n := 0
	for ; n+8 <= len(s); n += 8 {
		w := binary.LittleEndian.Uint64(unsafe.Slice(unsafe.StringData(s[n:]), 8))
		quote, backslash := w^ones*'"', w^ones*'\\'
		// A byte below n gives w-n*ones its high bit, by borrowing. A borrow from the byte below can give one too many, but not below the first.
		if stops := (w | (w - ones*' ') | (quote - ones) | (backslash - ones)) & high; stops != 0 {
			return n + bits.TrailingZeros64(stops)/8
		}
	}
	return n
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

package rpc

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"expool/rpc/wire"
)

// message is one object of a line, or what stands in its place. Its members
// are slices of the line, as the client wrote them, and nil where absent.
type message struct {
	version []byte // the member jsonrpc
	id      []byte
	method  []byte
	params  []byte
	result  []byte
	failure []byte // the member error

	// invalid is set for what is neither a call nor a response, and says why;
	// id is then what to answer to.
	invalid *wire.Error
}

// isResponse tells whether it answers one of our requests.
func (m *message) isResponse() bool { return m.invalid == nil && m.method == nil }

// wantsAnswer tells whether the client is to get a response.
func (m *message) wantsAnswer() bool {
	return m.invalid != nil || m.method != nil && m.id != nil
}

// maxBatch bounds the elements of a batch, since each costs some hundred bytes
// until all are answered, and a line has room for millions.
const maxBatch = 1 << 18

// parseLine parses a line, which is a message or a batch of them, into
// messages, whose room it uses. An error concerns the whole line.
func parseLine(line []byte, messages []message) (_ []message, isBatch bool, _ *wire.Error) {
	if !utf8.Valid(line) {
		return nil, false, wire.Errorf(wire.CodeParse, "parse error: the line is not valid UTF-8")
	}
	messages = messages[:0]
	s := wire.NewScanner(line)
	if isBatch = s.Kind() == wire.Array; isBatch {
		s.Open()
		for s.Element(len(messages)) {
			if len(messages) == maxBatch {
				return nil, true, wire.Errorf(wire.CodeInvalidRequest,
					"invalid request: a batch of more than %d messages: split it up", maxBatch)
			}
			messages = append(messages, parseMessage(s))
		}
	} else {
		messages = append(messages, parseMessage(s))
	}
	s.End()
	if err := s.Err(); err != nil {
		return nil, false, wire.Errorf(wire.CodeParse, "parse error: %v", err)
	}
	if len(messages) == 0 {
		return nil, false, wire.Errorf(wire.CodeInvalidRequest, "invalid request: an empty batch")
	}
	return messages, isBatch, nil
}

// parseMessage reads the next value as a message.
func parseMessage(s *wire.Scanner) (m message) {
	if k := s.Kind(); k != wire.Object {
		s.Skip()
		m.id = nullID
		m.invalid = wire.Errorf(wire.CodeInvalidRequest, "invalid request: must be an object, not %s", k)
		return m
	}
	twice := ""
	s.Open()
	for n := 0; ; n++ {
		key, ok := s.Member(n)
		if !ok {
			break
		}
		member := m.member(key)
		value := s.Skip()
		switch {
		case member == nil: // others are ignored, as the standard has it
		case *member != nil:
			twice = string(key)
		default:
			*member = value
		}
	}
	if s.Err() == nil {
		m.check(twice)
	}
	return m
}

func (m *message) member(key []byte) *[]byte {
	switch string(key) {
	case "jsonrpc":
		return &m.version
	case "id":
		return &m.id
	case "method":
		return &m.method
	case "params":
		return &m.params
	case "result":
		return &m.result
	case "error":
		return &m.failure
	}
	return nil
}

var nullID = []byte("null")

// check validates a message whose members were all read; twice names one that
// came again.
func (m *message) check(twice string) {
	if string(m.failure) == "null" {
		m.failure = nil
	}
	goodID := twice != "id" && (m.id == nil || validID(m.id))
	switch {
	case twice != "":
		m.invalid = invalidMember(twice, "is given twice: keep one")
	case !goodID:
		m.invalid = invalidMember("id", "must be a string, an integer or null")
	case text(m.version) != "2.0":
		m.invalid = invalidMember("jsonrpc", `must be "2.0"`)
	case m.method == nil && m.result == nil && m.failure == nil:
		m.invalid = invalidMember("method", "is missing")
	case m.method != nil && m.method[0] != '"':
		m.invalid = invalidMember("method", "must be a string")
	}
	if m.invalid != nil && (m.id == nil || !goodID) {
		m.id = nullID
	}
}

func invalidMember(name, problem string) *wire.Error {
	return &wire.Error{
		Code:    wire.CodeInvalidRequest,
		Message: "invalid request: " + name + " " + problem,
		Field:   name,
		Problem: problem,
	}
}

// validID tells whether an id is a string, null, or a number that is written
// as an integer of any size.
func validID(id []byte) bool {
	switch c := id[0]; {
	case c == '"' || c == 'n':
		return true
	case c == '-' || c >= '0' && c <= '9':
		return !bytes.ContainsAny(id, ".eE")
	}
	return false
}

// text returns the content of a string, or "" for any other JSON.
func text(raw []byte) string {
	if len(raw) == 0 || raw[0] != '"' {
		return ""
	}
	if plain := raw[1 : len(raw)-1]; bytes.IndexByte(plain, '\\') < 0 {
		return string(plain)
	}
	return string(wire.NewScanner(raw).Text())
}

// failureOf returns the error that the client answered with, as far as it can
// be understood: any error means no.
func failureOf(raw []byte) *wire.Error {
	var e struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(raw, &e); err != nil && e.Message == "" {
		e.Message = string(raw)
	}
	return &wire.Error{Code: e.Code, Message: e.Message}
}

package wire

import (
	"fmt"
	"strconv"
)

// The error codes of the protocol: those of the JSON-RPC 2.0 standard, and the
// server's own.
const (
	CodeParse          = -32700 // the line is not JSON
	CodeInvalidRequest = -32600 // the JSON is not a request, or not now
	CodeMethodNotFound = -32601 // there is no such method
	CodeInvalidParams  = -32602 // a field of the params is at fault
	CodeInternal       = -32603 // the server is at fault
	CodeNotAlive       = -32001 // the pool is not alive until clear
	CodeNotFound       = -32002 // there is no such job or task
	CodeBusy           = -32003 // the pool has jobs that are queued, running or ending
)

// Error is the error object of a response. Field and Problem become its data
// where a field is at fault; with both empty it has no data.
type Error struct {
	Code    int
	Message string
	Field   string // the path of the field at fault, such as jobs[3].timeout
	Problem string // what is wrong with it and what to do
}

// Errorf returns an error without data.
func Errorf(code int, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// InvalidParams returns the error that the params' field has the given problem.
func InvalidParams(field, format string, args ...any) *Error {
	problem := fmt.Sprintf(format, args...)
	return &Error{
		Code:    CodeInvalidParams,
		Message: "invalid params: " + field + " " + problem,
		Field:   field,
		Problem: problem,
	}
}

// Error gives the message and the code.
func (e *Error) Error() string {
	return e.Message + " (" + strconv.Itoa(e.Code) + ")"
}

// Append appends the error object.
func (e *Error) Append(b []byte) []byte {
	b = append(b, `{"code":`...)
	b = strconv.AppendInt(b, int64(e.Code), 10)
	b = append(b, `,"message":`...)
	b = AppendString(b, e.Message)
	if e.Field != "" || e.Problem != "" {
		b = append(b, `,"data":{"field":`...)
		b = AppendString(b, e.Field)
		b = append(b, `,"problem":`...)
		b = AppendString(b, e.Problem)
		b = append(b, '}')
	}
	return append(b, '}')
}

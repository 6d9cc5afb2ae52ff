// Package wire holds what crosses the wire: the params and results of every
// method, the notifications, the records and the error codes, with their
// decoding, validation and encoding. It has no other behaviour and no state.
//
// Decoding is strict and happens in one pass. Every Decode function takes the
// raw params of a call and returns either a value with all defaults applied or
// an *Error with CodeInvalidParams that names the field by its path, such as
// jobs[3].timeout, and says what to do about it. The input must be valid
// UTF-8, as the line stream of package rpc ensures. Decoded values own their
// memory: none refers to the input.
//
// Encoding appends to a byte slice, without reflection where it is frequent.
// No encoded value contains a line break, so that each fits in a line of its
// own.
//
// It imports the standard library only and starts no goroutines. All its
// functions are safe for concurrent use on different values.
package wire

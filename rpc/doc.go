// Package rpc speaks line-delimited JSON-RPC 2.0: it turns the lines of an
// input into calls for a Handler, and replies and events into the lines of an
// Outbox. It alone imports github.com/sourcegraph/jsonrpc2, whose connection
// runs the reading loop; besides that it imports the standard library, package
// wire, the pool with its scheduler's and processes' types, and numa.
//
// A [Server] is one conversation. Its methods for the client stand in a file
// each, and in the table methods; publish.go turns changes of the pool into
// events, and lifecycle.go says how a server ends.
//
// # Lines
//
// The library would drop the connection on malformed JSON, lose what is not a
// small positive id, and parse everything several times. So lineStream, our
// ObjectStream, does all that concerns the protocol: it reads one line at a
// time, answers what is not a request by itself, keeps ids and params as they
// were written, collects the responses of batches, and hands the library one
// constant envelope for each line.
//
// # Order
//
// All lines go through one Outbox, in the order in which they were enqueued.
// The response of a call therefore precedes every event that it caused if the
// handler replies first and publishes then. For a batch, whose response is
// complete only after its last call, the Outbox reserves its place when the
// batch arrives; lines that come later wait behind it. A batch with a call that
// waits (see Call.Waits) gives up that place and replies at its end.
//
// # A client that does not read
//
// Lines are never dropped, and sending never blocks. Beyond a bound of unsent
// bytes the Outbox is under pressure: no further line is read, and its owner is
// told, until half of that is left.
//
// # Goroutines
//
// Server.Run starts the goroutine of Serve, which owns the reading goroutine, on
// which Handler is called, and ends with it. NewOutbox starts a goroutine that
// writes and one that tells its owner about pressure and failure; they end with
// Close, or with a failed write.
package rpc

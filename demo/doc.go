// Command demo is the first run: a small but real benchmark through expool-rpc, and an example of a host program.
//
//	make demo
//	go run ./demo -server bin/expool-rpc -workers 4
//
// It measures the compressors that this machine has, at several levels each, and one of its own (this program again, as
// "demo compress"), on the sources of the Go toolchain. Two jobs fail on purpose, so that the table shows how that looks: one
// that would work for ever breaks its timeout, and one unpacks what was never packed. The exit status is 0 if exactly these
// two failed, else 1 (2 for a wrong use).
//
// What a host program does stands in client.go (start the server, call it, read its notifications), messages.go (what is on the
// wire) and benchmark.go (initialize, task, execute, join). The rest is about compressors, progress and the table.
//
// It may import the standard library only, and none of our packages: a host program knows the wire and nothing else. It starts
// no goroutine of its own. Calls read the server's messages until their reply has come and hand over the notifications on the way;
// join replies last, so all of them have been seen then. An interrupt closes the server's input, on the goroutine of os/exec that
// waits for it; the server then ends its jobs, and the read in progress meets the end.
package main

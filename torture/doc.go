// Command torture tries to break what docs/reliability.md promises, on the real binary, and writes that page.
//
//	go run ./torture [-short] [-seed N] [-cases REGEXP] [-try N] [-out docs/reliability.md] [-peers] [-server bin/expool-rpc]
//
// Without -out the page goes to standard output. It exits with 1 if a promise was broken, after it told the seed and the
// command that repeats the try. As root it covers more: plain users, limits, cgroup layouts, a full disk. What could not be tried is named
// with its reason, in the table too.
//
// # Cases
//
// A case is registered by a file of this package:
//
//	func init() {
//		register(Case{Name: "death/server", Section: Death, Promise: "no process of a job outlives …", Tries: 200, Short: 10, Run: killServer})
//	}
//
// Run is called once for each try, with a fresh T. What it starts through T is checked and cleaned up at the end of the try: a server
// that still runs is told to terminate and must exit; then no process that it or its jobs were may be left, no cgroup and no temporary file. See T
// for failing, random numbers, figures and folders, Server for the conversation, Setup for how a server is started, Job for what it executes.
//
// # Marks
//
// Each server is started through a link of its own to the binary, whose name is its mark, and with the mark in its environment. So the
// server, its guardians (by their executable) and its jobs (by environment or arguments) are found by looking at /proc, wherever
// they went. A job that cleans its environment is to have the mark (Server.Mark) among its arguments.
//
// # Imports and goroutines
//
// The package imports the standard library and golang.org/x/sys/unix and nothing of ours: it sees what a user sees. Each Server owns one goroutine, which
// reads its output until it ends. Everything else is done by the main goroutine; the program re-executes itself as the launcher of servers
// (launch.go) and as some of the jobs (actor.go).
package main

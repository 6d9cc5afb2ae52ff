// Command guardians is what the server's rate is measured against: a loop that gives guardians one command after another, without a scheduler and
// without a protocol. So it tells what the process between server and job costs.
//
//	guardians N WIDTH COMMAND [ARGUMENT...]
//
// It runs the command N times, WIDTH at once.
//
// It imports package proc and the standard library. The Runner's goroutines call it; it has none of its own.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	"expool/pool/proc"
)

// loop is the Handler. An attempt that has ended is followed by the next one at once.
type loop struct {
	runner  *proc.Runner
	command proc.Command
	left    atomic.Int64
	ended   sync.WaitGroup
}

func (l *loop) Started(proc.Attempt, proc.Start) {}

func (l *loop) Failed(_ proc.Attempt, f proc.Failure) { fail(1, "run the command: %s", f.Err) }

func (l *loop) Exited(_ proc.Attempt, e proc.Exit) {
	if e.Code != 0 {
		fail(1, "run the command: exit code %d", e.Code)
	}
	l.next()
	l.ended.Done()
}

func (l *loop) next() {
	if n := l.left.Add(-1); n >= 0 {
		l.runner.Start(proc.Attempt{Job: n + 1, N: 1}, &l.command)
	}
}

func main() {
	proc.RunGuardian()
	args := os.Args[1:]
	if len(args) < 3 {
		fail(2, "usage: guardians N WIDTH COMMAND [ARGUMENT...]")
	}
	n, errN := strconv.Atoi(args[0])
	width, errWidth := strconv.Atoi(args[1])
	if errN != nil || errWidth != nil {
		fail(2, "N and WIDTH must be numbers, not %q and %q", args[0], args[1])
	}
	proc.ShortenSlices()
	runtime.GOMAXPROCS(1) // as the server
	discard := proc.Output{Kind: proc.Null}
	l := &loop{command: proc.Command{Args: args[2:], Stdout: discard, Stderr: discard}}
	runner, err := proc.New(proc.Config{Idle: width}, l)
	if err != nil {
		fail(1, "%v", err)
	}
	l.runner = runner
	l.left.Store(int64(n))
	l.ended.Add(n)
	for range width {
		l.next()
	}
	l.ended.Wait()
	if err := runner.Close(); err != nil {
		fail(1, "%v", err)
	}
}

func fail(status int, format string, args ...any) {
	fmt.Fprintf(os.Stderr, "guardians: "+format+"\n", args...)
	os.Exit(status)
}

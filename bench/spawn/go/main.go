// Command spawn is what the server's rate is measured against: a loop in Go that starts a command and waits for it, again and again.
//
//	spawn [-capture] N WIDTH COMMAND [ARGUMENT...]
//	spawn hello
//
// It runs the command N times, at most WIDTH at once; with -capture it takes the output of each. "hello" prints a line, which is the least
// that a program in Go takes to answer.
//
// It imports the standard library only, and none of our packages. Main starts WIDTH goroutines, which take turns until N is used up, and
// waits for all of them.
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
)

func main() {
	args := os.Args[1:]
	if len(args) == 1 && args[0] == "hello" {
		fmt.Println("hello")
		return
	}
	run := bare
	if len(args) > 0 && args[0] == "-capture" {
		run, args = capture, args[1:]
	}
	if len(args) < 3 {
		fail(2, "usage: spawn [-capture] N WIDTH COMMAND [ARGUMENT...], or spawn hello")
	}
	n, errN := strconv.Atoi(args[0])
	width, errWidth := strconv.Atoi(args[1])
	if errN != nil || errWidth != nil {
		fail(2, "N and WIDTH must be numbers, not %q and %q", args[0], args[1])
	}
	loop(n, width, run(args[2:]))
}

// loop calls once n times, in width goroutines.
func loop(n, width int, once func() error) {
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	for range width {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := once(); err != nil {
					fail(1, "run the command: %v", err)
				}
			}
		})
	}
	wg.Wait()
}

// bare does no more than os.StartProcess and Wait.
func bare(command []string) func() error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		fail(1, "%v", err)
	}
	return func() error {
		p, err := os.StartProcess(command[0], command, &os.ProcAttr{Files: []*os.File{null, null, null}})
		if err != nil {
			return err
		}
		state, err := p.Wait()
		if err == nil && !state.Success() {
			err = fmt.Errorf("%v", state)
		}
		return err
	}
}

// capture takes both streams of the command, as os/exec does it.
func capture(command []string) func() error {
	return func() error {
		var stdout, stderr bytes.Buffer
		c := exec.Command(command[0], command[1:]...)
		c.Stdout, c.Stderr = &stdout, &stderr
		return c.Run()
	}
}

func fail(status int, format string, args ...any) {
	fmt.Fprintf(os.Stderr, "spawn: "+format+"\n", args...)
	os.Exit(status)
}

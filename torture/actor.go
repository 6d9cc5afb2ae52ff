package main

import (
	"fmt"
	"os"
)

// actorArg is the first argument after the name of a job that is this program; the next one is the part that it plays.
const actorArg = "torture-actor"

// part is a job that a shell can't play. Its arguments are those after its name.
type part func(args []string) error

var parts = map[string]part{}

// Actor is the command of a job that plays a part.
func (t *T) Actor(name string, args ...string) []string {
	return append([]string{t.env.self, actorArg, name}, args...)
}

// runActor plays a part, in a process that was started for it; elsewhere it does nothing.
func runActor() {
	if len(os.Args) < 3 || os.Args[1] != actorArg {
		return
	}
	if err := parts[os.Args[2]](os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// environment is what all tries have in common.
type environment struct {
	server  string // a copy of the binary that everybody may execute
	self    string // the same of this program
	scratch string // a folder that everybody may enter
	seed    uint64
	short   bool
	only    int // the only try to carry out; -1 for all
	servers int // started so far
}

func main() {
	runLauncher()
	runActor()
	server := flag.String("server", "bin/expool-rpc", "the `binary` to torture")
	seed := flag.Uint64("seed", 1, "of all that is random")
	short := flag.Bool("short", false, "a few tries of each case, for CI")
	pattern := flag.String("cases", "", "only the cases whose names match this `regexp`")
	try := flag.Int("try", -1, "only this `number` of the tries of each case")
	out := flag.String("out", "", "the `file` to write the page to; empty: standard output")
	peers := flag.Bool("peers", false, "run other programs in the cases that apply to them, too")
	flag.Parse()
	env := &environment{seed: *seed, short: *short, only: *try}
	ok, err := torture(env, *server, *pattern, *out, *peers)
	if err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// torture runs the cases and writes the page; ok is false if a promise was broken.
func torture(env *environment, server, pattern, out string, peers bool) (ok bool, err error) {
	chosen, err := selected(pattern)
	if err != nil {
		return false, err
	}
	if err := env.prepare(server); err != nil {
		return false, err
	}
	defer os.RemoveAll(env.scratch)
	begin := time.Now()
	p := &page{env: env}
	ok = true
	for _, c := range chosen {
		r := env.run(c)
		p.results = append(p.results, r)
		ok = ok && r.broken == 0
	}
	if peers {
		p.peers = comparePeers(env)
	}
	p.took = time.Since(begin)
	return ok, p.write(out)
}

// prepare makes the folder of the run, with copies of the binaries.
func (env *environment) prepare(server string) error {
	unix.Umask(0o022)
	dir, err := os.MkdirTemp("", "expool-torture-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		return fmt.Errorf("make a scratch folder: %w", err)
	}
	env.scratch = dir
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	env.server, env.self = filepath.Join(dir, "server"), filepath.Join(dir, "torture")
	for from, to := range map[string]string{server: env.server, self: env.self} {
		if err := copyProgram(from, to); err != nil {
			return err
		}
	}
	return nil
}

func copyProgram(from, to string) error {
	binary, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("copy a program (make build makes the server): %w", err)
	}
	if err := os.WriteFile(to, binary, 0o755); err != nil {
		return fmt.Errorf("copy a program: %w", err)
	}
	return nil
}

// run carries the tries of a case out, and tells about it on standard error.
func (env *environment) run(c Case) *Result {
	r := &Result{Case: c}
	begin := time.Now()
	for _, try := range env.tries(c) {
		t := &T{Try: try, env: env, name: c.Name, result: r}
		t.attempt(c.Run)
		if r.skipped != "" {
			break
		}
		r.tries++
		if r.broken >= mostFailures {
			break
		}
	}
	if r.tries == 0 && r.skipped == "" && r.broken == 0 {
		r.skipped = "left out by -short or -try"
	}
	r.took = time.Since(begin)
	env.tell(r)
	return r
}

// tries gives the numbers of the tries of a case in this run.
func (env *environment) tries(c Case) []int {
	n := c.Tries
	if env.short {
		n = c.Short
	}
	var list []int
	for try := range n {
		if env.only < 0 || try == env.only {
			list = append(list, try)
		}
	}
	return list
}

// tell says on standard error what became of a case, and how to repeat what failed.
func (env *environment) tell(r *Result) {
	fmt.Fprintf(os.Stderr, "%-34s %4d tries %8.1fs  %s%s\n", r.Case.Name, r.tries, r.took.Seconds(), r.verdict(), r.details())
	for _, f := range r.failures {
		fmt.Fprintf(os.Stderr, "    try %d: %s\n", f.try, f.text)
		short := ""
		if env.short {
			short = " -short"
		}
		fmt.Fprintf(os.Stderr, "    repeat: go run ./torture%s -seed %d -cases '^%s$' -try %d\n", short, env.seed, r.Case.Name, f.try)
	}
}

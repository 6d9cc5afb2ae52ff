package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// The exit statuses.
const (
	statusFine   = 0 // all went as planned
	statusFailed = 1 // something did not
	statusUsage  = 2 // wrong flags
)

func main() {
	if len(os.Args) > 1 && isFilter(os.Args[1]) {
		os.Exit(filterMain(os.Args[1], os.Args[2:]))
	}
	ctx, stop := untilSignal()
	defer stop()
	os.Exit(demo(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// untilSignal gives a context that ends with a signal that asks to end, unless this program was started to ignore it, as by
// nohup. SIGPIPE is caught, so that a reader who has gone away is an error of the write and the temporary folder is removed.
func untilSignal() (context.Context, context.CancelFunc) {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	var ending []os.Signal
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			ending = append(ending, s)
		}
	}
	if len(ending) == 0 {
		return context.WithCancel(context.Background()) // NotifyContext takes an empty list for all signals
	}
	return signal.NotifyContext(context.Background(), ending...)
}

// options are the flags of the command.
type options struct {
	server  string // path or name of expool-rpc
	workers int    // 0 for the server's default
	bytes   int64  // size of the input
	source  string // folder whose .go files are the input; empty for those of the Go toolchain
}

func parseOptions(args []string, stderr io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.server, "server", "bin/expool-rpc", "the `command` that is the server")
	flags.IntVar(&o.workers, "workers", 0, "how `many` jobs run at once (default: the server's)")
	flags.Int64Var(&o.bytes, "bytes", 20_000_000, "`size` of the input")
	flags.StringVar(&o.source, "source", "", "`folder` whose .go files are the input (default: those of the Go toolchain)")
	if err = flags.Parse(args); err != nil {
		return o, err // told by the flag set
	}
	switch {
	case flags.NArg() > 0:
		err = fmt.Errorf("there is no command %q: give flags only", flags.Arg(0))
	case o.workers < 0:
		err = fmt.Errorf("-workers is %d: give a positive number, or 0 for the server's default", o.workers)
	case o.bytes < 1:
		err = fmt.Errorf("-bytes is %d: at least 1 is needed", o.bytes)
	}
	if err != nil {
		fmt.Fprintln(stderr, "demo:", err)
	}
	return o, err
}

// demo runs the benchmark and prints its report to stdout; progress and errors go to stderr. It gives the exit status.
func demo(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parseOptions(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return statusFine
	case err != nil:
		return statusUsage
	}
	outcome, err := measure(ctx, o, stderr)
	if err == nil {
		err = outcome.write(stdout)
	}
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx) // the rest follows from it
		}
		fmt.Fprintln(stderr, "demo:", err)
		return statusFailed
	}
	surprises := outcome.surprises()
	for _, surprise := range surprises {
		fmt.Fprintln(stderr, "demo: not as planned:", surprise)
	}
	if len(surprises) > 0 {
		return statusFailed
	}
	return statusFine
}

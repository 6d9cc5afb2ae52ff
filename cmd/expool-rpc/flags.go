package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"expool/pool"
	"expool/rpc"
	"expool/rpc/wire"
)

// usageStatus is the exit status after a wrong use of the command.
const usageStatus = 2

const usage = `expool-rpc: an execution pool for external commands, over JSON-RPC 2.0 on standard input and output

usage: expool-rpc [flags]
       expool-rpc topology [flags]    a picture of the machine, and of the groups that --affinity gives

One message a line; protocol.md tells all of them. This runs a job:

  echo '{"jsonrpc":"2.0","id":1,"method":"execute","params":{"name":"list","args":["ls","-la"]}}' | expool-rpc

The exit status is 0, or 1 if a job failed, 2 after wrong flags, and 128+n after signal n.

flags:
`

// flags are the flags of the command.
type flags struct {
	workers       int
	grace         float64
	chained       bool
	history       int
	maxQueued     int
	notify        string
	stateFile     string
	onEOF         string
	stdoutFD      int
	stderrFD      int
	memlimit      string
	latency       float64
	vmsWeight     float64
	affinity      string
	affinityAll   bool
	sequential    string
	membind       string
	sysroot       string
	noCgroup      bool
	version, help bool
}

func (f *flags) define(set *flag.FlagSet) {
	set.IntVar(&f.workers, "workers", pool.DefaultWorkers(), "how many jobs `run` at once")
	set.Float64Var(&f.grace, "grace", pool.DefaultGrace.Seconds(), "`seconds` from the soft signal to the hard kill")
	set.BoolVar(&f.chained, "chained", true, "a job that breaks its timeout ends related, heavier ones")
	set.IntVar(&f.history, "history", pool.DefaultHistory, "how `many` finished jobs are kept, successes and failures apart")
	set.IntVar(&f.maxQueued, "max-queued", 0, "read no further line while this `many` jobs are queued, so that a long list streams; 0 for no bound")
	set.StringVar(&f.notify, "notify", "onstart,ondone,onfinish", "the `notifications` to send, or none; requests to confirm a start are sent in any case")
	set.StringVar(&f.stateFile, "state-file", "", "on SIGUSR1, write what runs and waits to this `file`")
	set.StringVar(&f.onEOF, "on-eof", "finish", "at the end of input: `finish` what was scheduled, or terminate it")
	set.IntVar(&f.stdoutFD, "stdout-fd", -1, "the inherited `descriptor` that is the jobs' standard output")
	set.IntVar(&f.stderrFD, "stderr-fd", -1, "the inherited `descriptor` that is the jobs' standard error")
	set.StringVar(&f.memlimit, "memlimit", "0", "the memory of all jobs together: `bytes`, or a number with a unit as in 2.5GiB; 0 for none")
	set.Float64Var(&f.latency, "latency", 0, "the longest time between two looks at memory that is limited, in `seconds`; 0 for automatic")
	set.Float64Var(&f.vmsWeight, "vms-weight", pool.DefaultVMSShare, "the `share` of VMS in the figure for memory, from 0 to 1; the rest is RSS")
	set.StringVar(&f.affinity, "affinity", "", "give each job CPUs of its own: a number of threads, or thread, core, l2, l3, node, package; this is the `step`")
	set.BoolVar(&f.affinityAll, "affinity-all", false, "jobs get all CPUs of their group, not only its first thread")
	set.StringVar(&f.sequential, "affinity-sequential", "", "override how the CPUs are numbered: `true` or false")
	set.StringVar(&f.membind, "membind", "none", "with --affinity, bind the jobs' memory to their nodes: none, prefer or `bind`")
	set.StringVar(&f.sysroot, "sysroot", "", "read the topology from this `folder` instead of /")
	set.BoolVar(&f.noCgroup, "no-cgroup", false, "make no cgroups")
	set.BoolVar(&f.version, "version", false, "print the version")
	set.BoolVar(&f.help, "help", false, "print this help")
}

// parseFlags reads the command line. If the command is to end at once, ok is false.
func parseFlags(args []string, stdout, stderr io.Writer) (f flags, status int, ok bool) {
	set := flag.NewFlagSet("expool-rpc", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	f.define(set)
	err := set.Parse(args)
	if err == nil && set.NArg() > 0 {
		err = fmt.Errorf("there is no command %q: besides topology, expool-rpc takes flags only, and its calls from standard input", set.Arg(0))
	}
	switch {
	case f.help || errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		set.SetOutput(stdout)
		set.PrintDefaults()
		return f, 0, false
	case err != nil:
		fmt.Fprintf(stderr, "expool-rpc: %v\nexpool-rpc --help tells the flags\n", err)
		return f, usageStatus, false
	case f.version:
		fmt.Fprintln(stdout, "expool-rpc", rpc.Version)
		return f, 0, false
	}
	return f, 0, true
}

// settings checks the flags.
func (f *flags) settings() (s rpc.Settings, err error) {
	switch {
	case f.workers < 1 || f.workers > wire.MaxWorkers:
		return s, fmt.Errorf("--workers is %d: give a number from 1 to %d", f.workers, wire.MaxWorkers)
	case !(f.grace >= 0 && f.grace < math.MaxInt64/float64(time.Second)):
		return s, fmt.Errorf("--grace is %v: give seconds, 0 or more", f.grace)
	case !(f.latency >= 0 && f.latency < 1e9):
		return s, fmt.Errorf("--latency is %v: give seconds, 0 or more", f.latency)
	case !(f.vmsWeight >= 0 && f.vmsWeight <= 1):
		return s, fmt.Errorf("--vms-weight is %v: give a share from 0 to 1", f.vmsWeight)
	case f.history < 1:
		return s, fmt.Errorf("--history is %d: at least 1 is needed", f.history)
	case f.maxQueued < 0:
		return s, fmt.Errorf("--max-queued is %d: at least 0 is needed", f.maxQueued)
	case f.stateFile != "" && !replaceable(f.stateFile):
		return s, fmt.Errorf("--state-file is %q, which is no regular file: name one that may be replaced, or one that is not there", f.stateFile)
	case f.onEOF != "finish" && f.onEOF != "terminate":
		return s, fmt.Errorf("--on-eof is %q: give finish or terminate", f.onEOF)
	}
	grace := time.Duration(f.grace * float64(time.Second))
	s.TerminateOnEOF, s.MaxQueued = f.onEOF == "terminate", f.maxQueued
	s.Pool = pool.Config{Workers: f.workers, Grace: &grace, Unchained: !f.chained, History: f.history, Subreaper: true, NoCgroup: f.noCgroup}
	if s.Pool.MemLimit, err = memoryOf(f.memlimit); err != nil {
		return s, err
	}
	if s.Notify, err = notifications(f.notify); err != nil {
		return s, err
	}
	s.Pool.VMSShare = &f.vmsWeight
	s.Pool.Latency = time.Duration(f.latency * float64(time.Second))
	s.Pool.Topology, s.Pool.KeepOff = f.topology, true
	if s.Pool.Affinity, err = f.placement(); err != nil {
		return s, err
	}
	if s.Pool.Stdout, err = hostStream("--stdout-fd", f.stdoutFD); err != nil {
		return s, err
	}
	s.Pool.Stderr, err = hostStream("--stderr-fd", f.stderrFD)
	return s, err
}

// memoryOf reads an amount of memory: bytes, or a number with a unit as on the wire.
func memoryOf(text string) (int64, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
		return n, nil
	}
	n, ok := wire.ParseMemory(text)
	if !ok {
		return 0, fmt.Errorf("--memlimit is %q: give bytes, or a number with a unit of B, KB to TB or KiB to TiB", text)
	}
	return n, nil
}

// notifications reads the names of notifications, or "none".
func notifications(text string) ([]string, error) {
	list := []string{}
	if text == "none" {
		return list, nil
	}
	for name := range strings.SplitSeq(text, ",") {
		if !slices.Contains(wire.Notifications, name) {
			return nil, fmt.Errorf("--notify is %q: give none, or some of onstart, ondone and onfinish with commas between", text)
		}
		list = append(list, name)
	}
	return list, nil
}

// hostStream gives an inherited descriptor; nil if none was named.
func hostStream(name string, fd int) (*os.File, error) {
	switch {
	case fd == -1:
		return nil, nil
	case fd == int(os.Stdin.Fd()) || fd == int(os.Stdout.Fd()):
		return nil, fmt.Errorf("%s is %d: that stream is the protocol's; hand over another descriptor", name, fd)
	case fd < 0:
		return nil, fmt.Errorf("%s is %d: give the number of an inherited descriptor", name, fd)
	}
	f := os.NewFile(uintptr(fd), fmt.Sprintf("%s %d", name, fd))
	if _, err := f.Stat(); err != nil {
		return nil, fmt.Errorf("%s is %d: no such descriptor was inherited: %w", name, fd, err)
	}
	return f, nil
}

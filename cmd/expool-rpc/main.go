// Command expool-rpc hosts an execution pool for external commands, and speaks line-delimited JSON-RPC 2.0 about it on its
// standard input and output: see protocol.md.
//
// It has flags, wiring and the state file only, and imports nothing else than what it wires. Its goroutines are two for signals, which end
// with the process, and those of the watches.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"expool/pool"
	"expool/pool/proc"
	"expool/rpc"
)

func main() {
	pool.RunGuardian()
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	picture := len(args) > 0 && args[0] == "topology"
	if picture {
		args = args[1:]
	}
	flags, status, ok := parseFlags(args, os.Stdout, os.Stderr)
	if !ok {
		return status
	}
	settings, err := flags.settings()
	if err != nil {
		return report(err, usageStatus)
	}
	if picture {
		return report(flags.picture(settings.Pool.Affinity), 1)
	}
	proc.ShortenSlices()
	useFewThreads()
	paceGC()
	server := rpc.NewServer(settings, proc.QuickWriter(os.Stdout))
	watchSignals(server)
	if flags.stateFile != "" {
		tellState(server, flags.stateFile)
	}
	in := input()
	watchPeers(server, in, settings)
	if status, err = server.Run(in); err != nil {
		return report(err, status)
	}
	return status
}

// input is the standard input. A pipe is opened anew, so that reading it does not block a thread: the Go runtime takes a while to notice that a thread
// that may run is blocked, and an answer of the client that comes meanwhile waits. Changing the descriptor itself would change the client's.
func input() *os.File {
	if info, err := os.Stdin.Stat(); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return os.Stdin
	}
	anew, err := syscall.Open("/proc/self/fd/0", syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return os.Stdin
	}
	defer syscall.Close(anew)
	if err := syscall.Dup3(anew, 0, 0); err != nil {
		return os.Stdin
	}
	return os.NewFile(0, os.Stdin.Name())
}

// useFewThreads leaves the CPUs to the jobs, unless GOMAXPROCS says otherwise: the server handles tens of thousands of jobs a second on one, and
// waking another thread for each step costs more than it gains.
func useFewThreads() {
	const cpusForOne = 8
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS((runtime.NumCPU() + cpusForOne - 1) / cpusForOne)
	}
}

// report tells an error, and gives the exit status for it.
func report(err error, status int) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "expool-rpc:", err)
	return status
}

// watchSignals has the server end on signals, save those that it was started to ignore, as by nohup. SIGPIPE is caught, so
// that a closed output is an error of the write.
func watchSignals(server *rpc.Server) {
	signals := make(chan os.Signal, 8)
	for _, s := range []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT} {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	go func() {
		for s := range signals {
			server.Signal(s.(syscall.Signal))
		}
	}()
}

// watchPeers has the server end when nobody can read its output any more and, if it serves one host only, with that host. A
// host that can't be watched, in another PID namespace, is seen to end by the end of input.
func watchPeers(server *rpc.Server, in *os.File, settings rpc.Settings) {
	proc.WatchClosed(os.Stdout, server.OutputClosed)
	if settings.TerminateOnEOF {
		proc.WatchParent(server.HostEnded)
	}
	if settings.TerminateOnEOF && settings.MaxQueued > 0 { // else the end of input is read
		proc.WatchWriters(in, server.InputClosed)
	}
}

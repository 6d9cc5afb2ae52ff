package proc

import (
	"fmt"
	"os"
	"time"
)

// Attempt names one execution of a job.
type Attempt struct {
	Job int64 // the job's id
	N   int   // counts the executions of that job from 1
}

// String gives the form that messages use: "job 7 attempt 1".
func (a Attempt) String() string { return fmt.Sprintf("job %d attempt %d", a.Job, a.N) }

// OutputKind says where a stream of a command goes.
type OutputKind uint8

const (
	Inherit OutputKind = iota // the host's stream: Config.HostStdout or Config.HostStderr
	Null                      // discarded
	Pipe                      // captured, bounded, and delivered with Exit
	Merge                     // stderr only: where stdout goes, in the same order
	File                      // appended to Output.Path
)

// Output is the destination of stdout or stderr.
//
// A File is opened for appending, and made with its parent folders where missing. When it has content, a line "# " and
// the time in ISO 8601 comes first. When the job leaves it empty it is removed, unless another job that runs still
// has it. Stdout and stderr that name the same file share one open file.
type Output struct {
	Kind OutputKind
	Path string // File only; relative to the server's folder
}

// Command is what to execute. Its slices are not kept after Runner.Start returns.
type Command struct {
	// Args is the command and its arguments, never empty. A command with a slash is a path relative to Dir; any
	// other is looked up by the job's own PATH, whose relative entries are relative to Dir as well.
	Args []string
	// Dir is the working folder, relative to the server's, which is the default.
	Dir string
	// Env has "NAME=value" entries, added to the server's environment as it was when the Runner was made; later ones win.
	Env []string
	// Stdin is a path relative to the server's folder; "" stands for /dev/null.
	Stdin string
	// Stdout and Stderr say where the streams go.
	Stdout, Stderr Output
	// CPUs is the set of processors that the job may use; nil leaves it as the server's was. A refusal is a warning.
	CPUs []int
	// Nodes are the NUMA nodes that its memory is bound to, as MemBind says; without CPUs it is not bound.
	Nodes   []int
	MemBind MemBind
	// MemLimit is the most memory in bytes that the whole tree may have, 0 for no limit. Where Capabilities.Memory is not "none"
	// the kernel enforces it, and kills the job at once when it needs more; elsewhere nobody does. Page cache does not count: in
	// version 2 the kernel drops it first; in version 1 jobs near their limit that have page cache are looked at every 10 ms, and
	// only an excess of 64 MiB within that time is left to the kernel. Limits below 2 MiB (512 pages) and the arguments, without
	// which nothing can start, count as that.
	MemLimit int64
	// MemGroup asks for the peak of the whole tree, for a little time at the start. MemLimit includes it.
	MemGroup bool
}

// Failure says why an attempt never ran.
type Failure struct {
	// Err says what was being done, with which value, and what the system answered.
	Err string
	// Exhausted is set when descriptors, processes or memory were lacking, so that trying again later may help.
	Exhausted bool
}

// Start is the start of an attempt.
type Start struct {
	PID      int           // of the main process
	Guardian int           // pid of its guardian, below which is the whole tree and nothing else
	Wall     int64         // Unix microseconds
	Age      time.Duration // how long it has run
}

// Exit is the end of an attempt: its main process has exited and nothing of its tree is left.
type Exit struct {
	PID  int // of the main process
	Code int // exit code, or -N when signal N ended the main process
	Wall int64
	// Duration runs from the fork to the exit of the main process, by the monotonic clock.
	Duration time.Duration
	// User and Sys are the CPU time of the whole tree.
	User, Sys time.Duration
	// MaxRSS is the largest resident set of any single process of the tree, in bytes. It is never below the guardian's
	// own at the time of the fork (about 4 MB), because the kernel carries that figure across vfork and exec.
	MaxRSS int64
	// GroupPeak is the most memory in bytes that the whole tree had at once, where MemGroup asked for it and the host tells;
	// 0 if it is not known. It counts each page once, files in memory (tmpfs), and what the kernel keeps for the processes, but
	// not page cache, nor the pages of files that others have loaded before.
	GroupPeak int64
	// GroupPeakSource says how that was obtained: "cgroup v1" or "cgroup v2". When the job read or wrote so much of files that
	// this is uncertain, it is a lower bound: "cgroup v1, less page cache", or "rusage" where MaxRSS is a better one.
	GroupPeakSource string
	// OOMKilled is set when the kernel's killer ended a process of the tree, and MemLimited when that was because of
	// Command.MemLimit rather than for lack of memory on the host or in a cgroup around the server, or when the guardian had to
	// enforce the limit. The rest of the tree was killed as well. Only jobs in a memory cgroup know.
	OOMKilled, MemLimited bool
	// MaybeOOM is set for other jobs when somebody else killed the main process, or it says so as shells do (code 137), while
	// the kernel's killer was at work on the memory cgroup that it shares with the guardian. Where there is none, a warning tells of a victim on the host.
	MaybeOOM bool
	// Unbound is set when the job could not run on Command.CPUs, or not on all of them.
	Unbound bool
	// ReadBytes and WriteBytes are the block I/O of the whole tree.
	ReadBytes, WriteBytes int64
	// Leaked counts the processes that were alive when the main process exited by itself, or that had to be
	// killed after it exited following a soft signal.
	Leaked int
	// Stdout and Stderr are nil unless the stream was a Pipe.
	Stdout, Stderr *Capture
	// Warnings are complete fragments for the user, in the order of what happened.
	Warnings []string
}

// Capture is what was kept of a stream: its first and its last MiB, as raw bytes.
type Capture struct {
	Data      []byte
	Head      int   // length of the first part of Data; bytes were left out behind it if Truncated is not 0
	Truncated int64 // how many bytes were left out
}

// Handler receives what becomes of the attempts. Each attempt gets either Failed, or Started and then Exited. The
// methods are called from the Runner's goroutines, concurrently for different attempts, and must not block.
type Handler interface {
	// Started says that the attempt runs.
	Started(a Attempt, s Start)
	// Failed says that the attempt never ran.
	Failed(a Attempt, f Failure)
	// Exited says that the attempt and its whole tree are gone.
	Exited(a Attempt, e Exit)
}

// Config sets up a Runner. Its zero value is usable.
type Config struct {
	// HostStdout and HostStderr are what the streams of kind Inherit go to; nil stands for os.Stderr, for both.
	HostStdout, HostStderr *os.File
	// Idle is how many guardians are kept for reuse; 0 stands for one for each CPU, below 0 none is kept.
	Idle int
	// Subreaper makes the server adopt, and then kill, what is left of a job whose guardian was killed. All
	// children of the server that are not guardians are taken for such: set it only in a program that starts no
	// other processes.
	Subreaper bool
	// NoCgroup keeps jobs in the server's cgroup.
	NoCgroup bool
	// OwnCPUs are the processors for this process's own threads and for guardians, until Close; nil leaves them. Jobs
	// without CPUs have all that this process had when the Runner was made.
	OwnCPUs []int
}

// Signal is a way of ending an attempt.
type Signal uint8

const (
	// Soft sends SIGTERM, and SIGCONT for those that are stopped, to each process of the tree. Processes that the main
	// process leaves behind may then go on until Hard.
	Soft Signal = iota + 1
	// Hard kills the whole tree, until nothing is left of it.
	Hard
)

// Capabilities says what the Runner found on this host.
type Capabilities struct {
	Cgroup    string // "v2" when each job runs in a cgroup of its own, else "none"
	CgroupDir string // folder of the pool's cgroup, which is there while guardians are; "" without
	Reason    string // why there is no cgroup, "" with one
	Subreaper bool   // what outlives a killed guardian is adopted and ended
	// Memory is the version of the cgroups that limit and measure the memory of jobs: "v1", "v2" or "none".
	Memory       string
	MemoryReason string // why there are none, "" with them
	Children     bool   // the kernel lists the children of a process (/proc/PID/task/TID/children); else /proc is scanned
}

// String says it in words.
func (c Capabilities) String() string {
	if c.Cgroup == "none" {
		return "no cgroup for jobs: " + c.Reason
	}
	return "each job runs in a cgroup of version 2 under " + c.CgroupDir
}

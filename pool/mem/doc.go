// Package mem measures the memory of jobs and of the machine: what each tree of processes uses now, what it used at most,
// and what the host, or the container around us, has left.
//
// # Trees
//
// A [Meter] looks at any number of [Target]s in one pass. The tree of a job is what descends from its guardian, which is a
// subreaper with one job and is not counted itself: processes that leave their session or lose their parent stay in it. It
// is found by the kernel's lists of children, or, where the kernel has none, by one scan of all processes for all targets
// together. Processes start and end while they are looked at, so every figure is a snapshot with soft edges: what
// vanished, has no memory (zombies) or may not be seen (hidepid, other users) is left out, and is never an error. A number
// that was given to another process meanwhile is not taken for ours: the main process must be a child of its guardian, and
// no member of a tree is older than its root.
//
// What is counted:
//
//   - RSS is what the kernel says, up to the batches in which it counts (a few MiB on machines of many CPUs). Pages that
//     processes share count in each of them, as everywhere but in PSS, which costs milliseconds a GiB to find out.
//   - An address space counts once. A process between vfork and exec uses its parent's; without this, a job of 10 GB
//     seems to use 20 GB whenever it starts a command. After a plain fork the pages do count twice until exec.
//   - Threads are part of their process, also when its main thread alone has ended.
//
// # Peaks
//
// [Usage.Peak] is what can be known from one look, a lower bound, and the caller keeps the maximum over its looks. For one
// process that is its high-water mark (VmHWM), which misses only growth after the last look. For a tree no such mark
// exists: its processes peaked at different times, so the sum of their marks may never have been reached, and those that
// ended are not in it. Certain are the sum of the RSS now, and the highest single mark. Where the pool has a cgroup with a
// memory controller, that one knows better.
//
// # Cost
//
// Two small files a process, 4 µs together on a common machine; for a tree also one for each further thread, and for peaks
// one more. Files stay open from one pass to the next, which takes a third of the time: as many as an eighth of the
// descriptors that this process may have, at most 1000, and none if it may have less than 256. Others are opened each time.
// A pass that would read more files than the machine has processes makes a scan instead. Nothing is allocated. Beyond
// [Config.Limit] processes and threads in one tree the rest is left out ([Usage.Truncated]), so that a fork bomb costs a
// bounded time; the main process and the oldest children come first.
//
// # The host
//
// [ReadHost] takes RAM and swap from gopsutil, and the limits of the memory cgroups of this process, of both versions and
// on the whole path to the root, from the files of cgroups. The lowest limit counts instead of the RAM. A [HostMeter] tells
// what is free of it, time and again, and looks at the limits every ten seconds only.
//
// # Imports and goroutines
//
// The package imports the standard library, golang.org/x/sys/unix and gopsutil's mem, and nothing of ours. It starts no
// goroutine. A Meter or HostMeter belongs to one goroutine at a time; ReadHost may be called by any.
package mem

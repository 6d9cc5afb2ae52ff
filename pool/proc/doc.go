// Package proc runs the commands of the pool: it spawns them, gives them their streams, ends them with everything that
// they started, and says what they cost.
//
// # Guardians
//
// Each worker slot has a guardian: a small re-execution of the program's own binary that is the parent of the slot's
// job. It runs one attempt at a time and is a subreaper, so the tree of a job is exactly the set of descendants of its
// guardian, whatever leaves its session, forks twice or cleans its environment. Two things follow, with no cgroup and
// no marks in the environment: ending a job is ending all descendants of its guardian until wait4 has no children
// left, and the sum of the resource usages that wait4 returns is the cost of the whole tree. (The one exception is the
// kernel's own: the times of processes whose parent ignores SIGCHLD are counted nowhere but in a cgroup.)
//
// A guardian gets its orders through a socket, and reports through a pipe (see frame.go for the format). When the server dies, in whatever way,
// the socket reaches its end, and the guardian kills its tree, removes its cgroup and exits; if somebody has stopped it, the
// kernel wakes it (PDEATHSIG is SIGCONT). When a guardian dies, its job has PDEATHSIG set; all else is reparented to the
// server if that is a subreaper (Config.Subreaper), which then sweeps: it kills and reaps those children of its own that
// are not guardians. A guardian that does not answer a hard kill within a second is killed itself, after its tree.
//
// A guardian starts its jobs with a fork of its own, which copies nothing and, but for jobs in a memory cgroup, does not wait for the
// execve (child.go), keeps the Go runtime's monitor thread out of the way of its job
// (monitor.go), and runs soon among busy processes (priority.go); a program that embeds the package may want that too (ShortenSlices).
//
// # Cgroups
//
// Where the server may make cgroups, each guardian runs its jobs in a leaf of the pool's (cgroup.go), which goes with all that jobs
// have made below it. The pool's cgroups exist only while there is a guardian to remove them, and each guardian knows their names
// from its first instruction on (cgroups.go): so nothing of them outlives a server, whenever it is killed, unless all its guardians
// are killed with it. New tells by a trial what the host gives.
//
// # Memory
//
// A job that asks for it (Command.MemGroup, Command.MemLimit) runs in a memory cgroup of its guardian's where the host gives one
// to the server. There the kernel enforces the job's limit, and tells the true peak of its tree and whether its killer was at
// work. In version 2 (memory2.go) the guardian's leaf has the memory controller; in version 1 (memory1.go) there is a second leaf
// in that hierarchy. Capabilities.Memory says which it is, and Capabilities.MemoryReason why there is none.
//
// # Duties of the embedding program
//
//  1. Call RunGuardian first in main, and in TestMain of tests that use the package.
//  2. Set Config.Subreaper only where the program starts no processes of its own.
//  3. Close the Runner. It kills what runs, and returns when no process, descriptor, goroutine or cgroup is left.
//
// # Imports and goroutines
//
// The package imports the standard library and golang.org/x/sys/unix and nothing of ours. In the server, the Runner owns
// one goroutine for each guardian, which reads its pipe, calls the Handler and reaps it at its end; a second one exists
// only while a message longer than the socket's buffer is being written. The watchers and an Alarm own one goroutine each until they
// end. A guardian does everything on one thread, because affinity, PDEATHSIG and cgroups of version 1 belong to threads: the
// main one, or a second one from the first job in a memory cgroup of version 1 on.
package proc

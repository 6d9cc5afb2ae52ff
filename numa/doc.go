// Package numa reads the topology of a machine and computes affinity groups
// on it: which CPUs the i-th worker of a pool may use.
//
// [Read] takes the sysfs and procfs files of any machine, the running one or
// a snapshot of another, through an [io/fs.FS], and gives a [Topology]: online
// and allowed CPUs, NUMA nodes, packages, dies, clusters, cores, caches and
// kinds of cores. [ReadHost] does so for the machine it runs on.
// [Topology.Groups] then divides the allowed CPUs by a [Step], and
// [Topology.Shared] tells at which levels two groups get into each other's way.
//
// Everything comes from the machine as the kernel describes it, never from a
// formula over counts. Siblings are CPUs that core_cpus or thread_siblings
// list together, since core ids repeat within a package on real machines.
// What the files leave out is unknown rather than guessed, what they state
// twice in contradiction is settled the cautious way and reported in
// [Topology.Warnings], and a tree from which no sound answer follows is an
// error.
//
// The package imports the standard library, and golang.org/x/sys/unix in the
// one file that asks the kernel for the affinity of the process. It imports
// nothing of this module and keeps no state; a Topology and all that comes from
// it is immutable and may be shared freely. Read reads machines of more than 256
// CPUs with several goroutines, which have ended when it returns; it is the only
// one to start any.
package numa

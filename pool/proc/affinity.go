package proc

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// MemBind says how the memory of a job is bound to Command.Nodes.
type MemBind uint8

const (
	MemBindNone   MemBind = iota // not at all: the kernel's default, the node of the CPU that first touches it
	MemBindPrefer                // on these nodes while they have room
	MemBindStrict                // on these nodes only
)

// setAffinity lets the calling thread run on these CPUs only.
func setAffinity(cpus []int) error { return threadAffinity(0, cpus) }

func threadAffinity(tid int, cpus []int) error {
	if len(cpus) == 0 {
		return errors.New("no CPUs are given")
	}
	set := unix.NewCPUSet(slices.Max(cpus) + 1)
	for _, cpu := range cpus {
		set.Set(cpu)
	}
	return unix.SchedSetaffinityDynamic(tid, set)
}

// affinity gives the CPUs that the calling thread may run on. The kernel refuses sets that are smaller than its own.
func affinity() ([]int, error) {
	for size := 1024; ; size *= 2 {
		set := unix.NewCPUSet(size)
		err := unix.SchedGetaffinityDynamic(0, set)
		if err == unix.EINVAL && size < 1<<20 {
			continue
		}
		if err != nil {
			return nil, os.NewSyscallError("sched_getaffinity", err)
		}
		var cpus []int
		for cpu := range size {
			if set.IsSet(cpu) {
				cpus = append(cpus, cpu)
			}
		}
		return cpus, nil
	}
}

// bindMemory sets the memory policy of the calling thread, which its children inherit.
func bindMemory(bind MemBind, nodes []int) error {
	if bind == MemBindNone {
		return unix.SetMemPolicyDynamic(unix.MPOL_DEFAULT, nil)
	}
	if len(nodes) == 0 {
		return errors.New("the nodes of its CPUs are not known")
	}
	set := unix.NewCPUSet(slices.Max(nodes) + 2) // the kernel leaves the last bit out
	for _, node := range nodes {
		set.Set(node)
	}
	if bind == MemBindStrict {
		return unix.SetMemPolicyDynamic(unix.MPOL_BIND, set)
	}
	err := unix.SetMemPolicyDynamic(unix.MPOL_PREFERRED_MANY, set)
	if err == unix.EINVAL { // before Linux 5.15 it takes one node
		set.Zero()
		set.Set(slices.Min(nodes))
		err = unix.SetMemPolicyDynamic(unix.MPOL_PREFERRED, set)
	}
	return err
}

// place has what this thread forks next run where the command says, until restore is called. What the kernel refuses is
// a warning: the job runs all the same.
func (g *guardian) place(r *run, c *Command) (restore func()) {
	restore = func() {}
	if c.CPUs == nil {
		return restore
	}
	if err := setAffinity(c.CPUs); err != nil {
		r.exit.Unbound = true
		r.warn(fmt.Sprintf("run on CPUs %v: %v; it runs on those of the server", c.CPUs, err))
		return restore
	}
	if granted, err := affinity(); err == nil && len(granted) < len(c.CPUs) { // the kernel leaves out what the cpuset does not allow
		r.exit.Unbound = true
		r.warn(fmt.Sprintf("run on CPUs %v: only %v are allowed now", c.CPUs, granted))
	}
	if c.MemBind == MemBindNone {
		return func() { _ = setAffinity(g.cpus) }
	}
	if err := bindMemory(c.MemBind, c.Nodes); err != nil {
		r.warn(fmt.Sprintf("bind its memory to the NUMA nodes %v: %v; it is not bound", c.Nodes, err))
	}
	return func() {
		_ = setAffinity(g.cpus)
		_ = bindMemory(MemBindNone, nil)
	}
}

// confine lets all threads of this process, and those that it makes, run on these CPUs only.
func confine(cpus []int) error {
	for _, tid := range dirNames("/proc/self/task") {
		n, err := strconv.Atoi(tid)
		if err != nil {
			continue
		}
		if err := threadAffinity(n, cpus); err != nil && err != unix.ESRCH {
			return fmt.Errorf("run the server on CPUs %v: %w", cpus, err)
		}
	}
	return nil
}

package numa

import (
	"fmt"
	"io/fs"
	"os"
)

// Options are what [Read] cannot learn from the root.
type Options struct {
	// Affinity, when not empty, further limits the allowed CPUs. [ReadHost] gives the
	// affinity of the process; a snapshot has none.
	Affinity CPUSet
}

// ReadHost reads the machine that it runs on.
func ReadHost() (*Topology, error) {
	affinity, err := processAffinity()
	if err != nil {
		return nil, fmt.Errorf("reading the affinity of the process: %w", err)
	}
	return Read(os.DirFS("/"), Options{Affinity: affinity})
}

// Read reads the machine whose files lie under fsys: sys/devices/system/cpu and
// .../node, the cgroup tree where it is mounted, and of proc: self/cgroup,
// self/mountinfo (or mounts) and meminfo. All of them may be missing except
// that some CPU must be found, and in any of the formats since Linux 2.6. On
// large machines fsys is read from several goroutines at a time, as the file
// systems of the standard library allow.
//
// It is an error when no CPU is online, when the process's cpuset cannot be
// understood, or when it leaves none of the online CPUs: to go on would mean to
// guess what jobs may use. Everything else that is wrong makes the answer
// smaller and is told in [Topology.Warnings].
func Read(fsys fs.FS, opt Options) (*Topology, error) {
	s := newSource(fsys)
	online, err := s.online()
	if err != nil {
		return nil, err
	}
	t := &Topology{CPUs: online.cpus}
	if t.Allowed, err = s.allowed(online.cpus, opt.Affinity); err != nil {
		return nil, err
	}
	cores := s.cores(online)
	t.Nodes = s.nodes(online.cpus)
	t.Packages = s.domains(online, packageAttr(), "physical_package_id")
	t.Dies = s.domains(online, dieAttr(), "die_id")
	t.Clusters = s.domains(online, clusterAttr(), "cluster_id")
	t.Caches = s.caches(online, cores)
	t.Cores = describeCores(t, cores)
	s.markKinds(t)
	if s.dropped > 0 {
		s.warnings = append(s.warnings, fmt.Sprintf("and %d more", s.dropped))
	}
	t.Warnings = s.warnings
	return t, nil
}

// onlineCPUs are the CPUs that run, and those of them that have a folder.
type onlineCPUs struct {
	cpus, described CPUSet
}

// online finds the CPUs by cpu/online, or, on kernels before it, by the folders.
func (s *source) online() (onlineCPUs, error) {
	var b builder
	for _, cpu := range s.numbered(cpuDir, "cpu", MaxCPUs) {
		b.add(cpu)
	}
	folders := b.set()
	cpus, ok := s.list(cpuDir + "/online")
	if !ok || cpus.IsEmpty() {
		cpus = s.onlineFolders(folders)
	}
	if cpus.IsEmpty() {
		return onlineCPUs{}, fmt.Errorf("reading the topology: no online CPU in %s; is the root right?", cpuDir)
	}
	return onlineCPUs{cpus, cpus.Intersect(folders)}, nil
}

// onlineFolders leaves out the folders of offline CPUs: their own file says
// so, or they have no topology where others have one.
func (s *source) onlineFolders(folders CPUSet) CPUSet {
	var running, withTopology builder
	for cpu := range folders.All() {
		if state, ok := s.text(cpuPath(cpu) + "online"); ok && state == "0" {
			continue
		}
		running.add(cpu)
		if info, err := fs.Stat(s.fsys, cpuPath(cpu)+"topology"); err == nil && info.IsDir() {
			withTopology.add(cpu)
		}
	}
	if known := withTopology.set(); !known.IsEmpty() {
		return known
	}
	return running.set()
}

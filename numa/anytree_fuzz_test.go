package numa

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

// smallTrees are machines written as filesOf reads them.
var smallTrees = []string{
	"sys/devices/system/cpu/online 0-3\nsys/devices/system/cpu/cpu0/topology/core_cpus_list 0,2\nsys/devices/system/cpu/cpu1/topology/core_cpus_list 1,3\n" +
		"sys/devices/system/cpu/cpu2/topology/core_cpus_list 0,2\nsys/devices/system/cpu/cpu3/topology/core_cpus_list 1,3\n" +
		"sys/devices/system/node/online 0-1\nsys/devices/system/node/node0/cpulist 0,2\nsys/devices/system/node/node1/cpulist 1,3\n" +
		"sys/devices/system/node/node0/meminfo Node 0 MemTotal:  1024 kB",
	"sys/devices/system/cpu/cpu0/online 1\nsys/devices/system/cpu/cpu0/topology/thread_siblings 00000003\nsys/devices/system/cpu/cpu1/topology/thread_siblings 00000003\n" +
		"sys/devices/system/cpu/cpu0/cache/index0/level 1\nsys/devices/system/cpu/cpu0/cache/index0/type Data\nsys/devices/system/cpu/cpu0/cache/index0/shared_cpu_map 3\n" +
		"sys/devices/system/cpu/cpu0/cache/index0/size 32K",
	"sys/devices/system/cpu/online 0-7\nproc/self/cgroup 0::/a/b\nproc/self/mountinfo 30 1 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n" +
		"sys/fs/cgroup/a/b/cpuset.cpus.effective 2-3\nsys/fs/cgroup/a/cpuset.cpus.effective 2-5",
	"sys/devices/system/cpu/online 0-7\nproc/self/cgroup 4:cpuset:/x|0::/\nproc/mounts cgroup /sys/fs/cgroup/cpuset cgroup rw,cpuset 0 0\n" +
		"sys/fs/cgroup/cpuset/x/cpuset.cpus 0-1,4\nproc/meminfo MemTotal: 99999999999999999999 kB",
	"sys/devices/system/cpu/online 0-4294967295", "sys/devices/system/cpu 0", "sys/devices/system/cpu/cpu0 0\nsys/devices/system/cpu/cpu0/topology 0",
}

// FuzzAnyTree holds that a tree of any files with any content gives an error or a sound answer.
func FuzzAnyTree(f *testing.F) {
	for _, tree := range smallTrees {
		f.Add(tree)
	}
	for _, content := range hostile {
		f.Add("sys/devices/system/cpu/cpu0/topology/core_id 0\nsys/devices/system/cpu/online " + strings.ReplaceAll(content, "\n", "|"))
	}
	f.Fuzz(func(t *testing.T, text string) {
		root := filesOf(text)
		if top, err := Read(root, Options{}); err == nil && top.CPUs.Len() > 1024 {
			checkTopology(t, top) // all groups of so many would take the fuzzer's time
			return
		}
		checkReadable(t, root)
	})
}

// filesOf reads a tree: a file a line, its path, a space, and its content with | for line breaks.
func filesOf(text string) fs.FS {
	tree := fstest.MapFS{}
	for line := range strings.SplitSeq(text, "\n") {
		if path, content, _ := strings.Cut(line, " "); fs.ValidPath(path) && path != "." {
			tree[path] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(content, "|", "\n")), Mode: 0o444}
		}
	}
	return tree
}

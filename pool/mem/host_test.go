package mem

import (
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

const gib = 1 << 30

// files makes a filesystem of made-up files. Those without a folder of their own are of the process.
func files(text map[string]string) fstest.MapFS {
	made := fstest.MapFS{}
	for name, content := range text {
		made[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return made
}

const (
	v2Mount     = "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
	v1Mount     = "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	otherMounts = "23 1 0:5 / / rw - ext4 /dev/vda rw\n30 23 0:6 / /proc rw - proc proc rw\n" +
		"33 31 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
	unifiedMount = "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
	none         = "9223372036854771712\n"
	cgroup       = "proc/self/cgroup"
	mountinfo    = "proc/self/mountinfo"
)

// The machine of these has 16 GiB, of which 10 are available.
var containers = []struct {
	name      string
	files     map[string]string
	total     int64
	available int64
	limit     string // the file; "" where no limit counts
}{
	{"no cgroups at all", nil, 16 * gib, 10 * gib, ""},
	{"no cgroup mounted", map[string]string{cgroup: "0::/a\n", mountinfo: otherMounts}, 16 * gib, 10 * gib, ""},
	{"v2 without limit", map[string]string{cgroup: "0::/a\n", mountinfo: otherMounts + v2Mount,
		"sys/fs/cgroup/a/memory.max": "max\n", "sys/fs/cgroup/a/memory.high": "max\n"}, 16 * gib, 10 * gib, ""},
	{"v2 with a limit and nothing used", map[string]string{cgroup: "0::/a\n", mountinfo: otherMounts + v2Mount,
		"sys/fs/cgroup/a/memory.max": "2147483648\n"}, 2 * gib, 2 * gib, "/sys/fs/cgroup/a/memory.max"},
	{"v2 with reclaimable caches", map[string]string{cgroup: "0::/a\n", mountinfo: v2Mount,
		"sys/fs/cgroup/a/memory.max":     "4294967296\n",
		"sys/fs/cgroup/a/memory.current": "3221225472\n",
		"sys/fs/cgroup/a/memory.stat":    "anon 1\ninactive_file 1073741824\nactive_file 536870912\nslab_reclaimable 268435456\nslab 1\n",
	}, 4 * gib, 2*gib + gib/4 + gib/8, "/sys/fs/cgroup/a/memory.max"},
	{"v2, nothing left", map[string]string{cgroup: "0::/a\n", mountinfo: v2Mount,
		"sys/fs/cgroup/a/memory.max": "1073741824\n", "sys/fs/cgroup/a/memory.current": "1073750000\n"}, gib, 0, "/sys/fs/cgroup/a/memory.max"},
	{"v2, the machine has less than the limit leaves", map[string]string{cgroup: "0::/a\n", mountinfo: v2Mount,
		"sys/fs/cgroup/a/memory.max": "12884901888\n"}, 12 * gib, 10 * gib, "/sys/fs/cgroup/a/memory.max"},
	{"v2, slowed down before the limit", map[string]string{cgroup: "0::/a\n", mountinfo: v2Mount,
		"sys/fs/cgroup/a/memory.max": "4294967296\n", "sys/fs/cgroup/a/memory.high": "3221225472\n"}, 3 * gib, 3 * gib, "/sys/fs/cgroup/a/memory.high"},
	{"v2 nested, the limit is in the middle", map[string]string{cgroup: "0::/top/mid/own\n", mountinfo: v2Mount,
		"sys/fs/cgroup/top/memory.max": "8589934592\n", "sys/fs/cgroup/top/mid/memory.max": "1073741824\n",
		"sys/fs/cgroup/top/mid/own/memory.max": "2147483648\n"}, gib, gib, "/sys/fs/cgroup/top/mid/memory.max"},
	{"v2 nested, a neighbour uses up the upper limit", map[string]string{cgroup: "0::/top/own\n", mountinfo: v2Mount,
		"sys/fs/cgroup/top/memory.max": "4294967296\n", "sys/fs/cgroup/top/memory.current": "3758096384\n",
		"sys/fs/cgroup/top/own/memory.max": "2147483648\n", "sys/fs/cgroup/top/own/memory.current": "4096\n"},
		2 * gib, gib / 2, "/sys/fs/cgroup/top/own/memory.max"},
	{"v2 in a namespace", map[string]string{cgroup: "0::/\n", mountinfo: otherMounts + v2Mount,
		"sys/fs/cgroup/memory.max": "1073741824\n"}, gib, gib, "/sys/fs/cgroup/memory.max"},
	{"v2 outside of its namespace", map[string]string{cgroup: "0::/../other\n", mountinfo: v2Mount,
		"sys/fs/cgroup/memory.max": "1073741824\n"}, gib, gib, "/sys/fs/cgroup/memory.max"},
	{"v2, part of the tree mounted", map[string]string{cgroup: "0::/pod/own\n",
		mountinfo:                      "31 23 0:28 /pod /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
		"sys/fs/cgroup/own/memory.max": "1073741824\n"}, gib, gib, "/sys/fs/cgroup/own/memory.max"},
	{"v2, the cgroups of others mounted as well", map[string]string{cgroup: "0::/pod/own\n",
		mountinfo: "29 23 0:28 /other /mnt/other rw - cgroup2 cgroup2 rw\n31 23 0:28 /pod/own /mnt/own rw - cgroup2 cgroup2 rw\n" +
			"32 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
		"mnt/other/memory.max": "4096\n", "mnt/own/memory.max": "2147483648\n", "sys/fs/cgroup/pod/memory.max": "1073741824\n"},
		gib, gib, "/sys/fs/cgroup/pod/memory.max"},
	{"v2 at a path with blanks", map[string]string{cgroup: "0::/a b\n",
		mountinfo:                       `31 23 0:28 / /mnt/cg\040roups rw - cgroup2 cgroup2 rw` + "\n",
		"mnt/cg roups/a b/memory.max":   "1073741824\n",
		"mnt/cg\\040roups/memory.other": ""}, gib, gib, "/mnt/cg roups/a b/memory.max"},
	{"v2, the mounts are not known", map[string]string{cgroup: "0::/a\n",
		"sys/fs/cgroup/a/memory.max": "1073741824\n"}, gib, gib, "/sys/fs/cgroup/a/memory.max"},
	{"v2, a limit above the RAM", map[string]string{cgroup: "0::/a\n", mountinfo: v2Mount,
		"sys/fs/cgroup/a/memory.max": "17179869185\n"}, 16 * gib, 10 * gib, ""},
	{"v2, a limit that is the RAM", map[string]string{cgroup: "0::/a\n", mountinfo: v2Mount,
		"sys/fs/cgroup/a/memory.max": "17179869184\n"}, 16 * gib, 10 * gib, "/sys/fs/cgroup/a/memory.max"},
	{"v1 without limit", map[string]string{cgroup: "4:memory:/a\n1:cpu:/\n", mountinfo: otherMounts + v1Mount,
		"sys/fs/cgroup/memory/a/memory.limit_in_bytes": none}, 16 * gib, 10 * gib, ""},
	{"v1 with a limit", map[string]string{cgroup: "4:cpuacct,memory:/a\n1:cpu:/\n", mountinfo: otherMounts + v1Mount,
		"sys/fs/cgroup/memory/memory.limit_in_bytes":   none,
		"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "4294967296\n",
		"sys/fs/cgroup/memory/a/memory.usage_in_bytes": "3221225472\n",
		"sys/fs/cgroup/memory/a/memory.stat":           "inactive_file 5\ntotal_inactive_file 1073741824\ntotal_active_file 1073741824\n",
	}, 4 * gib, 2*gib + gib/2, "/sys/fs/cgroup/memory/a/memory.limit_in_bytes"},
	{"v1 in a container that sees the host's path", map[string]string{cgroup: "4:memory:/docker/0a1b\n",
		mountinfo: "35 31 0:32 /docker/0a1b /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
		"sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824\n"}, gib, gib, "/sys/fs/cgroup/memory/memory.limit_in_bytes"},
	{"v1, mounted under another name", map[string]string{cgroup: "4:memory:/kubepods/x\n",
		mountinfo: "35 31 0:32 /docker/0a1b /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
		"sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824\n"}, gib, gib, "/sys/fs/cgroup/memory/memory.limit_in_bytes"},
	{"v1, the limit is out of sight", map[string]string{cgroup: "4:memory:/\n", mountinfo: v1Mount,
		"sys/fs/cgroup/memory/memory.limit_in_bytes": none, "sys/fs/cgroup/memory/memory.usage_in_bytes": "4096\n",
		"sys/fs/cgroup/memory/memory.stat": "cache 0\nhierarchical_memory_limit 2147483648\n"}, 2 * gib, 2*gib - 4096, "/sys/fs/cgroup/memory/memory.stat"},
	{"hybrid, the controller is of v1", map[string]string{cgroup: "4:memory:/a\n0::/b\n", mountinfo: otherMounts + v1Mount + unifiedMount,
		"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "1073741824\n", "sys/fs/cgroup/unified/b/cgroup.procs": "1\n"},
		gib, gib, "/sys/fs/cgroup/memory/a/memory.limit_in_bytes"},
	{"hybrid, the controller is of v2", map[string]string{cgroup: "1:name=systemd:/a\n0::/b\n", mountinfo: otherMounts + unifiedMount,
		"sys/fs/cgroup/unified/b/memory.max": "1073741824\n"}, gib, gib, "/sys/fs/cgroup/unified/b/memory.max"},
	{"a file that is no number", map[string]string{cgroup: "0::/a\n", mountinfo: v2Mount,
		"sys/fs/cgroup/a/memory.max": "lots\n", "sys/fs/cgroup/a/memory.high": "-1\n"}, 16 * gib, 10 * gib, ""},
	{"broken lines", map[string]string{cgroup: "nonsense\n0:\n::\n4:memory\n", mountinfo: "1 2 3\n- - -\n\n" + v2Mount,
		"sys/fs/cgroup/memory.max": "1073741824\n"}, 16 * gib, 10 * gib, ""},
}

func TestTheLowestLimitOnTheWayToTheRootCounts(t *testing.T) {
	for _, c := range containers {
		t.Run(c.name, func(t *testing.T) {
			root := files(c.files)
			h, _ := contained(root, Host{RAM: 16 * gib, Available: 10 * gib, SwapTotal: 7, SwapUsed: 5})
			want := Host{RAM: 16 * gib, Total: c.total, Available: c.available, Reserve: Reserve(c.total, 0),
				SwapTotal: 7, SwapUsed: 5, Container: c.limit != "", Limit: c.limit}
			if h != want {
				t.Errorf("got %+v, want %+v", h, want)
			}
		})
	}
}

func TestTheReserveCoversWhatTheKernelKeepsAndAShare(t *testing.T) {
	for _, c := range []struct{ total, kernel, want int64 }{
		{0, 0, 0}, {-5, 0, 0}, {64 * mib, 0, 16 * mib}, {gib, 0, 32 * mib}, {16 * gib, 0, 256 * mib},
		{16 * gib, 99 * mib, 355 * mib}, {512 * gib, 0, gib}, {512 * gib, 2 * gib, 3 * gib}, {gib, 5 * gib, gib / 4},
	} {
		if got := Reserve(c.total, c.kernel); got != c.want {
			t.Errorf("total %d, kernel %d: got %d, want %d", c.total, c.kernel, got, c.want)
		}
	}
}

func TestTheKernelKeepsItsWatermarks(t *testing.T) {
	vm := func(free, scale string) fs.FS {
		return files(map[string]string{"proc/sys/vm/min_free_kbytes": free, "proc/sys/vm/watermark_scale_factor": scale})
	}
	for _, c := range []struct {
		root fs.FS
		want int64
	}{
		{vm("65536\n", "10\n"), 64*mib + 2*32_000_000},
		{vm("4096\n", "10\n"), 4*mib + 2*32_000_000},
		{vm("65536\n", "200\n"), 64*mib + 2*640_000_000},
		{vm("1048576\n", "10\n"), gib + 2*gib/4},
		{vm("65536\n", ""), 64*mib + 2*32_000_000},
		{vm("65536\n", "10001\n"), 64*mib + 2*32_000_000},
		{vm("", "10\n"), 0},
		{vm("99999999999\n", "10\n"), 0},
		{files(nil), 0},
	} {
		if got := keptByKernel(c.root, 32_000_000_000); got != c.want {
			t.Errorf("%v: got %d, want %d", c.root, got, c.want)
		}
	}
	h, _ := contained(vm("65536\n", "10\n"), Host{RAM: 32_000_000_000, Available: gib})
	if want := int64(64*mib + 64_000_000 + 500_000_000); h.Reserve != want {
		t.Errorf("got %+v, want reserve %d", h, want)
	}
	inside := files(map[string]string{"proc/sys/vm/min_free_kbytes": "65536\n", cgroup: "0::/a\n", "sys/fs/cgroup/a/memory.max": "6400000000\n"})
	if h, _ := contained(inside, Host{RAM: 32_000_000_000}); h.Reserve != 100_000_000 {
		t.Errorf("in a container: got %+v, want a reserve without the kernel's share", h)
	}
}

func TestThisHostIsSane(t *testing.T) {
	h, err := ReadHost(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", h)
	if h.RAM < 64*mib || h.Total <= 0 || h.Total > h.RAM || h.Available < 0 || h.Available > h.Total ||
		h.Reserve <= 0 || h.Reserve > h.Total/4 || h.SwapUsed < 0 || h.SwapUsed > h.SwapTotal || h.Container != (h.Limit != "") {
		t.Errorf("got %+v", h)
	}
	limited, err := ReadHost(files(map[string]string{cgroup: "0::/a\n", mountinfo: v2Mount, "sys/fs/cgroup/a/memory.max": "33554432\n"}))
	if err != nil || limited.Total != 32*mib || limited.RAM != h.RAM {
		t.Errorf("under a limit of 32 MiB: got %+v, %v", limited, err)
	}
}

func TestAHostThatDoesNotTellItsMemoryIsAnError(t *testing.T) {
	t.Setenv("HOST_PROC", t.TempDir()) // where gopsutil looks
	if h, err := ReadHost(nil); err == nil {
		t.Errorf("got %+v without meminfo", h)
	}
	m := New(Config{})
	if u := m.Measure([]Target{{Main: os.Getpid()}}, nil)[0]; !u.OK || u.Mem < u.RSS*9/10+u.VMS/10-1 {
		t.Errorf("got %+v, want VMS without a bound", u)
	}
}

func FuzzLimits(f *testing.F) {
	for _, c := range containers {
		f.Add(c.files[cgroup], c.files[mountinfo])
	}
	f.Fuzz(func(t *testing.T, groups, mounts string) {
		root := files(map[string]string{cgroup: groups, mountinfo: mounts})
		if h, _ := contained(root, Host{RAM: gib}); h.Container {
			t.Errorf("got %+v without any file of cgroups", h)
		}
		for i := range versions {
			for _, dir := range versions[i].path(groups, mounts) {
				if strings.Contains("/"+dir+"/", "/../") {
					t.Errorf("the cgroup is at %q", dir)
				}
			}
		}
	})
}

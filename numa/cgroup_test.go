package numa

import (
	"strings"
	"testing"
)

// cgroupMachine has CPUs 0-7, one node, and the files given.
func cgroupMachine(files map[string]string) *memFS {
	root := newMemFS()
	root.write(cpuDir+"/online", "0-7\n")
	for name, content := range files {
		root.write(name, content)
	}
	return root
}

func TestAllowedCPUsFollowTheCgroup(t *testing.T) {
	const (
		v2Info    = "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
		v1Info    = "34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset\n"
		otherInfo = "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
	)
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"no cgroup files", nil, "0-7"},
		{"v2", map[string]string{
			"proc/self/cgroup": "0::/a/b\n", "proc/self/mountinfo": v2Info,
			"sys/fs/cgroup/a/b/cpuset.cpus.effective": "2-3\n", "sys/fs/cgroup/a/cpuset.cpus.effective": "2-5\n",
		}, "2-3"},
		{"v2, controller enabled at the parent only", map[string]string{
			"proc/self/cgroup": "0::/a/b/c\n", "proc/self/mountinfo": v2Info,
			"sys/fs/cgroup/a/b/cgroup.procs": "", "sys/fs/cgroup/a/cpuset.cpus.effective": "4,6\n",
		}, "4,6"},
		{"v2, root group", map[string]string{
			"proc/self/cgroup": "0::/\n", "proc/self/mountinfo": v2Info,
			"sys/fs/cgroup/cpuset.cpus.effective": "0-5\n",
		}, "0-5"},
		{"v2, group outside of the cgroup namespace", map[string]string{
			"proc/self/cgroup": "0::/../../x\n", "proc/self/mountinfo": v2Info,
			"sys/fs/cgroup/cpuset.cpus.effective": "1\n", "sys/fs/cgroup/x/cpuset.cpus.effective": "2\n",
		}, "1"},
		{"v2, mounted from the group in a container", map[string]string{
			"proc/self/cgroup":                        "0::/docker/abc/sub\n",
			"proc/self/mountinfo":                     "31 23 0:28 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
			"sys/fs/cgroup/sub/cpuset.cpus.effective": "3\n", "sys/fs/cgroup/cpuset.cpus.effective": "3-4\n",
		}, "3"},
		{"v2, a sibling of what is mounted", map[string]string{
			"proc/self/cgroup":                    "0::/docker/abcdef\n",
			"proc/self/mountinfo":                 "31 23 0:28 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
			"sys/fs/cgroup/cpuset.cpus.effective": "3-4\n", "sys/fs/cgroup/def/cpuset.cpus.effective": "5\n",
		}, "3-4"},
		{"v2, mounts without mountinfo", map[string]string{
			"proc/self/cgroup": "0::/a\n", "proc/mounts": "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n",
			"sys/fs/cgroup/a/cpuset.cpus.effective": "6-7\n",
		}, "6-7"},
		{"v2, no mounts at all", map[string]string{
			"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpuset.cpus.effective": "6\n",
		}, "6"},
		{"v1, effective CPUs", map[string]string{
			"proc/self/cgroup": "9:name=systemd:/\n4:memory:/m\n3:cpuset:/jobs\n", "proc/self/mountinfo": otherInfo + v1Info,
			"sys/fs/cgroup/cpuset/jobs/cpuset.cpus": "0-9\n", "sys/fs/cgroup/cpuset/jobs/cpuset.effective_cpus": "0-3\n",
		}, "0-3"},
		{"v1, old kernel", map[string]string{
			"proc/self/cgroup": "3:cpuset,cpu:/jobs\n", "proc/self/mountinfo": v1Info,
			"sys/fs/cgroup/cpuset/jobs/cpuset.cpus": "5-9\n",
		}, "5-7"},
		{"v1, docker without cgroup namespace", map[string]string{
			"proc/self/cgroup":                 "3:cpuset:/docker/abc\n",
			"proc/self/mountinfo":              "34 31 0:31 /docker/abc /sys/fs/cgroup/cpuset ro - cgroup cgroup rw,cpuset\n",
			"sys/fs/cgroup/cpuset/cpuset.cpus": "2\n",
		}, "2"},
		{"v1, the path is not visible in the container", map[string]string{
			"proc/self/cgroup": "3:cpuset:/docker/abc\n", "proc/self/mountinfo": v1Info,
			"sys/fs/cgroup/cpuset/cpuset.cpus": "2-4\n",
		}, "2-4"},
		{"cpuset filesystem", map[string]string{
			"proc/self/cgroup": "3:cpuset:/batch\n", "proc/mounts": "none /sys/cpuset cpuset rw 0 0\n",
			"sys/cpuset/batch/cpus": "1,3\n",
		}, "1,3"},
		{"cpuset path without a cgroup file", map[string]string{
			"proc/self/cpuset": "/batch\n", "proc/mounts": "none /sys/cpuset cpuset rw 0 0\n",
			"sys/cpuset/batch/cpus": "1\n",
		}, "1"},
		{"hybrid: the controller is in v1", map[string]string{
			"proc/self/cgroup":                   "3:cpuset:/a\n0::/b\n",
			"proc/self/mountinfo":                v1Info + "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
			"sys/fs/cgroup/cpuset/a/cpuset.cpus": "0\n", "sys/fs/cgroup/unified/b/cgroup.procs": "",
		}, "0"},
		{"blanks in the mount point and colons in the path", map[string]string{
			"proc/self/cgroup": "0::/a:b\n", "proc/self/mountinfo": "31 23 0:28 / /sys/my\\040cgroup rw - cgroup2 cgroup2 rw\n",
			"sys/my cgroup/a:b/cpuset.cpus.effective": "7\n",
		}, "7"},
		{"an empty set is inherited", map[string]string{
			"proc/self/cgroup": "0::/a\n", "proc/self/mountinfo": v2Info,
			"sys/fs/cgroup/a/cpuset.cpus": "\n", "sys/fs/cgroup/cpuset.cpus.effective": "0-1\n",
		}, "0-1"},
		{"not mounted", map[string]string{
			"proc/self/cgroup": "0::/a\n", "proc/self/mountinfo": otherInfo,
			"sys/fs/cgroup/a/cpuset.cpus.effective": "1\n",
		}, "0-7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			top, err := Read(cgroupMachine(c.files), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := top.Allowed.String(); got != c.want {
				t.Errorf("allowed are %s, want %s", got, c.want)
			}
			checkTopology(t, top)
			checkAllGroups(t, top)
		})
	}
}

func TestAffinityFurtherLimitsTheAllowedCPUs(t *testing.T) {
	root := cgroupMachine(map[string]string{"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpuset.cpus.effective": "2-5\n"})
	top, err := Read(root, Options{Affinity: mustList(t, "0-3,9")})
	if err != nil {
		t.Fatal(err)
	}
	if got := top.Allowed.String(); got != "2-3" {
		t.Errorf("allowed are %s, want 2-3", got)
	}
}

func TestCpusetsThatLeaveNothingOrAreUnreadableAreErrors(t *testing.T) {
	for _, c := range []struct{ cpus, want string }{
		{"8-9\n", "leave none of the online CPUs 0-7"},
		{"0-\n", "sys/fs/cgroup/a/cpuset.cpus.effective"},
		{"0-4294967295", "beyond the highest possible"},
	} {
		root := cgroupMachine(map[string]string{"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpuset.cpus.effective": c.cpus})
		_, err := Read(root, Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("cpuset %q: error %v, want one with %q", c.cpus, err, c.want)
		}
	}
}

func TestEscapesOfMountsAreResolved(t *testing.T) {
	for text, want := range map[string]string{
		`/a\040b`: "/a b", `/plain`: "/plain", `/end\`: `/end\`, `/x\9zz`: `/x\9zz`, `\134`: `\`, `\777`: `\777`,
	} {
		if got := unescape(text); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}

package numa

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// hierarchy is one of the two kinds of cgroup trees that can limit CPUs. Where
// both are mounted, the controller lives in one of them, and the other has none
// of the files.
type hierarchy struct {
	name    string
	mounted func(mount) bool
	usual   []string // mount points to try when the mounts are not known
	files   []string // the CPUs of a cgroup, most to the point first
}

var hierarchies = []hierarchy{
	{
		name:    "cgroup v2",
		mounted: func(m mount) bool { return m.fstype == "cgroup2" },
		usual:   []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"},
		files:   []string{"cpuset.cpus.effective", "cpuset.cpus"},
	},
	{
		name: "cgroup v1",
		mounted: func(m mount) bool {
			return m.fstype == "cpuset" || m.fstype == "cgroup" && slices.Contains(m.options, "cpuset")
		},
		usual: []string{"/sys/fs/cgroup/cpuset", "/dev/cpuset"},
		files: []string{"cpuset.effective_cpus", "cpuset.cpus", "effective_cpus", "cpus"},
	},
}

// mount is one line of mountinfo or mounts.
type mount struct {
	root    string // the folder of the filesystem that is mounted
	point   string
	fstype  string
	options []string
}

// allowed gives the online CPUs that the cpuset and the affinity leave.
func (s *source) allowed(online, affinity CPUSet) (CPUSet, error) {
	allowed := online
	if !affinity.IsEmpty() {
		allowed = allowed.Intersect(affinity)
	}
	mounts, known := s.mounts()
	memberships := s.memberships()
	for _, h := range hierarchies {
		member, ok := memberships[h.name]
		if !ok {
			continue
		}
		cpus, limited, err := s.cpuset(h, h.trees(mounts, known), member)
		if err != nil {
			return CPUSet{}, fmt.Errorf("reading the allowed CPUs of %s %s: %w", h.name, clip(member), err)
		}
		if limited {
			allowed = allowed.Intersect(cpus)
		}
	}
	if allowed.IsEmpty() {
		return CPUSet{}, fmt.Errorf("reading the allowed CPUs: cpuset and affinity leave none of the online CPUs %s", online)
	}
	return allowed, nil
}

// trees gives the mounts of the hierarchy.
func (h hierarchy) trees(mounts []mount, known bool) []mount {
	var trees []mount
	for _, m := range mounts {
		if h.mounted(m) {
			trees = append(trees, m)
		}
	}
	if known {
		return trees
	}
	for _, point := range h.usual {
		trees = append(trees, mount{root: "/", point: point})
	}
	return trees
}

// cpuset finds the CPUs of the cgroup, or of its nearest ancestor that has a
// say: the controller need not be enabled all the way down.
func (s *source) cpuset(h hierarchy, trees []mount, member string) (cpus CPUSet, limited bool, err error) {
	for _, m := range trees {
		for dir := m.within(member); ; dir = path.Dir(dir) {
			for _, file := range h.files {
				name := strings.TrimPrefix(path.Join(m.point, dir, file), "/")
				content, ok := s.text(name)
				if !ok || content == "" {
					continue
				}
				cpus, err := ParseList(content)
				if err != nil {
					return CPUSet{}, false, fmt.Errorf("%s: %w", name, err)
				}
				return cpus, true, nil
			}
			if dir == "/" {
				break
			}
		}
	}
	return CPUSet{}, false, nil
}

// within gives the place of a cgroup below the mount point. One outside of
// what is mounted, as seen from a container, is the mount's root.
func (m mount) within(member string) string {
	if strings.HasPrefix(member, "/..") {
		return "/"
	}
	member = path.Clean("/" + member)
	root := path.Clean("/" + m.root)
	if root == "/" {
		return member
	}
	if rest, ok := strings.CutPrefix(member, root); ok && (rest == "" || rest[0] == '/') {
		return path.Clean("/" + rest)
	}
	return "/"
}

// memberships gives the path of the process in each hierarchy, by name.
func (s *source) memberships() map[string]string {
	members := map[string]string{}
	content, ok := s.text("proc/self/cgroup")
	if !ok {
		if member, ok := s.text("proc/self/cpuset"); ok && member != "" {
			members["cgroup v1"], members["cgroup v2"] = member, member
		}
		return members
	}
	for line := range strings.SplitSeq(content, "\n") {
		id, rest, _ := strings.Cut(strings.TrimRight(line, padding), ":")
		controllers, member, ok := strings.Cut(rest, ":")
		switch {
		case line == "":
		case !ok:
			s.warn("ignored a line of proc/self/cgroup: %s", clip(line))
		case id == "0" && controllers == "":
			members["cgroup v2"] = member
		case slices.Contains(strings.Split(controllers, ","), "cpuset"):
			members["cgroup v1"] = member
		}
	}
	return members
}

// mounts reads what is mounted where; known is false when no file tells.
func (s *source) mounts() (mounts []mount, known bool) {
	if content, ok := s.text("proc/self/mountinfo"); ok {
		return parseMounts(content, parseMountinfo), true
	}
	for _, name := range []string{"proc/self/mounts", "proc/mounts"} {
		if content, ok := s.text(name); ok {
			return parseMounts(content, parseMountsLine), true
		}
	}
	return nil, false
}

func parseMounts(content string, parse func([]string) (mount, bool)) []mount {
	var mounts []mount
	for line := range strings.SplitSeq(content, "\n") {
		if m, ok := parse(strings.Fields(line)); ok {
			m.root, m.point = unescape(m.root), unescape(m.point)
			mounts = append(mounts, m)
		}
	}
	return mounts
}

// parseMountinfo reads "36 35 98:0 /root /point rw,opt tag:1 - type source rw,opt".
func parseMountinfo(fields []string) (mount, bool) {
	dash := slices.Index(fields, "-")
	if dash < 6 || len(fields) < dash+4 {
		return mount{}, false
	}
	return mount{fields[3], fields[4], fields[dash+1], strings.Split(fields[dash+3], ",")}, true
}

// parseMountsLine reads "source /point type rw,opt 0 0".
func parseMountsLine(fields []string) (mount, bool) {
	if len(fields) < 4 {
		return mount{}, false
	}
	return mount{"/", fields[1], fields[2], strings.Split(fields[3], ",")}, true
}

// unescape resolves the octal escapes of blanks in mount points: "\040".
func unescape(text string) string {
	var plain strings.Builder
	for {
		before, after, ok := strings.Cut(text, `\`)
		plain.WriteString(before)
		if !ok {
			return plain.String()
		}
		if len(after) >= 3 {
			if n, err := strconv.ParseUint(after[:3], 8, 8); err == nil {
				plain.WriteByte(byte(n))
				text = after[3:]
				continue
			}
		}
		plain.WriteByte('\\')
		text = after
	}
}

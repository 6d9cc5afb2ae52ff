package mem

import (
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// version is one of the two kinds of cgroups. Where both are mounted, the memory controller lives in one of them, and the
// other has none of the files.
type version struct {
	id      func(fields []string) bool // of a line of /proc/self/cgroup: number, controllers, path
	mounted func(m mount) bool
	usual   string   // mount point to try when the mounts are not known
	limits  []string // files with limits
	usage   string   // file
	// keys of memory.stat, which cover the whole tree below
	inactive, active, slab string
	above                  string // the lowest limit up to the root, also of cgroups that a container doesn't see
}

var versions = []version{
	{
		id:      func(fields []string) bool { return fields[0] == "0" && fields[1] == "" },
		mounted: func(m mount) bool { return m.fstype == "cgroup2" },
		usual:   "/sys/fs/cgroup",
		limits:  []string{"memory.max", "memory.high"}, // above high, all that allocate are slowed down to a crawl
		usage:   "memory.current", inactive: "inactive_file", active: "active_file", slab: "slab_reclaimable",
	},
	{
		id:      func(fields []string) bool { return slices.Contains(strings.Split(fields[1], ","), "memory") },
		mounted: func(m mount) bool { return m.fstype == "cgroup" && slices.Contains(m.options, "memory") },
		usual:   "/sys/fs/cgroup/memory",
		limits:  []string{"memory.limit_in_bytes"},
		usage:   "memory.usage_in_bytes", inactive: "total_inactive_file", active: "total_active_file",
		above: "hierarchical_memory_limit",
	},
}

// group is one cgroup.
type group struct {
	dir     string // folder in the root
	version *version
}

// limit is a memory limit that holds for this process.
type limit struct {
	bytes int64
	file  string // absolute
	group group
}

// limits gives all limits on this process, from its own cgroup up to the root of what is mounted.
func limits(root fs.FS) []limit {
	groups, mounts := readText(root, "proc/self/cgroup"), readText(root, "proc/self/mountinfo")
	var found []limit
	for i := range versions {
		v := &versions[i]
		for nth, dir := range v.path(groups, mounts) {
			g := group{dir, v}
			found = append(found, g.limits(root)...)
			if nth == 0 {
				found = append(found, g.limitsAbove(root)...)
			}
		}
	}
	return found
}

// limits gives the limits of the cgroup itself.
func (g group) limits(root fs.FS) (found []limit) {
	for _, name := range g.version.limits {
		file := path.Join(g.dir, name)
		if n, ok := readNumber(root, file); ok { // "max" is none
			found = append(found, limit{n, "/" + file, g})
		}
	}
	return found
}

// limitsAbove gives what the cgroup knows of limits above it.
func (g group) limitsAbove(root fs.FS) []limit {
	if g.version.above == "" {
		return nil
	}
	n, ok := g.stat(root)[g.version.above]
	if !ok {
		return nil
	}
	return []limit{{n, "/" + path.Join(g.dir, "memory.stat"), g}}
}

// used is what can't be reclaimed at once: not the file cache, of which the recently used half is left to the programs that
// use it, as are half of the kernel's own caches.
func (g group) used(root fs.FS) int64 {
	n, _ := readNumber(root, path.Join(g.dir, g.version.usage))
	stat := g.stat(root)
	return max(n-stat[g.version.inactive]-stat[g.version.active]/2-stat[g.version.slab]/2, 0)
}

// stat reads memory.stat: lines of a key and a number.
func (g group) stat(root fs.FS) map[string]int64 {
	stat := map[string]int64{}
	for line := range strings.Lines(readText(root, path.Join(g.dir, "memory.stat"))) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			stat[key] = n
		}
	}
	return stat
}

// path gives the folders from our own cgroup up to the mount point.
func (v *version) path(groups, mounts string) (dirs []string) {
	member, ok := v.member(groups)
	if !ok {
		return nil
	}
	m, ok := v.mount(mounts, member)
	if !ok {
		return nil
	}
	for at := m.within(member); ; at = path.Dir(at) {
		dirs = append(dirs, strings.TrimPrefix(path.Join(m.point, at), "/"))
		if at == "/" {
			return dirs
		}
	}
}

// member finds our cgroup.
func (v *version) member(groups string) (string, bool) {
	for line := range strings.Lines(groups) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(fields) == 3 && v.id(fields) {
			return fields[2], true
		}
	}
	return "", false
}

// mount finds the mount that shows most of the way up from our cgroup. If none shows the cgroup, the first one is taken
// for that of a container, whose root is our cgroup under another name.
func (v *version) mount(mounts, member string) (best mount, ok bool) {
	if mounts == "" {
		return mount{root: "/", point: v.usual}, true
	}
	for line := range strings.Lines(mounts) {
		m, parsed := parseMount(strings.Fields(line))
		if !parsed || !v.mounted(m) {
			continue
		}
		better := m.holds(member) && (!best.holds(member) || len(m.root) < len(best.root))
		if !ok || better {
			best, ok = m, true
		}
	}
	return best, ok
}

// mount is one line of mountinfo.
type mount struct {
	root    string // the folder of the filesystem that is mounted
	point   string
	fstype  string
	options []string // of the filesystem
}

// parseMount reads "36 35 98:0 /folder /point rw,opt tag:1 - type source rw,opt".
func parseMount(fields []string) (mount, bool) {
	dash := slices.Index(fields, "-")
	if dash < 6 || len(fields) < dash+4 {
		return mount{}, false
	}
	return mount{
		root:    path.Clean("/" + unescape.Replace(fields[3])),
		point:   path.Clean("/" + unescape.Replace(fields[4])),
		fstype:  fields[dash+1],
		options: strings.Split(fields[dash+3], ","),
	}, true
}

var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

// holds says that a cgroup is below what is mounted.
func (m mount) holds(member string) bool {
	inside := member != "/.." && !strings.HasPrefix(member, "/../")
	return m.root == "/" && inside || member == m.root || strings.HasPrefix(member, m.root+"/")
}

// within gives the place of a cgroup below the mount point; one that the mount doesn't hold is its root.
func (m mount) within(member string) string {
	if !m.holds(member) {
		return "/"
	}
	return path.Clean("/" + strings.TrimPrefix(member, m.root))
}

// readText gives the content of a file, nothing if it can't be read.
func readText(root fs.FS, file string) string {
	data, _ := fs.ReadFile(root, file)
	return string(data)
}

// readNumber reads a file that is one number from 0 on; one too large for an int64 is the largest.
func readNumber(root fs.FS, file string) (int64, bool) {
	n, err := strconv.ParseUint(strings.TrimSpace(readText(root, file)), 10, 64)
	return bytesOf(n), err == nil
}

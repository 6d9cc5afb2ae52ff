package proc

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// killerCount tells whether the kernel's out-of-memory killer was at work on a job without a memory cgroup of its own. The kernel counts each victim
// in the memory cgroup that it was in, whatever the limit was, and nowhere else on the way up; so the count of the cgroup that the job shares
// with the guardian is of this server's jobs, or of what its user runs beside it. Without such a cgroup there is the count of the whole host, other containers
// included, which can only be a hint.
type killerCount struct {
	leaf  string // of the jobs, for which file was opened; with version 1 it may be a memory cgroup
	file  cgroupFile
	open  bool // file was looked for
	count int64
	at    time.Time // when it was read
}

// slack is how old the count may be when a job starts: reading the cgroup's takes a hundredth of what a short job does, and the host's a tenth.
const slack = time.Second

// note remembers the count for a job that starts in a leaf; "" for none.
func (k *killerCount) note(leaf string) {
	if !k.open || k.leaf != leaf {
		k.find(leaf)
		k.at = time.Time{}
	}
	if time.Since(k.at) >= slack {
		k.read()
	}
}

func (k *killerCount) read() {
	if k.sure() {
		k.count = k.file.fields("oom_kill")[0]
	} else {
		k.count = victimsOnHost()
	}
	k.at = time.Now()
}

// changed says whether there were victims since. It is sure only if so is the count.
func (k *killerCount) changed() bool {
	before := k.count
	k.read()
	return k.count > before
}

func (k *killerCount) sure() bool { return k.file >= 0 }

// find opens the file with the count of the memory cgroup that jobs in the leaf are in.
func (k *killerCount) find(leaf string) {
	if k.open {
		k.file.close()
	}
	k.open, k.leaf, k.file = true, leaf, noFile
	if dir, err := ownCgroup(memoryController); err == nil {
		const v1 = "memory.oom_control"
		if leaf != "" { // which may be one of version 2
			k.file = openOptional(leaf, v1)
		}
		if k.file == noFile {
			k.file = openOptional(dir, v1)
		}
		return
	}
	dir := leaf
	if dir == "" {
		dir, _ = ownCgroup(unified)
	}
	if dir != "" {
		k.file = openOptional(withMemoryEvents(dir), "memory.events.local")
	}
}

// withMemoryEvents is the nearest folder, from dir upwards, that counts memory events: where the controller is on.
func withMemoryEvents(dir string) string {
	for ; len(dir) > 1; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "memory.events.local")); err == nil {
			break
		}
	}
	return dir
}

// victimsOnHost counts the processes that the killer has ended since boot, for whatever limit.
func victimsOnHost() int64 {
	data := readAll("/proc/vmstat", make([]byte, 8<<10))
	for line := range bytes.Lines(data) {
		if value, ok := bytes.CutPrefix(line, []byte("oom_kill ")); ok {
			n, _ := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64)
			return n
		}
	}
	return 0
}

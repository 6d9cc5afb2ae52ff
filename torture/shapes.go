package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// shape is a way in which a job makes a tree of processes that is hard to end. MARK stands for the server's mark.
type shape struct {
	name   string
	script string   // for sh, or
	actor  []string // the part of an actor, with its arguments
	able   func(h Host) bool
	leaves bool // the cgroup that the server put it into, as a job of root's may
}

// endless is a process that has the mark among its arguments, in whatever environment.
const endless = `sh -c 'while :; do sleep 1000; done' MARK`

var shapes = []shape{
	{name: "plain", script: `exec sleep 1000`},
	{name: "children", script: `sleep 1000 & sleep 1000 & sh -c 'sleep 1000 & wait' & wait`},
	{name: "setsid", script: `setsid sleep 1000 & setsid ` + endless + ` & wait`},
	{name: "double fork", script: `(setsid ` + endless + ` &) ; (env -i setsid ` + endless + ` &) ; (sleep 1000 &) ; exec sleep 1000`},
	{name: "closed descriptors", script: `(setsid ` + endless + ` <&- >&- 2>&- &) ; exec sleep 1000 <&- >&- 2>&-`},
	{name: "ignores signals", script: `trap '' TERM HUP INT QUIT USR1; (setsid ` + endless + ` &) ; while :; do sleep 1000; done`},
	{name: "stopped", script: `(setsid sh -c 'kill -STOP $$; sleep 1000' MARK &) ; kill -STOP $$; sleep 1000`},
	{name: "leaves at once", script: `(setsid ` + endless + ` &) ; (env -i setsid ` + endless + ` <&- >&- 2>&- &)`},
	{name: "leaves its cgroup", leaves: true, script: `for d in /sys/fs/cgroup /sys/fs/cgroup/unified; do echo $$ >$d/cgroup.procs; done 2>/dev/null; (setsid ` + endless + ` &) ; exec sleep 1000`},
	{name: "fork bomb", actor: []string{"bomb"}},
	{name: "frozen", actor: []string{"freeze"}, able: mayFreeze},
	{name: "frozen below", actor: []string{"freeze", "below"}, able: mayFreeze},
}

// mayFreeze says that jobs of such a server may be put into cgroups of version 2 that they may write.
func mayFreeze(h Host) bool {
	return os.Getuid() == 0 && !h.Plain && h.Mounts == AsFound && len(h.Flags) == 0
}

// job makes a job of that shape for a server.
func (sh shape) job(t *T, s *Server) Job {
	args := []string{"sh", "-c", strings.ReplaceAll(sh.script, "MARK", s.Mark), s.Mark}
	if sh.actor != nil {
		args = append(t.Actor(sh.actor[0], sh.actor[1:]...), s.Mark)
	}
	return Job{Name: sh.name, Args: args}
}

// anyShape picks one that such a server can have.
func (t *T) anyShape(h Host) shape {
	for {
		sh := shapes[t.Rand.IntN(len(shapes))]
		if sh.able == nil || sh.able(h) {
			return sh
		}
	}
}

func init() {
	parts["bomb"] = bomb
	parts["freeze"] = freeze
}

// bombUser is who a bomb of root's becomes, because the limit of processes does not hold for root.
const bombUser = 65533

// bombSize is how many processes a bomb may have.
const bombSize = 60

// bomb forks for ever, within a limit that its user can't exceed. Root's becomes a user without any other process.
func bomb([]string) error {
	limit := uint64(bombSize)
	if os.Getuid() != 0 {
		limit += uint64(threadsOf(os.Getuid()))
	}
	if err := syscall.Setrlimit(unix.RLIMIT_NPROC, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		return fmt.Errorf("limit the processes: %w", err)
	}
	if os.Getuid() == 0 {
		if err := syscall.Setuid(bombUser); err != nil {
			return fmt.Errorf("become another user: %w", err)
		}
	}
	pause := syscall.Timespec{Nsec: int64(5 * time.Millisecond)}
	forkForEver(&pause)
	return nil
}

// threadsOf counts what a user has, as the limit does.
func threadsOf(uid int) int {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	n := 0
	for _, dir := range dirs {
		var st syscall.Stat_t
		if syscall.Stat(dir, &st) == nil && int(st.Uid) == uid {
			tasks, _ := os.ReadDir(dir + "/task")
			n += len(tasks)
		}
	}
	return n
}

// freeze freezes the cgroup that the server made for the job, or one that it makes below that, itself within.
func freeze(args []string) error {
	dir, err := ownCgroup()
	if err != nil {
		return err
	}
	if args[0] == "below" {
		dir = filepath.Join(dir, "below")
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(os.Getpid())), 0); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "cgroup.freeze"), []byte("1"), 0); err != nil {
		return err
	}
	select {}
}

// ownCgroup is the folder of this process's cgroup of version 2, which must be one that a server made for it.
func ownCgroup() (string, error) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::")
		if !ok || !strings.Contains(path, "/expool-") {
			continue
		}
		for _, root := range []string{cgroupRoot, filepath.Join(cgroupRoot, "unified")} {
			if _, err := os.Stat(filepath.Join(root, path, "cgroup.freeze")); err == nil {
				return filepath.Join(root, path), nil
			}
		}
	}
	return "", fmt.Errorf("the server has not put this job into a cgroup of version 2: %s", text)
}

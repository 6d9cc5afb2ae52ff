package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Setup is how a server is started. The zero value is: by the user who runs the torture, with the cgroups that are there, and with
// --on-eof=terminate --grace=0.2 --workers=4.
type Setup struct {
	Flags   []string // after the usual ones, which they override
	Host    Host
	Hosted  bool // below a host process of its own, while the torture holds the other ends of its streams
	Limits  []Limit
	Cgroups []string   // folders of cgroups to put the server into, made by the case
	Tmpfs   string     // a folder to mount a small tmpfs over, which only the server sees; root only
	Size    string     // of that, as in "1m"
	Umask   int        // 0 for the usual one, 022
	Env     []string   // more variables
	Dir     string     // where it runs; empty for a folder of its own
	Files   []*os.File // descriptors from 3 on
	Stdout  *os.File   // instead of a pipe that Server reads; there are no messages then
	Stderr  *os.File   // nil keeps it in a file, for Server.Stderr
	// Each is given each message, by the goroutine that reads, instead of keeping it; what Server.Await and the like wait for never comes then.
	Each func(Message)
}

// Host is who runs the server, and what of cgroups it finds.
type Host struct {
	Name      string
	Plain     bool     // as plainUser
	Mounts    Mounts   // root only
	Delegated bool     // with a cgroup of T.delegate among Setup.Cgroups
	Flags     []string // of the server
}

// Mounts is what a server finds below /sys/fs/cgroup, in a mount namespace of its own.
type Mounts string

const (
	AsFound     Mounts = ""
	ReadOnly    Mounts = "read-only" // the same, read-only
	Nothing     Mounts = "nothing"
	Version1    Mounts = "version 1" // what is there, without version 2
	Version2    Mounts = "version 2" // nothing else; controllers that version 1 has stay there
	launcherArg        = "torture-launcher"
)

// Limit is a resource limit, soft and hard.
type Limit struct {
	Resource int
	Value    uint64
}

// launch is what the launcher does before it becomes the server.
type launch struct {
	Setup launchSetup
	Path  string
	Args  []string
}

// launchSetup is the part of a Setup that the launcher carries out.
type launchSetup struct {
	Hosted  bool
	User    int // to become; 0 for none
	Umask   int
	Mounts  Mounts
	Limits  []Limit
	Cgroups []string
	Tmpfs   string
	Size    string
}

var usualFlags = []string{"--on-eof=terminate", "--grace=0.2", "--workers=4"}

// plainUser is who runs the server of a Host that is Plain: for root, one whom nobody else is, since some limits count all processes of a user.
func plainUser() int {
	if uid := os.Getuid(); uid != 0 {
		return uid
	}
	return 60000 + os.Getpid()%5000
}

// needsRoot says that only root can start such a server.
func (s *Setup) needsRoot() bool {
	return s.Host.Mounts != AsFound || s.Tmpfs != "" || len(s.Cgroups) > 0
}

// command makes the command that starts the server by the link path, through the launcher.
func (s *Setup) command(env *environment, path string) (*exec.Cmd, error) {
	args := append([]string{path}, usualFlags...)
	args = append(append(args, s.Host.Flags...), s.Flags...)
	user := 0
	if s.Host.Plain && os.Getuid() == 0 {
		user = plainUser()
	}
	order, err := json.Marshal(launch{launchSetup{s.Hosted, user, s.Umask, s.Host.Mounts, s.Limits, s.Cgroups, s.Tmpfs, s.Size}, path, args})
	if err != nil {
		return nil, err
	}
	mark, tmp := filepath.Base(path), path+".tmp"
	cmd := exec.Command(env.self)
	cmd.Args = []string{launcherArg, string(order)}
	cmd.Env = append(cleanEnviron(), markVariable+"="+mark, "TMPDIR="+tmp)
	cmd.Env = append(cmd.Env, s.Env...)
	cmd.Dir = s.Dir
	cmd.ExtraFiles = s.Files
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if s.Host.Mounts != AsFound || s.Tmpfs != "" {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWNS
	}
	return cmd, nil
}

// cleanEnviron is this process's environment without what would change how the server works.
func cleanEnviron() []string {
	var kept []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "GO") && !strings.HasPrefix(v, "TMPDIR=") {
			kept = append(kept, v)
		}
	}
	return kept
}

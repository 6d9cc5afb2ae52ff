package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// launcherFailed is the exit status of a launcher that could not become the server.
const launcherFailed = 125

// runLauncher carries out a launch, in a process that Setup.command started, and becomes the server; elsewhere it does nothing.
func runLauncher() {
	if os.Args[0] != launcherArg {
		return
	}
	var l launch
	err := json.Unmarshal([]byte(os.Args[1]), &l)
	if err == nil {
		err = l.carryOut()
	}
	fmt.Fprintln(os.Stderr, "torture: launch the server:", err)
	os.Exit(launcherFailed)
}

// carryOut returns only when it fails.
func (l *launch) carryOut() error {
	s := l.Setup
	if s.Umask != 0 {
		unix.Umask(s.Umask)
	}
	for _, step := range []func() error{s.mount, s.join, s.limit, s.become} {
		if err := step(); err != nil {
			return err
		}
	}
	if s.Hosted {
		return l.host()
	}
	return syscall.Exec(l.Path, l.Args, os.Environ())
}

// host is the program that started the server, and does nothing else.
func (l *launch) host() error {
	server, err := os.StartProcess(l.Path, l.Args, &os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}})
	if err != nil {
		return err
	}
	os.Stdin.Close()
	os.Stdout.Close()
	state, err := server.Wait()
	if err == nil {
		os.Exit(state.ExitCode())
	}
	return err
}

func (s *launchSetup) mount() error {
	if s.Mounts == AsFound && s.Tmpfs == "" {
		return nil
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	if s.Tmpfs != "" {
		if err := unix.Mount("torture", s.Tmpfs, "tmpfs", 0, "mode=1777,size="+s.Size); err != nil {
			return fmt.Errorf("mount a tmpfs on %s: %w", s.Tmpfs, err)
		}
	}
	return s.Mounts.apply()
}

// apply changes what is below /sys/fs/cgroup in this mount namespace.
func (m Mounts) apply() error {
	mounted, err := cgroupMounts()
	if err != nil {
		return err
	}
	var found error
	for _, c := range mounted {
		switch {
		case m == ReadOnly:
			found = errors.Join(found, unix.Mount("", c.path, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""))
		case m == Nothing, m == Version2, m == Version1 && c.kind == "cgroup2":
			found = errors.Join(found, unix.Unmount(c.path, unix.MNT_DETACH))
		}
	}
	if m == Version2 {
		found = errors.Join(found, unix.Mount("cgroup2", cgroupRoot, "cgroup2", 0, ""))
	}
	if found != nil {
		return fmt.Errorf("cgroup mounts %q: %w", m, found)
	}
	return nil
}

const cgroupRoot = "/sys/fs/cgroup"

type cgroupMount struct{ path, kind string }

// cgroupMounts lists the mounted hierarchies, the innermost first.
func cgroupMounts() ([]cgroupMount, error) {
	text, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	var found []cgroupMount
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if strings.HasPrefix(f[2], "cgroup") {
			found = append([]cgroupMount{{f[1], f[2]}}, found...)
		}
	}
	return found, nil
}

// join enters the cgroups.
func (s *launchSetup) join() error {
	for _, dir := range s.Cgroups {
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(os.Getpid())), 0); err != nil {
			return fmt.Errorf("enter the cgroup %s: %w", dir, err)
		}
	}
	return nil
}

func (s *launchSetup) limit() error {
	for _, l := range s.Limits {
		if err := syscall.Setrlimit(l.Resource, &syscall.Rlimit{Cur: l.Value, Max: l.Value}); err != nil {
			return fmt.Errorf("limit resource %d to %d: %w", l.Resource, l.Value, err)
		}
	}
	return nil
}

// become makes this process a plain user's.
func (s *launchSetup) become() error {
	if s.User == 0 {
		return nil
	}
	err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(s.User), syscall.Setuid(s.User))
	if err != nil {
		return fmt.Errorf("become a plain user: %w", err)
	}
	return nil
}

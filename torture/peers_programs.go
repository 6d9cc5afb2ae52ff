package main

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed peers/*.py
var peerPrograms embed.FS

// peer is a program that runs commands, as ours does.
type peer struct {
	name    string
	install func(p *lab) error
	// command is how a user would have it run a script by sh; nil if it has nothing of the kind.
	command func(l *lab, r *peerRun) []string
}

// peerRun is what a peer is asked to do.
type peerRun struct {
	script  string // a file
	timeout int    // seconds, 0 for none
	dir     string
	output  string // a file for the output of the job, where the peer wants one
	input   string // for its standard input, set by command
	open    bool   // the input stays open
}

// lab is where the peers are installed.
type lab struct{ env *environment }

var peers = []peer{
	{"expool-rpc", func(*lab) error { return nil }, ownCommand},
	{"PyExPool 3.2.1", func(l *lab) error { return l.python("pyexpool", "pyexpool==3.2.1", "psutil") }, pyexpoolCommand},
	{"GNU parallel", func(*lab) error { return debian("parallel", "parallel", "--version") }, parallelCommand},
	{"runexec (BenchExec 3.35)", func(l *lab) error { return l.python("benchexec", "benchexec==3.35") }, runexecCommand},
	{"the same with --no-container", func(l *lab) error { return l.python("benchexec", "benchexec==3.35") }, bareRunexecCommand},
	{"HyperQueue 0.27.0 (Python)", func(l *lab) error { return l.python("hyperqueue", "hyperqueue==0.27.0") }, hyperqueueCommand},
}

func ownCommand(l *lab, r *peerRun) []string {
	line, _ := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": "execute",
		"params": Job{Name: "job", Args: []string{"sh", r.script}, Timeout: float64(r.timeout), Stdout: "pipe"}})
	r.input = string(line) + "\n"
	if r.open {
		return []string{l.env.server, "--on-eof=terminate"}
	}
	return []string{l.env.server}
}

func pyexpoolCommand(l *lab, r *peerRun) []string {
	return []string{l.interpreter("pyexpool"), l.program("pyexpool.py"), fmt.Sprint(r.timeout), r.output, "sh", r.script}
}

func parallelCommand(_ *lab, r *peerRun) []string {
	args := []string{"parallel", "--will-cite", "-j1"}
	if r.timeout > 0 {
		args = append(args, "--timeout", fmt.Sprint(r.timeout))
	}
	return append(args, "sh", ":::", r.script)
}

func runexecCommand(l *lab, r *peerRun) []string {
	return runexec(l, r, "--read-only-dir", "/", "--full-access-dir", "/tmp")
}

func bareRunexecCommand(l *lab, r *peerRun) []string {
	return runexec(l, r, "--no-container")
}

func runexec(l *lab, r *peerRun, flags ...string) []string {
	args := append([]string{l.interpreter("benchexec"), "-m", "benchexec.runexecutor", "--output", r.output}, flags...)
	if r.timeout > 0 {
		args = append(args, "--walltimelimit", fmt.Sprint(r.timeout))
	}
	return append(args, "--", "sh", r.script)
}

// hyperqueueCommand knows no timeout: the Python interface has none.
func hyperqueueCommand(l *lab, r *peerRun) []string {
	if r.timeout > 0 {
		return nil
	}
	return []string{l.interpreter("hyperqueue"), l.program("hyperqueue.py"), r.dir, r.output, "sh", r.script}
}

const peerCache = ".cache/torture"

func (l *lab) interpreter(name string) string {
	path, _ := filepath.Abs(filepath.Join(peerCache, name, "bin/python"))
	return path
}

// program writes one of the embedded programs where it can be executed.
func (l *lab) program(name string) string {
	text, err := peerPrograms.ReadFile("peers/" + name)
	path := filepath.Join(l.env.scratch, name)
	if err == nil {
		err = os.WriteFile(path, text, 0o644)
	}
	if err != nil {
		panic(err) // the file is embedded, and the folder ours
	}
	return path
}

// python makes a private environment with packages from PyPI, unless it is there.
func (l *lab) python(name string, packages ...string) error {
	home, wanted := filepath.Join(peerCache, name), strings.Join(packages, " ")
	stamp := filepath.Join(home, "installed")
	if text, err := os.ReadFile(stamp); err == nil && string(text) == wanted {
		return nil
	}
	if err := debian("python3-venv", "python3", "-c", "import ensurepip"); err != nil {
		return err
	}
	pip := append([]string{filepath.Join(home, "bin/pip"), "-q", "install"}, packages...)
	for _, step := range [][]string{{"python3", "-m", "venv", "--clear", home}, pip} {
		if out, err := exec.Command(step[0], step[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", strings.Join(step, " "), err, finalLine(string(out)))
		}
	}
	return os.WriteFile(stamp, []byte(wanted), 0o644)
}

// debian installs a package, unless a command shows that it is there.
func debian(name string, shows ...string) error {
	if exec.Command(shows[0], shows[1:]...).Run() == nil {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil || os.Getuid() != 0 {
		return errors.New("install the package " + name)
	}
	if err := exec.Command("apt-get", "update", "-qq").Run(); err != nil {
		return fmt.Errorf("apt-get update: %w", err)
	}
	cmd := exec.Command("apt-get", "install", "-qq", "-y", name)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("apt-get install %s: %w", name, err)
	}
	return nil
}

func finalLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// hardship is a case that all such programs are put to, in the same way: the same script, and what is seen of it from outside.
type hardship struct {
	what    string
	script  string // NAME stands for what its processes are known by
	size    int    // how many processes it has
	timeout int    // seconds
	blow    syscall.Signal
}

// namedLoop is a process that is known by its arguments.
const namedLoop = `sh -c 'while :; do sleep 1000; done' NAME`

// ownTree is a job with a child, one that left the session, and a daemon that closed all streams.
const ownTree = namedLoop + " & setsid " + namedLoop + " & (setsid " + namedLoop + " <&- >&- 2>&- &)\n"

var hardships = []hardship{
	{"the supervisor is killed (SIGKILL)", ownTree + "exec " + namedLoop, 4, 0, syscall.SIGKILL},
	{"the supervisor is told to end (SIGTERM)", ownTree + "exec " + namedLoop, 4, 0, syscall.SIGTERM},
	{"a tree runs longer than its timeout of 1 s", ownTree + "exec " + namedLoop, 4, 1, 0},
	{"the same, and all ignore SIGTERM", "trap '' TERM\n" + ownTree + "exec " + namedLoop, 4, 1, 0},
	{"the job exits, and a daemon holds its output open", "(setsid " + namedLoop + " &)\nexit 0", 1, 0, 0},
	{"the job stops itself (SIGSTOP), timeout 1 s", "kill -STOP $$\nexec " + namedLoop, 0, 1, 0},
}

// peerRow is a hardship and what became of it with each peer.
type peerRow struct {
	what string
	seen []string
}

// peersPatience is how long a peer is watched: to start its job, to end, and for what it leaves to go.
const peersPatience = 15 * time.Second

// comparePeers puts all peers to all hardships.
func comparePeers(env *environment) []peerRow {
	l := &lab{env}
	rows := make([]peerRow, len(hardships))
	for i, h := range hardships {
		rows[i].what = h.what
	}
	for _, p := range peers {
		err := p.install(l)
		for i, h := range hardships {
			seen := ""
			if err != nil {
				seen = "not run: " + err.Error()
			} else {
				seen = h.put(l, p)
			}
			fmt.Fprintf(os.Stderr, "%-30s %-50s %s\n", p.name, h.what, seen)
			rows[i].seen = append(rows[i].seen, seen)
		}
	}
	return rows
}

// put has a peer run the script, and tells what is seen.
func (h hardship) put(l *lab, p peer) string {
	l.env.servers++
	mark := fmt.Sprintf("torture%d-%d", os.Getpid(), l.env.servers)
	name := "job-of-" + mark
	dir := filepath.Join(l.env.scratch, mark)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "not run: " + err.Error()
	}
	defer os.RemoveAll(dir)
	r := &peerRun{script: filepath.Join(dir, "script"), timeout: h.timeout, dir: dir, output: filepath.Join(dir, "output"), open: h.blow != 0}
	if err := os.WriteFile(r.script, []byte(strings.ReplaceAll(h.script, "NAME", name)), 0o644); err != nil {
		return "not run: " + err.Error()
	}
	args := p.command(l, r)
	if args == nil {
		return "–"
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), markVariable+"="+mark, "HOME="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	defer endMarked(mark)
	return h.watch(cmd, r, name)
}

// watch starts the peer, deals the blow if there is one, and counts what is left.
func (h hardship) watch(cmd *exec.Cmd, r *peerRun, name string) string {
	var said bytes.Buffer
	cmd.Stderr = &said
	cmd.WaitDelay = time.Millisecond // what its jobs hold open is not waited for
	input, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return "not run: " + err.Error()
	}
	_, _ = input.Write([]byte(r.input))
	if !r.open {
		input.Close()
	}
	begin := time.Now()
	hung := time.AfterFunc(2*peersPatience, func() { _ = cmd.Process.Kill() })
	if h.blow != 0 {
		_, ready := eventually(peersPatience, func() bool { return named(name) >= h.size })
		if !ready {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			return "not run: the job did not start: " + finalLine(said.String())
		}
		begin = time.Now()
		_ = cmd.Process.Signal(h.blow)
	}
	_ = cmd.Wait()
	if !hung.Stop() {
		return fmt.Sprintf("**hangs** (%.0f s)", time.Since(begin).Seconds())
	}
	return h.describe(time.Since(begin), name)
}

func (h hardship) describe(took time.Duration, name string) string {
	after, ok := eventually(peersPatience/3, func() bool { return named(name) == 0 })
	ended := ""
	if h.blow != syscall.SIGKILL {
		ended = fmt.Sprintf("ends after %.1f s, ", took.Seconds())
	}
	if !ok {
		return fmt.Sprintf("%s**%d of %d processes stay**", ended, named(name), h.size)
	}
	if h.blow == syscall.SIGKILL {
		return fmt.Sprintf("nothing left after %.2f s", after.Seconds())
	}
	return ended + "nothing left"
}

// named counts the living processes whose last argument is the name.
func named(name string) int {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	n := 0
	for _, file := range files {
		text, _ := os.ReadFile(file)
		if bytes.HasSuffix(text, []byte("\x00"+name+"\x00")) && stateOf(filepath.Dir(file)) != 'Z' {
			n++
		}
	}
	return n
}

// endMarked ends what a peer left.
func endMarked(mark string) {
	eventually(peersPatience, func() bool {
		left := marked(mark)
		for _, p := range left {
			_ = syscall.Kill(p.pid, syscall.SIGKILL)
		}
		return len(left) == 0
	})
}

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// survival is how long a process of a job may live on after its server has died: rule 10 of the scheduler.
const survival = time.Second

// lastNonce makes the arguments of each test's processes unique, so that they are known wherever they are.
var lastNonce atomic.Int64

func nonce() string {
	return fmt.Sprintf("86400.%d%03d", os.Getpid(), lastNonce.Add(1))
}

// tree is a job with processes that leave it in many ways: children, sessions of their own, double forks, clean
// environments, closed descriptors, ignored signals, stopped ones. All of them have the nonce among their arguments.
func tree(nonce string) string {
	script := strings.ReplaceAll(`
sleep N & setsid sleep N &
(setsid sleep N &)
(env -i setsid sleep N >&- 2>&- <&- &)
sh -c 'trap "" TERM HUP INT; while :; do sleep N; done' &
(setsid sh -c 'trap "" TERM HUP INT QUIT; sleep N & wait; wait; wait' &)
sh -c 'kill -STOP $$; sleep N' &
(setsid sh -c 'kill -STOP $$; sleep N' &)
exec sleep N`, "N", nonce)
	return fmt.Sprintf(`{"name":"tree","args":["sh","-c",%s],"stdout":null,"stderr":null}`, strconv.Quote(script))
}

// treeSize is how many processes of a tree have the nonce, at the least, when it is complete.
const treeSize = 9

// holders gives the pids of the processes that have the nonce among their arguments, zombies left out.
func holders(nonce string) []string {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	var pids []string
	for _, file := range files {
		if text, _ := os.ReadFile(file); bytes.Contains(text, []byte(nonce)) {
			pids = append(pids, strings.Split(file, "/")[2])
		}
	}
	return pids
}

func waitUntil(limit time.Duration, holds func() bool) bool {
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); ; <-tick.C {
		if holds() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

func expectNobody(t *testing.T, nonce string) {
	t.Helper()
	if waitUntil(survival, func() bool { return len(holders(nonce)) == 0 }) {
		return
	}
	for _, pid := range holders(nonce) {
		status, _ := os.ReadFile("/proc/" + pid + "/status")
		line, _ := os.ReadFile("/proc/" + pid + "/cmdline")
		t.Errorf("process %s %q is alive after %v:\n%.200s", pid, line, survival, status)
	}
}

// user is who runs the server, and how.
type user struct {
	name  string
	flags []string
	plain bool
}

var users = []user{{name: "cgroup if possible"}, {name: "no cgroup", flags: []string{"--no-cgroup"}}, {name: "plain user", plain: true}}

// command runs the server as that user. The plain user needs a copy of it, where it may read.
func (u user) command(t *testing.T, flags ...string) *exec.Cmd {
	t.Helper()
	cmd := serverCommand(append(u.flags, flags...)...)
	if !u.plain {
		return cmd
	}
	if os.Getuid() != 0 {
		t.Skip("the other cases run as a plain user already: only root can become one")
	}
	path, err := readableCopy()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Path = path
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	return cmd
}

// readableCopy makes a copy of the server that everybody may read. TestMain removes it.
var readableCopy = sync.OnceValues(func() (string, error) {
	binary, err := os.ReadFile(serverCommand().Path)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "expool-plain")
	if err != nil {
		return "", err
	}
	copied = dir
	path := filepath.Join(dir, "server")
	if err := errors.Join(os.WriteFile(path, binary, 0o755), os.Chmod(dir, 0o755)); err != nil {
		return "", err
	}
	// A process that another test forks just now may still have the file open for writing; not for long.
	for end := time.Now().Add(patience); time.Now().Before(end); {
		cmd := serverCommand("--version")
		cmd.Path = path
		if err = cmd.Run(); !errors.Is(err, syscall.ETXTBSY) {
			break
		}
	}
	return path, err
})

// copied is the folder of readableCopy, if there is one.
var copied string

// cgroups gives the cgroups that belong to the server.
func cgroups(pid int) []string {
	var found []string
	for _, pattern := range []string{"/sys/fs/cgroup/expool-%d*", "/sys/fs/cgroup/*/expool-%d*", "/sys/fs/cgroup/*/*/expool-%d*"} {
		dirs, _ := filepath.Glob(fmt.Sprintf(pattern, pid))
		found = append(found, dirs...)
	}
	return found
}

func TestNoProcessOfAJobSurvivesItsServer(t *testing.T) {
	deaths := []struct {
		name   string
		end    func(h *host)
		status int // of the server
	}{
		{"SIGKILL", func(h *host) { h.cmd.Process.Signal(syscall.SIGKILL) }, -9},
		{"SIGABRT", func(h *host) { h.cmd.Process.Signal(syscall.SIGABRT) }, 2},
		{"SIGTERM", func(h *host) { h.cmd.Process.Signal(syscall.SIGTERM) }, 128 + 15},
		{"SIGINT", func(h *host) { h.cmd.Process.Signal(syscall.SIGINT) }, 128 + 2},
		{"SIGHUP", func(h *host) { h.cmd.Process.Signal(syscall.SIGHUP) }, 128 + 1},
		{"SIGQUIT", func(h *host) { h.cmd.Process.Signal(syscall.SIGQUIT) }, 128 + 3},
		{"SIGSTOP and SIGKILL", func(h *host) {
			h.cmd.Process.Signal(syscall.SIGSTOP)
			h.cmd.Process.Signal(syscall.SIGKILL)
		}, -9},
		{"end of input", func(h *host) { h.stdin.Close() }, 0},
	}
	for _, u := range users {
		for _, death := range deaths {
			t.Run(u.name+"/"+death.name, func(t *testing.T) {
				t.Parallel()
				cmd := u.command(t, "--on-eof=terminate", "--grace=0.2", "--workers=3")
				cmd.Stderr = io.Discard // SIGABRT prints the goroutines
				h := startCommand(t, cmd)
				nonce := nonce()
				h.execute(1, tree(nonce))
				h.execute(2, tree(nonce))
				if !waitUntil(patience, func() bool { return len(holders(nonce)) >= 2*treeSize }) {
					t.Fatalf("only %d processes run", len(holders(nonce)))
				}
				death.end(h)
				if status := h.exit(); status != death.status {
					t.Errorf("exit status %d, want %d", status, death.status)
				}
				expectNobody(t, nonce)
				if !waitUntil(survival, func() bool { return len(cgroups(cmd.Process.Pid)) == 0 }) {
					t.Errorf("cgroups are left: %v", cgroups(cmd.Process.Pid))
				}
			})
		}
	}
}

func TestAKilledGuardianTakesOnlyItsJobWithIt(t *testing.T) {
	for _, u := range users {
		t.Run(u.name, func(t *testing.T) {
			h := startCommand(t, u.command(t, "--workers=2"))
			doomed, spared := nonce(), nonce()
			first := h.execute(1, tree(doomed))
			second := h.execute(2, tree(spared))
			if !waitUntil(patience, func() bool { return len(holders(doomed)) >= treeSize && len(holders(spared)) >= treeSize }) {
				t.Fatal("the trees are not complete")
			}
			var pid int
			id := 10
			known := func() bool { // the server may hear of a start later than this test
				id++
				h.call(id, "jobs", "")
				for _, r := range result[struct{ Jobs []record }](h, id).Jobs {
					if r.Job == first {
						pid = r.PID
					}
				}
				return pid != 0
			}
			if !waitUntil(patience, known) {
				t.Fatal("the job has no pid")
			}
			killParent(t, pid)
			if r := h.finished(first); r.Reason != "signaled" || *r.Code != -9 || len(r.Warnings) == 0 {
				t.Errorf("%+v", r)
			}
			expectNobody(t, doomed)
			if n := len(holders(spared)); n < treeSize {
				t.Errorf("of the other job, %d processes are left", n)
			}
			if r := h.finished(h.execute(4, `{"name":"next","args":["true"]}`)); r.State != "done" {
				t.Errorf("%+v", r)
			}
			h.call(5, "cancel", fmt.Sprintf(`{"job":%d}`, second))
			h.finished(second)
			expectNobody(t, spared)
		})
	}
}

func killParent(t *testing.T, pid int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "\nPPid:\t")
	parent, err := strconv.Atoi(strings.TrimSpace(strings.SplitN(rest, "\n", 2)[0]))
	if err == nil {
		err = syscall.Kill(parent, syscall.SIGKILL)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestAKilledHostIsNoticedThoughASiblingHoldsTheInput(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	host := exec.Command("sh", "-c", `"$0" --on-eof=terminate --grace=0.2 <&3 >/dev/null 2>&1 & sleep `+nonce()+` & wait`, serverCommand().Path)
	host.Env = append(os.Environ(), serverVariable+"=1")
	host.ExtraFiles = []*os.File{r, w} // the sibling, sleep, has both
	host.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Kill(-host.Process.Pid, syscall.SIGKILL) })
	nonce := nonce()
	fmt.Fprintf(w, `{"jsonrpc":"2.0","id":1,"method":"execute","params":%s}`+"\n", tree(nonce))
	if !waitUntil(patience, func() bool { return len(holders(nonce)) >= treeSize }) {
		t.Fatalf("only %d processes run", len(holders(nonce)))
	}
	host.Process.Kill()
	host.Wait()
	expectNobody(t, nonce)
}

func TestAClosedOutputEndsEverything(t *testing.T) {
	for _, mode := range []string{"finish", "terminate"} {
		t.Run(mode, func(t *testing.T) { closeOutput(t, mode) })
	}
}

func closeOutput(t *testing.T, mode string) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := serverCommand("--grace=0.2", "--on-eof="+mode)
	cmd.Stdout = w
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	nonce := nonce()
	fmt.Fprintf(stdin, `{"jsonrpc":"2.0","id":1,"method":"execute","params":%s}`+"\n", tree(nonce))
	if !waitUntil(patience, func() bool { return len(holders(nonce)) >= treeSize }) {
		t.Fatalf("only %d processes run", len(holders(nonce)))
	}
	r.Close() // nothing is being written: the server has to notice by itself
	cmd.Wait()
	if status := exitStatus(cmd.ProcessState); status != 141 {
		t.Errorf("exit status %d", status)
	}
	expectNobody(t, nonce)
}

func TestAnOutputThatCanNotBeWrittenEndsEverythingAndIsTold(t *testing.T) {
	cmd, told := onAFullDisk(t, "--grace=0.2")
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	nonce := nonce()
	fmt.Fprintf(stdin, `{"jsonrpc":"2.0","id":1,"method":"execute","params":%s}`+"\n", tree(nonce))
	cmd.Wait()
	expectFullDisk(t, cmd, told)
	expectNobody(t, nonce)
}

// The answer to a shutdown is the last line, written when nothing else is left to be done.
func TestALastLineThatCanNotBeWrittenIsTold(t *testing.T) {
	cmd, told := onAFullDisk(t)
	cmd.Stdin = strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"shutdown"}`)
	_ = cmd.Run()
	expectFullDisk(t, cmd, told)
}

// onAFullDisk is a server whose output can't be written; told is its standard error.
func onAFullDisk(t *testing.T, flags ...string) (cmd *exec.Cmd, told *strings.Builder) {
	t.Helper()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { full.Close() })
	cmd, told = serverCommand(flags...), &strings.Builder{}
	cmd.Stdout, cmd.Stderr = full, told
	return cmd, told
}

func expectFullDisk(t *testing.T, cmd *exec.Cmd, told *strings.Builder) {
	t.Helper()
	if status := exitStatus(cmd.ProcessState); status != 74 || !strings.Contains(told.String(), "no space left") {
		t.Errorf("exit status %d, %q", status, told.String())
	}
}

func TestASecondSignalCutsTheGrace(t *testing.T) {
	h := start(t, "--grace=1000")
	nonce := nonce()
	h.execute(1, tree(nonce))
	if !waitUntil(patience, func() bool { return len(holders(nonce)) >= treeSize }) {
		t.Fatalf("only %d processes run", len(holders(nonce)))
	}
	h.cmd.Process.Signal(syscall.SIGTERM)
	// What ignores the signal is left, and waits for the end of a long grace.
	if !waitUntil(patience, func() bool { return len(holders(nonce)) < treeSize }) {
		t.Fatal("the soft signal ended nothing")
	}
	h.cmd.Process.Signal(syscall.SIGTERM)
	if status := h.exit(); status != 128+15 {
		t.Errorf("exit status %d", status)
	}
	expectNobody(t, nonce)
}

func TestWhatAJobLeavesBehindIsEndedAndCounted(t *testing.T) {
	for _, u := range users {
		t.Run(u.name, func(t *testing.T) {
			h := startCommand(t, u.command(t))
			nonce := nonce()
			script := strings.ReplaceAll(`(setsid sleep N >&- 2>&- &) ; (env -i setsid sh -c "trap '' TERM; sleep N; :" &) ; exit 5`, "N", nonce)
			r := h.finished(h.execute(1, fmt.Sprintf(`{"name":"leaky","args":["sh","-c",%s],"stdout":null,"stderr":null}`, strconv.Quote(script))))
			if r.Reason != "exited" || *r.Code != 5 || r.Leaked < 2 || r.Leaked > 6 {
				t.Errorf("%+v", r)
			}
			if n := len(holders(nonce)); n != 0 {
				t.Errorf("%d processes are left when the job is reported as finished", n)
			}
		})
	}
}

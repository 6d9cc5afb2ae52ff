package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

func init() {
	register(Case{Name: "security/inheritance", Section: Security, Tries: 9, Short: 3, Run: inheritNothing,
		Promise: "a job inherits three streams and no other descriptor, whatever the server inherited, no blocked or ignored signal, and leads a process group of its own, in a session with no other job and no terminal"})
	register(Case{Name: "security/signals-own-guardian", Section: Security, Tries: 6, Short: 1, Run: signalGuardian,
		Promise: "a job that signals, stops or kills its guardian is ended all the same, whole, and is not told as done; other jobs go on"})
	register(Case{Name: "security/signals-server", Section: Security, Tries: 6, Short: 2, Run: signalServer,
		Promise: "a job that kills the server (which its user may) ends everything with it, itself too"})
	register(Case{Name: "security/signals-group", Section: Security, Tries: 3, Short: 1, Run: signalGroup,
		Promise: "a job that kills its process group reaches no other job, no guardian and not the server"})
	register(Case{Name: "security/other-user", Section: Security, Tries: 2, Short: 1, Run: otherUser,
		Promise: "a job that has become another user than the server's can't signal the server or its guardian (but for SIGCONT, which the kernel allows within a session and which does nothing here), nor open their descriptors or memory"})
	register(Case{Name: "security/network", Section: Security, Tries: 2, Short: 1, Run: noNetwork,
		Promise: "server and guardians have no network socket and no named one"})
	register(Case{Name: "security/modes", Section: Security, Tries: 4, Short: 2, Run: fileModes,
		Promise: "output files and folders get the modes that the umask leaves of 0666 and 0777, cgroups 0755"})
	register(Case{Name: "security/swapped-output", Section: Security, Tries: 3, Short: 1, Run: swapOutput,
		Promise: "a job that puts a link in the place of its empty output file gets nothing else removed"})
}

// shell is a job of a script, captured.
func shell(name, script string, args ...string) Job {
	return Job{Name: name, Args: append([]string{"sh", "-c", script, "sh"}, args...), Stdout: "pipe", Stderr: "pipe"}
}

// ownSignals are 32 and 33, which glibc keeps for itself, and ignores in what it spawns, such as all that make starts.
const ownSignals = 1<<(32-1) | 1<<(33-1)

// signals reads a set of them as /proc/PID/status has it.
func signals(t *T, text string) uint64 {
	set, err := strconv.ParseUint(text, 16, 64)
	t.Check("read a set of signals", err)
	return set
}

func inheritNothing(t *T) {
	leak, err := os.Open(os.DevNull)
	t.Check("open a file", err)
	defer leak.Close()
	s := t.Start(Setup{Host: t.hostOf(), Files: []*os.File{leak, leak, leak}})
	// The shell's own descriptors; one more that it had while it expanded the pattern is closed when they are read.
	r := s.Finished(s.Execute(shell("look", `for f in /proc/$$/fd/*; do readlink $f >/dev/null && echo ${f##*/}; done; grep -E '^Sig(Blk|Ign)' /proc/self/status; cut -d' ' -f4-7 /proc/$$/stat; echo $$`)))
	f := strings.Fields(r.Stdout)
	if len(f) != 12 || !slices.Equal(f[:3], []string{"0", "1", "2"}) {
		t.Fatalf("the job has descriptors %q", r.Stdout)
	}
	if signals(t, f[4])|signals(t, f[6])&^ownSignals != 0 {
		t.Errorf("signals are blocked or ignored: %q", f[3:7])
	}
	guardian, group, session, terminal, self := f[7], f[8], f[9], f[10], f[11]
	if group != self || self != fmt.Sprint(r.PID) || session != guardian || terminal != "0" {
		t.Errorf("the job %d of guardian %s is in group %s, session %s with terminal %s, and sees itself as %s", r.PID, guardian, group, session, terminal, self)
	}
}

func signalGuardian(t *T) {
	s := t.Start(Setup{Host: t.hostOf()})
	spared := s.Execute(Job{Name: "spared", Args: []string{"sleep", "1000"}})
	for _, sig := range []string{"TERM", "STOP", "KILL"} {
		// It waits until it is known to run: what kills a guardian before that is told as start_failed.
		j := shell("hostile", `(setsid sleep 1000 &); sleep 0.2; kill -`+sig+` $PPID; exec sleep 1000`)
		j.Timeout = 0.5
		if r := s.Finished(s.Execute(j)); r.State != "failed" || r.Reason != "timeout" && r.Reason != "signaled" {
			t.Errorf("the job that sent its guardian SIG%s ended as %+v", sig, r)
		}
	}
	if r := s.Record(spared); r.State != "running" {
		t.Errorf("the other job is %s: %s", r.State, r.Reason)
	}
	s.Call("cancel", map[string]any{"job": spared})
	s.Finished(spared)
	s.OnlyServer()
}

func signalServer(t *T) {
	sig := []string{"KILL", "TERM", "ABRT"}[t.Try%3]
	s := t.Start(Setup{Host: t.hostOf()})
	s.Execute(Job{Name: "spared", Args: []string{"sleep", "1000"}})
	id := s.Execute(shell("hostile", `(setsid sleep 1000 &); kill -`+sig+` $(cut -d' ' -f4 /proc/$PPID/stat); exec sleep 1000`))
	s.Exit()
	s.Gone()
	if r, known := s.Finishes()[id]; known && r.State == "done" {
		t.Errorf("the job is told as done: %+v", r)
	}
}

func signalGroup(t *T) {
	s := t.Start(Setup{Host: t.hostOf()})
	spared := s.Running(s.Execute(Job{Name: "spared", Args: []string{"sleep", "1000"}})).Job
	r := s.Finished(s.Execute(shell("hostile", `trap '' TERM; kill -TERM 0; kill -TERM -$$; kill -KILL 0`)))
	if r.Reason != "signaled" || r.Code == nil || *r.Code != -9 {
		t.Errorf("a job that killed its group ended as %+v", r)
	}
	if r := s.Record(spared); r.State != "running" {
		t.Errorf("the other job is %s: %s", r.State, r.Reason)
	}
}

func init() { parts["become"] = become }

// become runs a shell script as another user, whom nobody else is.
func become(args []string) error {
	if err := unix.Setgroups(nil); err != nil {
		return err
	}
	if err := unix.Setuid(bombUser); err != nil {
		return fmt.Errorf("become another user: %w", err)
	}
	return unix.Exec("/bin/sh", []string{"sh", "-c", args[0]}, os.Environ())
}

func otherUser(t *T) {
	if os.Getuid() != 0 {
		t.Skipf("only root's jobs can become another user")
	}
	s := t.Start(Setup{})
	script := `server=$(cut -d' ' -f4 /proc/$PPID/stat)
kill -CONT $server && echo signalled
for pid in $PPID $server; do
	for sig in TERM STOP KILL; do kill -$sig $pid && echo signalled; done
	for file in fd/0 fd/1 fd/3 mem; do (echo forged >/proc/$pid/$file) && echo wrote $file; done
done`
	r := s.Finished(s.Execute(Job{Name: "other", Args: append(t.Actor("become", script), s.Mark), Stdout: "pipe", Stderr: "pipe"}))
	if r.Stdout != "" || strings.Count(r.Stderr, "\n") < 15 {
		t.Errorf("a job of another user had its way: %q, refusals %q", r.Stdout, r.Stderr)
	}
	s.allDone(s.ExecuteAll(shortJobs(2)))
}

func noNetwork(t *T) {
	s := t.Start(Setup{Host: t.hostOf()})
	s.Running(s.Execute(Job{Name: "job", Args: []string{"sleep", "1000"}}))
	pids := append(s.Guardians(), s.PID)
	if len(pids) < 2 {
		t.Fatalf("no guardian was found")
	}
	for _, pid := range pids {
		for _, inode := range socketsOf(pid) {
			if file, line := socketIn(inode); line != "" {
				t.Errorf("process %d has a socket of %s: %s", pid, file, line)
			}
		}
	}
}

// socketsOf lists the inodes of a process's sockets.
func socketsOf(pid int) []string {
	links, _ := filepath.Glob(procDir(pid) + "/fd/*")
	var found []string
	for _, link := range links {
		target, _ := os.Readlink(link)
		if inode, ok := strings.CutPrefix(target, "socket:["); ok {
			found = append(found, strings.TrimSuffix(inode, "]"))
		}
	}
	return found
}

// socketIn finds a socket among those that somebody else can connect or send to; unnamed pairs are none.
func socketIn(inode string) (file, line string) {
	for _, file := range []string{"tcp", "tcp6", "udp", "udp6", "udplite", "raw", "raw6", "packet", "unix"} {
		text, _ := os.ReadFile("/proc/net/" + file)
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			named := file != "unix" || len(f) > 7
			if named && slices.Contains(f, inode) {
				return file, line
			}
		}
	}
	return "", ""
}

func fileModes(t *T) {
	umask := []int{0o022, 0o077, 0o027, 0o002}[t.Try%4]
	s := t.Start(Setup{Host: t.hostOf(), Umask: umask})
	path := filepath.Join(s.Dir, "made/here/out")
	s.Finished(s.Execute(Job{Name: "job", Args: []string{"echo", "x"}, Stdout: File(path)}))
	modeIs(t, path, os.FileMode(0o666&^umask))
	modeIs(t, filepath.Dir(path), os.FileMode(0o777&^umask))
	for _, dir := range cgroupsOf(s.PID) {
		modeIs(t, dir, os.FileMode(0o755&^umask))
	}
}

func modeIs(t *T, path string, want os.FileMode) {
	info, err := os.Stat(path)
	t.Check("look at what was made", err)
	if got := info.Mode().Perm(); got != want {
		t.Errorf("%s has mode %o, not %o", path, got, want)
	}
}

func swapOutput(t *T) {
	s := t.Start(Setup{Host: t.hostOf()})
	for i, link := range []string{"ln -s", "ln"} {
		victim := t.WriteFile(filepath.Join(s.Dir, fmt.Sprintf("victim%d", i)), "")
		t.Check("give the victim to all", os.Chmod(victim, 0o666))
		out := filepath.Join(s.Dir, fmt.Sprintf("out%d", i))
		s.Finished(s.Execute(Job{Name: "swap", Args: []string{"sh", "-c", fmt.Sprintf("rm %s; %s %s %s", out, link, victim, out)}, Stdout: File(out)}))
		if _, err := os.Stat(victim); err != nil {
			t.Errorf("with %s, the victim is gone: %v", link, err)
		}
	}
}

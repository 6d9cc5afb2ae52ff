package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// Server is a running server, and the client's end of the conversation with it: see conversation.go for that.
type Server struct {
	PID     int
	HostPID int      // of its host, if it is Hosted
	Mark    string   // what its processes are known by
	Dir     string   // where it runs
	Input   *os.File // to its standard input

	t      *T
	cmd    *exec.Cmd
	path   string // of the link that it was started by
	stderr string // the file that has it, if it was not given away
	ended  bool   // it was waited for
	gone   bool   // what is left of it was looked for
	status int
	last   int // id of the last call
	inbox
}

// Start starts a server. At the end of the try it is told to terminate, if it still runs, and what is left of it is looked for.
func (t *T) Start(setup Setup) *Server {
	if setup.needsRoot() && os.Getuid() != 0 {
		t.Skipf("only root can set this up")
	}
	t.env.servers++
	mark := fmt.Sprintf("torture%d-%d", os.Getpid(), t.env.servers)
	s := &Server{t: t, Mark: mark, path: filepath.Join(t.env.scratch, mark), Dir: setup.Dir}
	s.inbox.init(setup.Each)
	t.Check("link the server", os.Link(t.env.server, s.path))
	t.Check("make its temporary folder", errors.Join(os.Mkdir(s.temporary(), 0o777), os.Chmod(s.temporary(), 0o777)))
	if s.Dir == "" {
		s.Dir = t.Dir()
		setup.Dir = s.Dir
	}
	cmd, err := setup.command(t.env, s.path)
	t.Check("prepare the server", err)
	s.cmd = cmd
	s.launch(setup)
	t.Cleanup(s.finish)
	return s
}

// launch starts the process with its streams.
func (s *Server) launch(setup Setup) {
	input, err := s.cmd.StdinPipe()
	s.t.Check("make a pipe", err)
	s.Input = input.(*os.File)
	var output io.Reader
	if setup.Stdout != nil {
		s.cmd.Stdout = setup.Stdout
		s.inbox.close()
	} else {
		output, err = s.cmd.StdoutPipe()
		s.t.Check("make a pipe", err)
	}
	if s.cmd.Stderr = setup.Stderr; setup.Stderr == nil {
		defer s.keepStderr().Close()
	}
	s.t.Check("start the server", s.cmd.Start())
	s.PID = s.cmd.Process.Pid
	if setup.Hosted {
		s.findHosted()
	}
	if output != nil {
		go s.read(bufio.NewReaderSize(output, 1<<16))
	}
}

// keepStderr has the standard error in a file, which the caller closes.
func (s *Server) keepStderr() *os.File {
	s.stderr = s.path + ".stderr"
	file, err := os.Create(s.stderr)
	s.t.Check("make a file", err)
	s.cmd.Stderr = file
	return file
}

// findHosted waits until the host has started the server.
func (s *Server) findHosted() {
	s.HostPID = s.PID
	s.t.Eventually("the host starts the server", func() bool {
		for _, pid := range childrenOf(s.HostPID) {
			if path, _ := os.Readlink(procDir(pid) + "/exe"); path == s.path {
				s.PID = pid
				return true
			}
		}
		return false
	})
}

func (s *Server) temporary() string { return s.path + ".tmp" }

// Stderr gives what the server has written to its standard error.
func (s *Server) Stderr() string {
	text, _ := os.ReadFile(s.stderr)
	return string(text)
}

// Signal sends the server a signal.
func (s *Server) Signal(sig syscall.Signal) { blow{signals: []syscall.Signal{sig}}.hit(s.PID) }

// CloseInput is the end of input.
func (s *Server) CloseInput() { _ = s.Input.Close() }

// Exit waits until the server has ended by itself, and gives its exit status, or -n after signal n.
func (s *Server) Exit() int {
	if s.ended {
		return s.status
	}
	limit := time.AfterFunc(patience, func() { _ = s.cmd.Process.Kill() })
	s.await(nil) // until the end of its output
	_ = s.cmd.Wait()
	s.ended = true
	_ = s.Input.Close()
	if w := s.cmd.ProcessState.Sys().(syscall.WaitStatus); w.Signaled() {
		s.status = -int(w.Signal())
	} else {
		s.status = w.ExitStatus()
	}
	if !limit.Stop() {
		s.t.Errorf("the server did not end within %v and was killed", patience)
	}
	if s.status == launcherFailed {
		s.t.Skipf("%s", s.Stderr())
	}
	return s.status
}

// Survivors lists the processes of the server and its jobs that are alive.
func (s *Server) Survivors() []process { return marked(s.Mark) }

// Guardians lists the pids of its guardians.
func (s *Server) Guardians() []int {
	var found []int
	for _, pid := range childrenOf(s.PID) {
		if path, _ := os.Readlink(procDir(pid) + "/exe"); path == s.path {
			found = append(found, pid)
		}
	}
	return found
}

// GuardianOf gives the pid of the guardian of a job that runs.
func (s *Server) GuardianOf(job Record) int {
	pid := parentOf(job.PID)
	if !slices.Contains(s.Guardians(), pid) {
		s.t.Fatalf("the parent %d of job %d is no guardian: %+v", pid, job.Job, job)
	}
	return pid
}

// jobProcesses lists what belongs to jobs: neither the server nor a guardian.
func (s *Server) jobProcesses() []process {
	var found []process
	for _, p := range s.Survivors() {
		if path, err := os.Readlink(procDir(p.pid) + "/exe"); err == nil && path != s.path && p.pid != s.HostPID {
			found = append(found, p)
		}
	}
	return found
}

// OnlyServer checks, while no job runs, that no process of a job is left.
func (s *Server) OnlyServer() {
	if left := s.jobProcesses(); len(left) > 0 {
		s.t.Errorf("no job runs, but processes of jobs are left: %v", left)
	}
}

// HasCgroup says that the server puts jobs into cgroups of version 2.
func (s *Server) HasCgroup() bool {
	var r struct{ Capabilities Capabilities }
	s.Result(s.Call("initialize", map[string]any{}), &r)
	return r.Capabilities.Cgroups == "v2"
}

// Descriptors counts the server's open descriptors.
func (s *Server) Descriptors() int {
	names, _ := os.ReadDir(procDir(s.PID) + "/fd")
	return len(names)
}

// remainsLimit is how long something of a server may be seen after its end: the promise is one second, but a busy machine may not let
// its guardians run at once. How long it took is measured.
const remainsLimit = 10 * time.Second

// Gone checks, after the server's end, that nothing is left of it: no process, no cgroup, no temporary file.
func (s *Server) Gone() {
	s.Exit()
	if s.gone {
		return
	}
	s.gone = true
	took, ok := eventually(remainsLimit, func() bool { return len(s.Survivors()) == 0 })
	if !ok {
		s.t.Errorf("processes are left: %v", s.Survivors())
		s.endSurvivors()
	}
	s.t.Measure("processes gone", took)
	took, ok = eventually(remainsLimit, func() bool { return len(cgroupsOf(s.PID)) == 0 })
	if !ok {
		s.t.Errorf("cgroups are left: %v", cgroupsOf(s.PID))
		s.removeCgroups()
	}
	s.t.Measure("cgroups gone", took)
	if files := filesBelow(s.temporary()); len(files) > 0 {
		s.t.Errorf("temporary files are left: %v", files)
	}
}

// endSurvivors keeps what a failed try left from disturbing the next ones.
func (s *Server) endSurvivors() {
	for range 100 {
		for _, p := range s.Survivors() {
			_ = syscall.Kill(p.pid, syscall.SIGKILL)
		}
	}
}

// removeCgroups does the same for cgroups, the inner ones first.
func (s *Server) removeCgroups() {
	left := cgroupsOf(s.PID)
	for _, dir := range slices.Backward(left) {
		_ = os.Remove(dir)
	}
}

// finish ends the server at the end of a try, and checks what must be true of any.
func (s *Server) finish() {
	if !s.ended {
		s.CloseInput()
		s.Signal(syscall.SIGTERM)
		s.Signal(syscall.SIGCONT)
		s.Exit()
	}
	s.Gone()
	for _, problem := range s.ledger.problems {
		s.t.Errorf("%s", problem)
	}
	_ = os.RemoveAll(s.temporary())
	_ = os.Remove(s.path)
	if s.stderr != "" {
		_ = os.Remove(s.stderr)
	}
}

// decode reads a line. A batch's answer stays in Line.
func decode(line string) (m Message, err error) {
	m.Line = line
	if line != "" && line[0] == '[' {
		return m, nil
	}
	err = json.Unmarshal([]byte(line), &m)
	return m, err
}

package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"expool/pool"

	"go.uber.org/goleak"
)

// asProgram is the variable that makes the test binary the program itself, so that a test can kill it.
const asProgram = "EXPOOL_EXAMPLE_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	pool.RunGuardian()
	goleak.VerifyTestMain(m)
}

// result is what a run left.
type result struct {
	status         int
	stdout, stderr string
}

var seconds = regexp.MustCompile(`\d+\.\d+ s\b`)

func runHere(ctx context.Context, commands ...string) result {
	var out, errs bytes.Buffer
	status := run(ctx, commands, &out, &errs)
	return result{status, seconds.ReplaceAllString(out.String(), "T s"), errs.String()}
}

// program gives the command that runs this program by itself.
func program(commands ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], commands...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// until waits for a condition, for much longer than it takes.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// endless is a command that writes its process id into a file, and then sleeps for ever.
func endless(file string) string { return "echo $$ > '" + file + "'; exec sleep 100000" }

func pidIn(t *testing.T, file string) int {
	t.Helper()
	var pid int
	until(t, file+" has a process id", func() bool {
		text, _ := os.ReadFile(file)
		n, err := strconv.Atoi(strings.TrimSuffix(string(text), "\n"))
		pid = n
		return err == nil && bytes.HasSuffix(text, []byte("\n"))
	})
	return pid
}

// untilGone waits for the end of a process. One that waits to be reaped, in a container perhaps for ever, counts as gone.
func untilGone(t *testing.T, pid int) {
	t.Helper()
	until(t, "the job is gone", func() bool {
		stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
		if err != nil {
			return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH)
		}
		_, fields, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')'):], []byte(" "))
		return fields[0] == 'Z' || fields[0] == 'X'
	})
}

func TestCommandsThatAllSucceedAreShownWithTheirOutput(t *testing.T) {
	got := runHere(t.Context(), `echo "hällo  you"; echo more >&2`)
	want := result{0, "[1] starts: echo \"hällo  you\"; echo more >&2\n[1] done: exit code 0, T s\n[1]   hällo  you\n[1]   more\n", ""}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestTheFirstFailureCancelsTheOthers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	got := runHere(t.Context(), endless(file), "until test -s '"+file+"'; do sleep 0.01; done; echo oops >&2; exit 3")
	for _, want := range []string{"[2] failed: exit code 3, T s\n[2]   oops\n", "[1] failed: cancelled, T s\n"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("%q is not in %q", want, got.stdout)
		}
	}
	if got.status != statusFailed {
		t.Errorf("status %d: %s", got.status, got.stderr)
	}
	untilGone(t, pidIn(t, file))
}

func TestACommandThatCannotStartIsAFailure(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if got := runHere(t.Context(), "true"); got.status != statusFailed || !strings.Contains(got.stdout, "[1] failed: start_failed, T s\n") {
		t.Errorf("%+v", got)
	}
}

func TestAnInterruptEndsAllCommands(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	cmd := program(endless(file))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := pidIn(t, file)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	cmd.Wait() // its status is looked at
	if !strings.Contains(out.String(), "[1] failed: cancelled") || cmd.ProcessState.ExitCode() != statusInterrupted {
		t.Errorf("%v: %s", cmd.ProcessState, out.String())
	}
	untilGone(t, pid)
}

func TestAKilledHostLeavesNoProcess(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	cmd := program(`setsid sh -c "echo \$\$ > '` + file + `'; exec sleep 100000" & wait`)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := pidIn(t, file)
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	cmd.Wait() // it was killed
	untilGone(t, pid)
}

func TestWrongUseIsTold(t *testing.T) {
	if got := runHere(t.Context()); got.status != statusUsage || got.stdout != "" || !strings.HasPrefix(got.stderr, "usage:") {
		t.Errorf("%+v", got)
	}
}

package proc

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// folders are those of the pool's cgroups.
func (p *pool) folders() []string {
	var list []string
	for _, dir := range []string{p.cgroups.pool, p.cgroups.memory.root, p.cgroups.memory.home} {
		if dir != "" {
			list = append(list, dir)
		}
	}
	return list
}

func TestCgroupsExistWhileThereAreGuardians(t *testing.T) {
	p := newPool(t, Config{Idle: 1})
	needCgroup(t, p)
	expect := func(when string, want bool) {
		t.Helper()
		for _, dir := range p.folders() {
			if !pollFor(patience, func() bool { return exists(dir) == want }) {
				t.Errorf("%s: %s exists: %v", when, dir, !want)
			}
		}
	}
	expect("before the first job", false)
	for range 2 {
		a := p.start(Command{Args: []string{"sleep", "1000"}, MemGroup: true})
		guardian := guardianOf(t, p.started(a))
		expect("while a job runs", true)
		p.Signal(a, Hard)
		p.exited(a)
		expect("while a guardian is idle", true)
		kill(t, guardian, unix.SIGKILL)
		expect("after the last guardian", false)
	}
	p.run(shell(":"))
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	for _, dir := range p.folders() {
		if exists(dir) {
			t.Errorf("%s is left", dir)
		}
	}
}

func TestAServerKilledWhileItStartsLeavesNoCgroup(t *testing.T) {
	needCgroup(t, newPool(t, Config{}))
	for _, moment := range []string{"idle", "start", "made", "made", "made"} {
		args := helper("early", moment)
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		var dirs []string
		for lines := bufio.NewScanner(out); lines.Scan(); {
			dirs = append(dirs, lines.Text())
		}
		if err := cmd.Wait(); len(dirs) != 2 || err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("%s: the server says %q, %v", moment, dirs, err)
		}
		for _, dir := range dirs {
			expectNoCgroup(t, dir)
		}
	}
}

func TestCgroupsThatAJobHasMadeGoBeforeTheNextJob(t *testing.T) {
	p := newPool(t, Config{Idle: 1})
	needCgroup(t, p)
	const script = `for dir in "$@"; do for leaf in "$dir"/*/; do mkdir -p "$leaf/below/deep"; done; done`
	for range 3 {
		c := shell(script, p.folders()...)
		c.MemGroup = true
		if x := p.run(c); x.Code != 0 || len(x.Warnings) > 0 {
			t.Fatalf("got %+v", x)
		}
		made, _ := filepath.Glob(filepath.Join(p.cgroups.pool, "*", "below", "deep"))
		if len(made) != 1 {
			t.Fatalf("the job has made %v", made)
		}
		c = shell(":")
		c.MemGroup = true
		if x := p.run(c); x.Code != 0 || len(x.Warnings) > 0 {
			t.Fatalf("the next job: %+v", x)
		}
		for _, dir := range p.folders() {
			if left, _ := filepath.Glob(filepath.Join(dir, "*", "below")); len(left) > 0 {
				t.Errorf("%v are left", left)
			}
		}
	}
}

func TestACgroupIsRemovedWithAllBelow(t *testing.T) {
	p := newPool(t, Config{})
	needCgroup(t, p)
	for _, dir := range p.folders() {
		top := filepath.Join(filepath.Dir(dir), "below-"+itoa(os.Getpid()))
		for _, below := range []string{"a/b/c", "a/d", "e"} {
			if err := os.MkdirAll(filepath.Join(top, below), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		child := exec.Command("sleep", "1000")
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		if err := join(filepath.Join(top, "a/b"), child.Process.Pid); err != nil {
			t.Fatal(err)
		}
		if removeEmpty(top) || !exists(filepath.Join(top, "a/b")) || exists(filepath.Join(top, "e")) {
			t.Errorf("%s: not as far as it is empty", top)
		}
		removeCgroup(top)
		if err := child.Wait(); err == nil || exists(top) {
			t.Errorf("%s is left, or its process: %v", top, err)
		}
	}
}

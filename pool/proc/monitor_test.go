package proc

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// slackOf reads the timer slack of a thread. Of other ones than the caller only root may.
func slackOf(t *testing.T, tid int) int {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(tid) + "/timerslack_ns")
	if err != nil {
		t.Fatal(err)
	}
	return slackIn(t, text)
}

func slackIn(t *testing.T, text []byte) int {
	t.Helper()
	slack, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return slack
}

func TestTheThreadsOfAGuardianSleepLongButForTheOneThatForks(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may see the timer slack of other processes")
	}
	p := newPool(t, Config{})
	p.started(p.start(shell("sleep 1000")))
	guardian := children(os.Getpid())[0]
	tasks, err := os.ReadDir("/proc/" + strconv.Itoa(guardian) + "/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		tid, _ := strconv.Atoi(task.Name())
		want := int(monitorSlack)
		if tid == guardian {
			want = timerSlack()
		}
		if slack := slackOf(t, tid); slack != want {
			t.Errorf("thread %d of guardian %d has a slack of %d ns, want %d", tid, guardian, slack, want)
		}
	}
}

func TestTheServersTimerSlackIsHandedOver(t *testing.T) {
	const usual, servers = 50_000, 70_000 // nanoseconds
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer setTimerSlack(timerSlack())
	setTimerSlack(servers)
	variable, meanwhile := "", 0
	_, err := restMonitor(func(v string) (int, error) {
		variable, meanwhile = v, timerSlack()
		return 0, nil
	})
	if want := "EXPOOL_TIMER_SLACK=70000"; err != nil || variable != want || meanwhile != int(monitorSlack) || timerSlack() != servers {
		t.Errorf("the guardian is told %q, its threads get a slack of %d ns, and the server's is %d ns then: %v", variable, meanwhile, timerSlack(), err)
	}
	setTimerSlack(usual)
	name, value, _ := strings.Cut(variable, "=")
	t.Setenv(name, value)
	if keepTime(); timerSlack() != servers {
		t.Errorf("the thread that forks jobs has a slack of %d ns, want the server's %d", timerSlack(), servers)
	}
}

// A job in a memory cgroup of version 1 is forked by another thread.
func TestJobsHaveTheTimerSlackOfTheServer(t *testing.T) {
	p := newPool(t, Config{})
	for _, c := range []Command{{}, {MemGroup: true}} {
		c.Args, c.Stdout = []string{"cat", "/proc/self/timerslack_ns"}, Output{Kind: Pipe}
		if slack := slackIn(t, p.run(c).Stdout.Data); slack != timerSlack() {
			t.Errorf("in a memory cgroup: %v: the job has a slack of %d ns, want %d", c.MemGroup, slack, timerSlack())
		}
	}
}

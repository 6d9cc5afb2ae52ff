package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestAPipeRunsAJobAndTheExitStatusFollowsIt(t *testing.T) {
	for command, want := range map[string]int{"true": 0, "false": 1} {
		cmd := serverCommand()
		cmd.Stdin = strings.NewReader(fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"execute","params":{"name":"a","args":[%q]}}`, command))
		out, _ := cmd.Output()
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Errorf("%s: exit status %d, want %d; output:\n%s", command, got, want, out)
		}
		if n := strings.Count(string(out), "onfinish"); n != 1 {
			t.Errorf("%s: %d onfinish in\n%s", command, n, out)
		}
	}
}

func TestAnEmptyInputEndsWithZero(t *testing.T) {
	if status := start(t).end(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

func TestResponsesPrecedeTheNotificationsThatTheyCause(t *testing.T) {
	h := start(t, "--workers=2")
	h.call(1, "execute", `{"name":"a","args":["true"]}`)
	h.call(2, "execute", `{"jobs":[{"name":"b","args":["true"]},{"name":"c","args":null}]}`)
	h.call(3, "join", "")
	h.reply(3)
	var order []string
	for _, m := range h.seen {
		order = append(order, m.Method+string(m.ID))
	}
	if order[0] != "1" || order[len(order)-1] != "3" {
		t.Errorf("the order is %v", order)
	}
	var last int64
	for _, m := range h.seen {
		if m.Method == "" {
			continue
		}
		if m.Params.Seq <= last {
			t.Errorf("seq %d follows %d", m.Params.Seq, last)
		}
		last = m.Params.Seq
	}
	if status := h.end(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

func TestABatchIsAnsweredBeforeItsNotifications(t *testing.T) {
	h := start(t)
	h.send(`[{"jsonrpc":"2.0","id":1,"method":"execute","params":{"name":"a","args":["true"]}},` +
		`{"jsonrpc":"2.0","id":2,"method":"execute","params":{"name":"b","args":null}},{"jsonrpc":"2.0","method":"status"},7]`)
	h.finished(1)
	h.finished(2)
	var batch []struct{ ID *int }
	if err := json.Unmarshal([]byte(h.seen[0].line), &batch); err != nil || len(batch) != 3 || batch[2].ID != nil {
		t.Errorf("the first line is %s", h.seen[0].line)
	}
	// A batch with a call that waits replies at its end.
	h.send(`[{"jsonrpc":"2.0","id":3,"method":"execute","params":{"name":"c","args":["true"]}},{"jsonrpc":"2.0","id":4,"method":"join"}]`)
	last := h.wait("second batch", func(m message) bool {
		return strings.HasPrefix(m.line, "[") && strings.Contains(m.line, `"completed":true`)
	})
	if !strings.Contains(h.transcript(), `"job":3,"name":"c"`) {
		t.Errorf("%s came before the end of job 3", last.line)
	}
}

func TestAConfirmedStart(t *testing.T) {
	h := start(t)
	yes := h.execute(1, `{"name":"yes","args":["true"],"confirm":true}`)
	no := h.execute(2, `{"name":"no","args":["true"],"confirm":true}`)
	answer := func(job int64, result string) {
		m := h.wait("request", func(m message) bool { return m.Method == "onstart" && m.Params.Job == job })
		var id string
		if err := json.Unmarshal(m.ID, &id); err != nil || m.Params.Seq == 0 {
			t.Fatalf("the request %s needs a string as its id, and a seq", m.line)
		}
		h.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%q,%s}`, id, result))
	}
	answer(yes, `"result":null`)
	if r := h.finished(yes); r.Reason != "exited" || r.State != "done" {
		t.Errorf("confirmed: %+v", r)
	}
	answer(no, `"error":{"code":1,"message":"no room"}`)
	r := h.finished(no)
	if r.Reason != "rejected" || r.Code != nil || len(r.Warnings) == 0 || !strings.Contains(r.Warnings[0], "no room") {
		t.Errorf("refused: %+v", r)
	}
}

func TestWaitRepliesWithTheRecordAfterItsNotifications(t *testing.T) {
	h := start(t, "--workers=1")
	h.execute(1, `{"name":"long","args":["sleep","1000"]}`)
	h.call(2, "execute", `{"name":"now","args":["sh","-c","echo out; echo err >&2; exit 3"],"wait":true,"stdout":"pipe","stderr":"pipe","params":{"k":[1]}}`)
	r := result[record](h, 2)
	if *r.Code != 3 || r.Stdout != "out\n" || r.Stderr != "err\n" || r.State != "failed" {
		t.Errorf("%+v", r)
	}
	if last := h.seen[len(h.seen)-2]; last.Method != "onfinish" {
		t.Errorf("before the reply came %s", last.line)
	}
	h.call(3, "cancel", `{"job":1}`)
	if n := result[struct{ Cancelled int }](h, 3).Cancelled; n != 1 {
		t.Errorf("cancelled %d", n)
	}
	if r := h.finished(1); r.Reason != "cancelled" || *r.Code != -15 {
		t.Errorf("%+v", r)
	}
}

func TestATimeoutRestartsOrEnds(t *testing.T) {
	h := start(t, "--grace=0.1")
	once := filepath.Join(t.TempDir(), "once")
	restarted := h.execute(1, fmt.Sprintf(`{"name":"r","timeout":0.3,"rsrtonto":true,"args":["sh","-c","test -e '%s' || { touch '%s'; exec sleep 1000; }"]}`, once, once))
	if r := h.finished(restarted); r.Attempts != 2 || r.State != "done" {
		t.Errorf("%+v", r)
	}
	stubborn := h.execute(2, `{"name":"s","timeout":0.2,"args":["sh","-c","trap '' TERM; sleep 1000 & wait; wait"]}`)
	if r := h.finished(stubborn); r.Reason != "timeout" || *r.Code != -9 || r.Duration < 0.3 {
		t.Errorf("%+v", r)
	}
}

func TestTasksHaveTheirOwnNotificationsAndDefaults(t *testing.T) {
	h := start(t)
	file := filepath.Join(t.TempDir(), "made", "here", "out put ü.txt")
	h.call(1, "task", fmt.Sprintf(`{"name":"outer","params":{"n":1},"stdout":{"file":%q}}`, file))
	h.call(2, "task", `{"name":"inner","task":1}`)
	h.execute(3, `{"name":"a","args":["echo","hello"],"task":2}`)
	h.call(4, "join", "")
	h.reply(4)
	var order []string
	for _, m := range h.seen {
		if m.Method != "" {
			order = append(order, fmt.Sprint(m.Method, " ", m.Params.Name))
		}
	}
	want := "[onstart outer onstart inner onstart a ondone a onfinish a ondone inner onfinish inner ondone outer onfinish outer]"
	if fmt.Sprint(order) != want {
		t.Errorf("got  %v\nwant %v", order, want)
	}
	if out, err := os.ReadFile(file); err != nil || string(out) != "hello\n" {
		t.Errorf("the file has %q, %v", out, err)
	}
	h.call(5, "execute", `{"name":"late","args":["true"],"task":1}`)
	if text := h.failure(5, -32602); !strings.Contains(text, "closed") {
		t.Error(text)
	}
}

func TestTerminateAndClear(t *testing.T) {
	h := start(t, "--workers=1")
	h.call(1, "execute", `{"jobs":[{"name":"a","args":["sleep","1000"]},{"name":"b","args":["sleep","1000"]}]}`)
	h.event("onstart", 1)
	h.call(2, "clear", "")
	h.failure(2, -32003)
	h.call(3, "terminate", "")
	if n := result[struct{ Terminated int }](h, 3).Terminated; n != 2 {
		t.Errorf("terminated %d", n)
	}
	h.call(4, "execute", `{"name":"c","args":["true"]}`)
	h.failure(4, -32001)
	h.call(5, "join", "")
	sum := result[struct {
		Completed bool
		Done      int
		Failed    int
		Failures  []record
	}](h, 5)
	if sum.Completed || sum.Failed != 2 || len(sum.Failures) != 2 {
		t.Errorf("%+v", sum)
	}
	h.call(6, "clear", "")
	h.reply(6)
	if id := h.execute(7, `{"name":"d","args":["true"]}`); id != 3 {
		t.Errorf("job %d", id)
	}
	h.finished(3)
}

func TestShutdownRepliesWhenDoneAndTheServerExitsWithZero(t *testing.T) {
	h := start(t)
	h.execute(1, `{"name":"bad","args":["false"]}`)
	h.call(2, "shutdown", `{"mode":"finish"}`)
	if status := h.exit(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if last := h.seen[len(h.seen)-1]; string(last.ID) != "2" || last.Error != nil {
		t.Errorf("the last line is %s", last.line)
	}
}

func TestTheEndOfInputInTerminateModeEndsEverything(t *testing.T) {
	h := start(t, "--on-eof=terminate", "--workers=1")
	h.execute(1, `{"name":"a","args":["sleep","1000"]}`)
	h.execute(2, `{"name":"b","args":["sleep","1000"]}`)
	h.event("onstart", 1)
	if status := h.end(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if r := h.finished(1); r.Reason != "terminated" {
		t.Errorf("%+v", r)
	}
	if r := h.finished(2); r.Reason != "terminated" || r.Code != nil {
		t.Errorf("%+v", r)
	}
}

// Two jobs at once need a guardian that is not there yet.
func TestJobsRunInAServerWhoseFolderIsGone(t *testing.T) {
	cmd := serverCommand("--workers=2")
	cmd.Args = append([]string{"sh", "-c", `cd "$(mktemp -d)" && rmdir "$PWD" && exec "$@"`, "sh", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	runsTwo(t, startCommand(t, cmd))
}

func TestJobsRunInAServerWhoseFolderIsRenamed(t *testing.T) {
	cmd := serverCommand("--workers=2")
	cmd.Dir = filepath.Join(t.TempDir(), "old")
	if err := os.Mkdir(cmd.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	h := startCommand(t, cmd)
	h.finished(h.execute(2, `{"name":"first","args":["true"]}`)) // the server is ready
	if err := os.Rename(cmd.Dir, cmd.Dir+".new"); err != nil {
		t.Fatal(err)
	}
	runsTwo(t, h)
}

func runsTwo(t *testing.T, h *host) {
	t.Helper()
	h.call(1, "execute", `{"jobs":[{"name":"a","args":["true"],"stdout":null},{"name":"b","args":["true"],"workdir":"/"}]}`)
	if status := h.end(); status != 0 {
		t.Errorf("exit status %d:\n%s", status, h.transcript())
	}
}

// Neither the parent, which goes on, nor a read tells that the input has ended while no further line is read.
func TestTheEndOfInputIsSeenBehindAFullQueue(t *testing.T) {
	flags := []string{"--on-eof=terminate", "--workers=1", "--max-queued=1"}
	t.Run("pipe", func(t *testing.T) { endBehindAFullQueue(t, start(t, flags...)) })
	t.Run("socket", func(t *testing.T) {
		fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		ours, servers := os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "the server's")
		defer servers.Close()
		cmd := serverCommand(flags...)
		cmd.Stdin = servers
		endBehindAFullQueue(t, startWith(t, cmd, ours))
	})
}

func endBehindAFullQueue(t *testing.T, h *host) {
	h.call(1, "execute", `{"jobs":[{"name":"a","args":["sleep","1000"]},{"name":"b","args":["sleep","1000"]}]}`)
	h.call(2, "status", "") // is not read before the end
	h.event("onstart", 1)
	if status := h.end(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if r := h.finished(2); r.Reason != "terminated" || r.Attempts != 0 {
		t.Errorf("%+v", r)
	}
	h.reply(2)
}

func TestAnInputThatCanNotBeReadIsTold(t *testing.T) {
	folder, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	cmd := serverCommand()
	cmd.Stdin = folder
	told, _ := cmd.CombinedOutput()
	if status := exitStatus(cmd.ProcessState); status != 74 || !strings.Contains(string(told), "is a directory") {
		t.Errorf("exit status %d, %q", status, told)
	}
}

func TestWrongFlagsAreRefused(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink("/dev/null", link); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		flags []string
		names string
	}{
		{[]string{"--workers=0"}, "--workers"},
		{[]string{"--workers=1048577"}, "--workers"},
		{[]string{"--grace=-1"}, "--grace"},
		{[]string{"--state-file=" + os.DevNull}, "--state-file"},
		{[]string{"--state-file=" + link}, "--state-file"},
		{[]string{"topology", "--affinity=bogus"}, "--affinity"},
		{[]string{"topology", "--membind=x"}, "--membind"},
		{[]string{"topology", "--on-eof=x"}, "--on-eof"},
		{[]string{"frobnicate"}, "frobnicate"},
	} {
		cmd := serverCommand(c.flags...)
		told, _ := cmd.CombinedOutput()
		if status := exitStatus(cmd.ProcessState); status != 2 || !strings.Contains(string(told), c.names) {
			t.Errorf("%v: exit status %d, %q", c.flags, status, told)
		}
	}
}

func TestQueries(t *testing.T) {
	h := start(t, "--workers=1")
	h.execute(1, `{"name":"a","args":["sleep","1000"],"category":"c","params":[1,{"x":"y"}]}`)
	h.execute(2, `{"name":"b","args":["true"]}`)
	h.call(3, "status", "")
	st := result[struct {
		Alive   bool
		Workers int
		Queued  int
		Memory  map[string]any
		Uptime  float64
	}](h, 3)
	if !st.Alive || st.Workers != 1 || st.Queued != 1 || st.Memory == nil || st.Uptime <= 0 {
		t.Errorf("%+v", st)
	}
	h.call(4, "jobs", `{"state":"queued"}`)
	jobs := result[struct {
		Jobs []record
		More bool
	}](h, 4)
	if len(jobs.Jobs) != 1 || jobs.Jobs[0].Job != 2 || jobs.More {
		t.Errorf("%+v", jobs)
	}
	h.call(5, "explain", `{"job":2}`)
	x := result[struct {
		Job        int
		State      string
		Constraint string
		WaitsFor   []int `json:"waits_for"`
		Text       string
	}](h, 5)
	if x.Constraint != "workers" || len(x.WaitsFor) != 1 || x.WaitsFor[0] != 1 || x.Text == "" {
		t.Errorf("%+v", x)
	}
	h.call(6, "events", `{"after":0}`)
	log := result[struct {
		Events      []struct{ Seq int64 }
		First, Last int64
	}](h, 6)
	for i, e := range log.Events {
		if e.Seq != int64(i)+1 {
			t.Errorf("event %d has seq %d", i, e.Seq)
		}
	}
	if log.First != 1 || int(log.Last) != len(log.Events) || len(log.Events) < 3 {
		t.Errorf("%+v", log)
	}
	h.call(7, "cancel", `{"job":77}`)
	h.failure(7, -32002)
	h.call(8, "tasks", "")
	h.reply(8)
}

func TestOnlyTheNotificationsThatWereAskedForAreSent(t *testing.T) {
	for _, c := range []struct{ flag, notify, want string }{
		{"none", "null", ""},
		{"onfinish", "null", "onfinish"},
		{"onstart,onfinish", `["ondone","onstart"]`, "onstart ondone"},
		{"onfinish", "[]", ""},
	} {
		h := start(t, "--notify="+c.flag)
		h.call(1, "initialize", `{"notify":`+c.notify+`}`)
		h.call(2, "execute", `{"name":"job","args":["true"]}`)
		h.call(3, "join", "")
		h.reply(3)
		var told []string
		for _, m := range h.seen {
			if m.Method != "" {
				told = append(told, m.Method)
			}
		}
		if got := strings.Join(told, " "); got != c.want {
			t.Errorf("--notify=%s and then %s sent %q, want %q", c.flag, c.notify, got, c.want)
		}
	}
}

func TestAConfirmationIsAskedForWhateverNotificationsAreSent(t *testing.T) {
	h := start(t, "--notify=none")
	job := h.execute(1, `{"name":"job","args":["true"],"confirm":true}`)
	h.event("onstart", job)
	h.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":"confirm-%d-1","result":null}`, job))
	h.call(2, "join", "")
	h.reply(2)
}

func TestInitializeComesFirstAndOnce(t *testing.T) {
	h := start(t)
	h.call(1, "initialize", `{"workers":3,"grace":0.5,"name":"p","protocol":1}`)
	got := result[struct {
		Server, Version string
		Protocol        int
		Workers         int
		Grace           float64
		Warnings        []string
		Capabilities    map[string]any
		Topology        map[string]any
	}](h, 1)
	if got.Server != "expool-rpc" || got.Workers != 3 || got.Grace != 0.5 || got.Capabilities == nil || got.Topology == nil {
		t.Errorf("%+v", got)
	}
	h.call(2, "initialize", "")
	h.failure(2, -32600)
	other := start(t)
	other.call(1, "status", "")
	other.call(2, "initialize", "")
	other.failure(2, -32600)
}

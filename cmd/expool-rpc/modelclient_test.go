package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"pgregory.net/rapid"
)

// TestAServerDoesWhatTheModelSaysToRandomCalls plays a client that sends random calls, several at a time, lets jobs go, answers requests to confirm, and
// at last ends the conversation in one of the ways there are. Each line that comes is the one that the model expects.
func TestAServerDoesWhatTheModelSaysToRandomCalls(t *testing.T) {
	dir := t.TempDir()
	setChecks(t, 25)
	rapid.Check(t, func(rt *rapid.T) {
		workers := rapid.IntRange(1, 3).Draw(rt, "workers")
		h := start(t, fmt.Sprintf("--workers=%d", workers))
		c := &client{oracle: &oracle{model: newModel(workers), t: rt, h: h, calls: map[string]*call{}, immediate: map[string]string{}}, dir: dir, gatesOf: map[string]*os.File{}}
		defer c.close()
		c.send(newCall("status", "{}", 0))
		rt.Repeat(map[string]func(*rapid.T){
			"execute": c.execute, "executeList": c.executeList, "executeAndWait": c.executeAndWait, "task": c.makeTask, "close": c.closeTask,
			"cancel": c.cancelOne, "letGo": c.letGo, "confirm": c.confirm, "ask": c.ask, "askWrongly": c.askWrongly, "batch": c.batch,
			"notify": c.notify, "join": c.join, "clear": c.clearPool, "terminate": c.terminatePool, "await": c.await,
			"executeMore": c.execute, "awaitMore": c.await, "awaitStillMore": c.await, // most of the others end jobs
		})
		c.checkLog()
		c.endConversation(rt)
	})
}

// setChecks sets how many runs rapid makes, unless -rapid.checks says it: each of these takes half a second.
func setChecks(t *testing.T, n int) {
	f := flag.Lookup("rapid.checks")
	if before := f.Value.String(); before == f.DefValue {
		f.Value.Set(fmt.Sprint(n))
		t.Cleanup(func() { f.Value.Set(before) })
	}
}

// client makes random calls. How many numbers it draws, and from which ranges, depends on nothing but those before, so that a failure can be shrunk.
type client struct {
	*oracle
	dir       string
	gatesOf   map[string]*os.File // the ends of the pipes that gated jobs read, by name
	gateNames []string
}

var lastCall, lastGate atomic.Int64

func newCall(method, params string, target int64) *call {
	return &call{id: fmt.Sprint("c", lastCall.Add(1)), method: method, text: params, target: target}
}

func (c *client) close() {
	for _, f := range c.gatesOf {
		f.Close()
	}
	c.h.once.Do(func() {
		c.h.cmd.Process.Kill()
		c.h.cmd.Wait()
	})
}

// commands are the commands of the kinds of jobs.
var commands = map[kind]string{
	stub: `"args":null`, missing: `"args":["/no/such/command"]`, zero: `"args":["true"]`, three: `"args":["sh","-c","exit 3"]`,
	killed: `"args":["sh","-c","kill -USR1 $$"]`, timed: `"args":["sleep","1000"],"timeout":0.03`, looping: `"args":["sleep","1000"],"timeout":0.03,"rsrtonto":true`,
	gated: `"args":["sh","-c","read code <\"$0\"; exit $code",%q]`,
}

// job draws a job, and the JSON for it.
func (c *client) job(t *rapid.T, task int64, from ...kind) (*modelJob, string) {
	j := &modelJob{kind: rapid.SampledFrom(from).Draw(t, "kind"), name: "j"}
	j.confirm = rapid.IntRange(0, 4).Draw(t, "confirm") == 0
	command := commands[j.kind]
	if j.kind == gated {
		j.name = fmt.Sprint("gate", lastGate.Add(1))
		command = fmt.Sprintf(command, c.makeGate(j.name))
	}
	text := fmt.Sprintf(`{"name":%q,"stdout":null,"stderr":null,%s,"confirm":%v,"params":[%d]}`, j.name, command, j.confirm, c.lastJob)
	if task != 0 {
		text = strings.TrimSuffix(text, "}") + fmt.Sprintf(`,"task":%d}`, task)
	}
	return j, text
}

// makeGate makes the pipe that a gated job reads its exit code from.
func (c *client) makeGate(name string) string {
	path := filepath.Join(c.dir, name)
	err := syscall.Mkfifo(path, 0o600)
	if err == nil {
		c.gatesOf[name], err = os.OpenFile(path, os.O_RDWR, 0)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.gateNames = append(c.gateNames, name)
	return path
}

// recent draws an id: often a recent one, at times one that was never given.
func recent(t *rapid.T, what string, last int64) int64 {
	return max(1, last+1-rapid.Int64Range(0, 5).Draw(t, what))
}

// inTask draws a task to add to, or none.
func (c *client) inTask(t *rapid.T) int64 {
	id := recent(t, "task", c.lastTask)
	return id * int64(min(1, rapid.IntRange(0, 2).Draw(t, "in a task")))
}

// await waits until the next thing happens, if something does.
func (c *client) await(*rapid.T) {
	if !c.quiet() {
		c.take()
	}
}

func (c *client) execute(t *rapid.T) { c.send(c.newExecute(t, kinds...)); c.sometimesLook(t) }

func (c *client) newExecute(t *rapid.T, from ...kind) *call {
	task := c.inTask(t)
	j, text := c.job(t, task, from...)
	call := newCall("execute", text, task)
	call.jobs = []*modelJob{j}
	return call
}

func (c *client) executeList(t *rapid.T) {
	task := c.inTask(t)
	call := newCall("execute", "", task)
	call.list = true
	var list []string
	for range rapid.IntRange(1, 4).Draw(t, "jobs") {
		j, text := c.job(t, task, kinds...)
		call.jobs, list = append(call.jobs, j), append(list, text)
	}
	call.text = `{"jobs":[` + strings.Join(list, ",") + `]}`
	c.send(call)
	c.sometimesLook(t)
}

func (c *client) executeAndWait(t *rapid.T) {
	if !rarely(t, 3) {
		return
	}
	call := c.newExecute(t, kinds...)
	call.text = strings.TrimSuffix(call.text, "}") + `,"wait":true}`
	call.jobs[0].wait = call.id
	c.sendQuiet(call)
}

func (c *client) makeTask(t *rapid.T) { c.send(c.newTask(t)); c.sometimesLook(t) }

func (c *client) newTask(t *rapid.T) *call {
	around := c.inTask(t)
	text := `{"name":"t","params":{"k":1}}`
	if around != 0 {
		text = fmt.Sprintf(`{"name":"t","task":%d}`, around)
	}
	return newCall("task", text, around)
}

func (c *client) closeTask(t *rapid.T) { c.send(c.newClose(t)); c.sometimesLook(t) }

func (c *client) newClose(t *rapid.T) *call {
	id := recent(t, "task", c.lastTask)
	return newCall("close", fmt.Sprintf(`{"task":%d}`, id), id)
}

func (c *client) newCancel(t *rapid.T) *call {
	if rapid.IntRange(0, 3).Draw(t, "of a task") == 0 {
		id := recent(t, "task", c.lastTask)
		call := newCall("cancel", fmt.Sprintf(`{"task":%d}`, id), id)
		call.tasks = true
		return call
	}
	id := recent(t, "job", c.lastJob)
	return newCall("cancel", fmt.Sprintf(`{"job":%d}`, id), id)
}

func (c *client) cancelOne(t *rapid.T) { c.send(c.newCancel(t)); c.sometimesLook(t) }

// letGo lets a gated job end, now or when it runs.
func (c *client) letGo(t *rapid.T) {
	if len(c.gateNames) == 0 {
		return
	}
	name := rapid.SampledFrom(c.gateNames).Draw(t, "gate")
	c.open(name, rapid.SampledFrom([]int{0, 7}).Draw(t, "code"))
	c.sometimesLook(t)
}

func (c *client) open(name string, code int) {
	if _, already := c.gates[name]; !already {
		c.gates[name] = code
		fmt.Fprintln(c.gatesOf[name], code)
	}
}

// confirm answers a request that is open, was answered or ended otherwise, or was never made; not one that may be made just now.
func (c *client) confirm(t *rapid.T) {
	job, attempt, yes := recent(t, "job", c.lastJob), rapid.IntRange(1, 2).Draw(t, "attempt"), rapid.Bool().Draw(t, "yes")
	for len(c.pending) > 0 {
		c.take()
	}
	if j := c.jobs[job]; j == nil || j.reason != "" || attempt <= j.attempts {
		c.answerStart(job, attempt, yes)
	}
}

func (c *client) ask(t *rapid.T) { c.send(c.newQuestion(t)); c.sometimesLook(t) }

func (c *client) newQuestion(t *rapid.T) *call {
	method := rapid.SampledFrom([]string{"status", "jobs", "tasks", "explain"}).Draw(t, "question")
	if method != "explain" {
		return newCall(method, "{}", 0)
	}
	id := recent(t, "job", c.lastJob)
	return newCall(method, fmt.Sprintf(`{"job":%d}`, id), id)
}

// wrong are calls that are refused before the pool gets to know of them.
var wrong = [][3]string{
	{"execute", `{"name":"a"}`, "error -32602"}, {"execute", `{"name":"a","args":null,"timeout":1e400}`, "error -32602"},
	{"cancel", `{"job":18446744073709551617}`, "error -32602"}, {"close", `{"task":-1}`, "error -32602"}, {"status", `[1]`, "error -32602"},
	{"execute", `{"jobs":[{"name":"a","args":null},{"name":"b","args":null,"wait":true}]}`, "error -32602"}, {"nothing", `{}`, "error -32601"},
	{"initialize", `{}`, "error -32600"}, {"execute", `{"name":"a\u0000","args":["\u0000"]}`, "error -32602"}, {"join", `{"timeout":-1}`, "error -32602"},
}

func (c *client) askWrongly(t *rapid.T) {
	w := rapid.SampledFrom(wrong).Draw(t, "wrong")
	c.sendNow(newCall(w[0], w[1], 0), w[2])
}

// batch sends calls as a batch: such that nothing happens by itself between them.
func (c *client) batch(t *rapid.T) {
	if !rarely(t, 3) {
		return
	}
	var calls []*call
	for range rapid.IntRange(1, 4).Draw(t, "calls") {
		switch rapid.IntRange(0, 3).Draw(t, "call") {
		case 0:
			calls = append(calls, c.newTask(t))
		case 1:
			calls = append(calls, c.newClose(t))
		case 2:
			calls = append(calls, c.newQuestion(t))
		default:
			calls = append(calls, c.newExecute(t, stub))
		}
	}
	c.sendBatch(calls)
}

// rarely draws, once in so many times, to do what ends jobs: as all does before which nothing may go on.
func rarely(t *rapid.T, once int) bool { return rapid.IntRange(1, once).Draw(t, "once in") == 1 }

// notify sends a call without an id, which is carried out and not answered.
func (c *client) notify(t *rapid.T) {
	if !rarely(t, 3) {
		return
	}
	var call *call
	switch rapid.IntRange(0, 3).Draw(t, "call") {
	case 0:
		call = c.newTask(t)
	case 1:
		call = c.newClose(t)
	case 2:
		call = c.newCancel(t)
	default:
		call = c.newExecute(t, kinds...)
	}
	call.id = silent
	c.sendQuiet(call)
}

// join comes rarely, since it closes all tasks.
func (c *client) join(t *rapid.T) {
	if rarely(t, 9) {
		c.sendQuiet(newCall("join", "{}", 0))
	}
}

// clearPool is too early, mostly.
func (c *client) clearPool(t *rapid.T) {
	c.send(newCall("clear", "{}", 0))
	c.sometimesLook(t)
}

// terminatePool comes rarely, since nothing runs until the pool is cleared.
func (c *client) terminatePool(t *rapid.T) {
	if !rarely(t, 9) {
		return
	}
	c.send(newCall("terminate", "{}", 0))
	c.send(c.newExecute(t, kinds...))
	c.send(c.newTask(t))
	c.settleDown()
	c.send(newCall("join", "{}", 0))
	c.send(newCall("clear", "{}", 0))
}

// sometimesLook reads what has come, or leaves it to come together with the answers to later calls.
func (c *client) sometimesLook(t *rapid.T) {
	if rapid.Bool().Draw(t, "look") {
		c.look()
	}
}

// endConversation ends it in one of the ways there are, and checks the exit status.
func (c *client) endConversation(t *rapid.T) {
	c.cancelLooping()
	c.send(newCall("task", `{"name":"t"}`, 0)) // whose end shows that the end has begun
	c.settleDown()
	status := c.beginEnd(t)
	for len(c.expected) > 0 {
		c.take()
	}
	for _, name := range c.gateNames {
		c.open(name, rapid.SampledFrom([]int{0, 7}).Draw(t, "code"))
	}
	c.readToEnd()
	if got := c.h.exit(); got != status() {
		c.fail("exit status %d, want %d", got, status())
	}
}

// beginEnd ends the input or shuts down, and gives what the exit status is to be.
func (c *client) beginEnd(t *rapid.T) (status func() int) {
	switch rapid.SampledFrom([]string{"input", "shutdown", "terminate"}).Draw(t, "end") {
	case "input":
		c.h.stdin.Close()
		c.endInput()
		return func() int { return map[bool]int{true: 1}[c.everFailed] }
	case "shutdown":
		c.sendUnseen(newCall("shutdown", "{}", 0))
	default:
		call := newCall("shutdown", `{"mode":"terminate"}`, 0)
		call.mode = "terminate"
		c.sendUnseen(call)
	}
	return func() int { return 0 }
}

// cancelLooping cancels the jobs that would never end, queued ones too.
func (c *client) cancelLooping() {
	for again := true; again; {
		c.settleDown()
		again = false
		for _, j := range c.order {
			if j.kind == looping {
				c.send(newCall("cancel", fmt.Sprintf(`{"job":%d}`, j.id), j.id))
				again = true
			}
		}
	}
}

// readToEnd reads until the output ends, and confirms what is asked for.
func (c *client) readToEnd() {
	answered := map[int64]bool{}
	for open := true; open; open = c.take() {
		for _, j := range c.order {
			if j.state == "asked" && !c.mute && !answered[j.id] {
				answered[j.id] = true
				c.answerStart(j.id, j.attempts, true)
			}
		}
	}
	if len(c.order)+len(c.expected)+len(c.waiting)+len(c.immediate) > 0 {
		c.fail("the output ended too early: %d jobs are live", len(c.order))
	}
}

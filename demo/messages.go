package main

import "encoding/json"

// What is on the wire, as far as this program uses it: one JSON-RPC 2.0 message a line. Times are seconds, memory is bytes.

// request is a call of ours.
type request struct {
	Version string `json:"jsonrpc"`
	ID      int    `json:"id"`
	Method  string `json:"method"`
	Params  any    `json:"params,omitempty"`
}

// message is what the server sends: a notification, which has a method, or the reply to the call with that id.
type message struct {
	ID     *int            `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *callError      `json:"error"`
}

// callError is the server's refusal of a call.
type callError struct {
	Code    int             `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data"` // {"field", "problem"} where a field is at fault
}

func (e *callError) Error() string {
	if len(e.Data) > 0 {
		return e.Message + " " + string(e.Data)
	}
	return e.Message
}

// initializeParams are the settings of the pool. Those left out keep the server's defaults.
type initializeParams struct {
	Name     string `json:"name"`
	Workers  int    `json:"workers,omitempty"`
	Protocol int    `json:"protocol"`
}

// serverInfo is the reply to initialize.
type serverInfo struct {
	Server   string   `json:"server"`
	Version  string   `json:"version"`
	Workers  int      `json:"workers"`
	Warnings []string `json:"warnings"`
}

type taskParams struct {
	Name string `json:"name"`
}

type taskReply struct {
	Task int64 `json:"task"`
}

// executeParams are jobs to schedule: all of them, or none if one is wrong.
type executeParams struct {
	Jobs []jobParams `json:"jobs"`
}

// jobParams is a command to run, with its constraints.
type jobParams struct {
	Name     string   `json:"name"`
	Args     []string `json:"args"`
	Task     int64    `json:"task"`
	Category string   `json:"category"` // jobs of a category are related: when one breaks a limit, those as heavy end too
	Size     float64  `json:"size"`
	Timeout  float64  `json:"timeout"`
	Stdin    string   `json:"stdin"`
	Stdout   toFile   `json:"stdout"`
	Stderr   string   `json:"stderr"` // "pipe": comes with the record
	Params   int      `json:"params"` // comes back in each notification; here the place in the plan
}

// toFile has a stream of a job appended to a file.
type toFile struct {
	File string `json:"file"`
}

// joinReply is the summary of all jobs once the last has finished.
type joinReply struct {
	Completed bool    `json:"completed"`
	Done      int     `json:"done"`
	Failed    int     `json:"failed"`
	Duration  float64 `json:"duration"`
}

// The methods of notifications that count here, and the kinds of what they are about.
const (
	onStart  = "onstart"
	onFinish = "onfinish"
	kindJob  = "job"
	kindTask = "task"
)

// The reasons of an end that are expected here; there are more.
const (
	reasonExited  = "exited"
	reasonTimeout = "timeout"
)

// notification is the params of each notification. An onfinish has all of its record; others have its first fields only.
type notification struct {
	Kind string  `json:"kind"`
	Time float64 `json:"time"` // Unix time
	record
}

// record is what is known of a finished job or task.
type record struct {
	Name     string   `json:"name"`
	Params   *int     `json:"params"` // of jobs, see jobParams
	Reason   string   `json:"reason"`
	Code     *int     `json:"code"` // of jobs: the negative signal number when a signal ended it; nil if never started
	Duration float64  `json:"duration"`
	CPUTime  cpuTime  `json:"cputime"` // of jobs: that of all processes
	Peak     peak     `json:"mempeak"` // of jobs
	Stderr   string   `json:"stderr"`  // of jobs, captured
	NumDone  int      `json:"numdone"` // of tasks: jobs that succeeded
	NumTerm  int      `json:"numterm"` // of tasks: jobs that did not
	Warnings []string `json:"warnings"`
}

type cpuTime struct {
	User float64 `json:"user"`
	Sys  float64 `json:"sys"`
}

func (c cpuTime) total() float64 { return c.User + c.Sys }

// peak is the most memory that a job used, and how that was measured.
type peak struct {
	Bytes  *int64 `json:"bytes"` // nil if not measured
	Source string `json:"source"`
}

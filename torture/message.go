package main

import "encoding/json"

// Job is what is given to execute, as protocol.md has it.
type Job struct {
	Name     string            `json:"name"`
	Args     []string          `json:"args"` // nil makes a stub
	Workdir  string            `json:"workdir,omitempty"`
	Env      map[string]string `json:"env,omitempty"`
	Stdin    string            `json:"stdin,omitempty"`
	Stdout   any               `json:"stdout"` // nil discards; File, "pipe", "inherit"
	Stderr   any               `json:"stderr"`
	Timeout  float64           `json:"timeout,omitempty"`
	Restart  bool              `json:"rsrtonto,omitempty"`
	Confirm  bool              `json:"confirm,omitempty"`
	Task     int64             `json:"task,omitempty"`
	Category string            `json:"category,omitempty"`
	Size     float64           `json:"size,omitempty"`
	MemLim   any               `json:"memlim,omitempty"`
	MemKind  int               `json:"memkind,omitempty"` // 0 is left out, and so 1
	Params   any               `json:"params,omitempty"`
	Wait     bool              `json:"wait,omitempty"`
}

// File is an output to a file.
func File(path string) any { return map[string]string{"file": path} }

// Message is a line from the server.
type Message struct {
	Line   string          `json:"-"`
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params Event           `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *Failure        `json:"error"`
}

// Failure is the error of a response.
type Failure struct {
	Code    int
	Message string
	Data    struct{ Field, Problem string }
}

// Event is the params of a notification, with the record of an onfinish.
type Event struct {
	Seq     int64
	Time    float64
	Kind    string
	Attempt int
	Record
}

// Record is what is known of a job or a task.
type Record struct {
	Job       int64
	Name      string
	Task      *int64
	State     string
	Reason    string
	Code      *int
	Attempts  int
	TStart    float64
	TStop     float64
	Duration  float64
	CPUTime   struct{ User, Sys float64 }
	MemPeak   struct{ Bytes int64 }
	PID       int
	Leaked    int
	Stdout    string
	Stderr    string
	Truncated map[string]int64
	Warnings  []string
	NumAdded  int
	NumDone   int
	NumTerm   int
}

// Capabilities are those of the result of initialize.
type Capabilities struct {
	Cgroups     string
	Measurement []string
	Enforcement []string
	Notes       []string
}

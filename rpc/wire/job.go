package wire

import (
	"encoding/json"
	"strings"
	"time"
)

// MemKind says whose memory counts as that of a job.
type MemKind uint8

// The kinds of memory that may be measured.
const (
	MemProcess  MemKind = iota // the main process
	MemHeaviest                // the heaviest process of the tree; the default
	MemTree                    // the whole tree
)

// Job is one command to execute, as asked for. Zero values are the defaults
// where nothing else is said.
type Job struct {
	Name       string          // not empty
	Args       []string        // the command and its arguments; nil for a stub
	Workdir    string          // the folder to run in; empty for the server's
	Env        []string        // "KEY=value", added to the server's environment
	Stdin      string          // the path of a file; empty for /dev/null
	Params     json.RawMessage // echoed in notifications, without white space; nil if absent
	Category   string          // empty for none
	Stdout     Output
	Stderr     Output
	Timeout    time.Duration // 0 for none
	StartDelay time.Duration // no other job starts for that long after this one
	Task       int64         // the id of the task that it belongs to; 0 for none
	MemLimit   int64         // bytes; 0 for none
	Size       float64       // relative to others of the category; 0 for unknown
	Slowdown   float64       // default 1
	MemKind    MemKind       // default MemHeaviest
	Restart    bool          // rsrtonto: restart on timeout
	Confirm    bool          // ask the client before each attempt
	NoAffinity bool          // omitafn: take no affinity group
	Wait       bool          // reply with the record when it has finished
}

// Stub tells whether the job runs nothing and completes at once.
func (j *Job) Stub() bool { return j.Args == nil }

func newJob() Job { return Job{Slowdown: 1, MemKind: MemHeaviest} }

var jobFields = fieldsOf(
	field[Job]{"name", func(d *decoder, j *Job) { j.Name = d.filled() }},
	field[Job]{"args", func(d *decoder, j *Job) { j.Args = d.args() }},
	field[Job]{"workdir", func(d *decoder, j *Job) { j.Workdir = d.filled() }},
	field[Job]{"env", func(d *decoder, j *Job) { j.Env = d.env() }},
	field[Job]{"stdin", func(d *decoder, j *Job) { j.Stdin = d.filled() }},
	field[Job]{"timeout", func(d *decoder, j *Job) { j.Timeout = d.seconds() }},
	field[Job]{"rsrtonto", func(d *decoder, j *Job) { j.Restart = d.boolean() }},
	field[Job]{"task", func(d *decoder, j *Job) { j.Task = d.id() }},
	field[Job]{"startdelay", func(d *decoder, j *Job) { j.StartDelay = d.seconds() }},
	field[Job]{"confirm", func(d *decoder, j *Job) { j.Confirm = d.boolean() }},
	field[Job]{"params", func(d *decoder, j *Job) { j.Params = d.any() }},
	field[Job]{"category", func(d *decoder, j *Job) { j.Category = d.filled() }},
	field[Job]{"size", func(d *decoder, j *Job) { j.Size = d.number() }},
	field[Job]{"slowdown", func(d *decoder, j *Job) { j.Slowdown = optional(d, (*decoder).number).Or(1) }},
	field[Job]{"omitafn", func(d *decoder, j *Job) { j.NoAffinity = d.boolean() }},
	field[Job]{"memkind", func(d *decoder, j *Job) { j.MemKind = d.memkind() }},
	field[Job]{"memlim", func(d *decoder, j *Job) { j.MemLimit = d.memory() }},
	field[Job]{"stdout", func(d *decoder, j *Job) { j.Stdout = d.output(false) }},
	field[Job]{"stderr", func(d *decoder, j *Job) { j.Stderr = d.output(true) }},
	field[Job]{"wait", func(d *decoder, j *Job) { j.Wait = d.boolean() }},
)

// finishJob checks that the required fields are there.
func finishJob(d *decoder, j *Job, got seen) {
	switch {
	case !d.ok():
	case j.Name == "":
		d.rejectField("name", "is missing: every job needs one")
	case !jobFields.has(got, "args"):
		d.rejectField("args", "is missing: give the command as a list, or null for a stub that runs nothing")
	}
}

// args reads a command: a list, a single name, or null for a stub, which is a
// nil list.
func (d *decoder) args() []string {
	switch k := d.Kind(); k {
	case Null:
		d.Null()
	case String:
		return []string{d.filled()}
	case Array:
		return d.command()
	case None:
	default:
		d.reject("must be a list of strings, a command name, or null for a stub, not %s", k)
	}
	return nil
}

// command reads a command and its arguments.
func (d *decoder) command() []string {
	var room [16]string // so that the list is allocated once, at its size
	args := room[:0]
	d.openList()
	for i := 0; d.element(i); i++ {
		args = append(args, d.arg())
	}
	if len(args) == 0 || args[0] == "" {
		d.reject("must start with a command: use null for a stub that runs nothing")
		return nil
	}
	return append(make([]string, 0, len(args)), args...)
}

// arg reads one argument, which may be empty.
func (d *decoder) arg() string {
	if !d.want(String) {
		return ""
	}
	return d.share(d.Text())
}

// env reads an object of strings as a list of "KEY=value"; null is an empty one.
func (d *decoder) env() (env []string) {
	if d.absent() || !d.want(Object) {
		return nil
	}
	names := map[string]bool{}
	d.Open()
	for n := 0; ; n++ {
		b, ok := d.Member(n)
		if !ok {
			return env
		}
		key := string(b)
		d.path = append(d.path, step{name: key})
		switch {
		case key == "":
			d.path[len(d.path)-1].name = `""`
			d.reject("must not be empty: a variable needs a name")
		case strings.ContainsAny(key, "=\x00"):
			d.reject("must not contain '=' or NUL in its name")
		case names[key]:
			d.reject("is given twice: keep one")
		}
		names[key] = true
		if d.want(String) {
			env = append(env, d.variable(key))
		}
		d.path = d.path[:len(d.path)-1]
	}
}

// variable reads the value of the named variable.
func (d *decoder) variable(key string) string {
	return d.share(append([]byte(key+"="), d.Text()...))
}

func (d *decoder) memkind() MemKind {
	if d.absent() {
		return MemHeaviest
	}
	return MemKind(d.integer(int64(MemProcess), int64(MemTree)))
}

// Execute is the params of the method execute: one job, or a list of them.
type Execute struct {
	Jobs []Job
	List bool // {"jobs": [...]} was given: the reply is a list as well
}

// execute is what the params may contain before it is known which form it is.
type execute struct {
	job  Job
	jobs []Job
	list bool
}

// executeFields are those of a job, for the one in the params, and jobs.
var executeFields = func() *fields[execute] {
	var list []field[execute]
	for _, f := range jobFields.list {
		list = append(list, field[execute]{f.name, func(d *decoder, e *execute) { f.read(d, &e.job) }})
	}
	list = append(list, field[execute]{"jobs", func(d *decoder, e *execute) { e.jobs, e.list = d.jobs(), true }})
	return fieldsOf(list...)
}()

// jobs reads a list of jobs.
func (d *decoder) jobs() []Job {
	if !d.want(Array) {
		return nil
	}
	jobs := []Job{}
	d.shared = new(interner)
	d.openList()
	for i := 0; d.element(i); i++ {
		if !d.want(Object) {
			continue
		}
		jobs = append(jobs, newJob())
		j := &jobs[i]
		got := object(d, jobFields, j)
		if d.ok() && jobFields.has(got, "wait") {
			d.rejectField("wait", "is not allowed in a list: execute that job by itself")
		}
		finishJob(d, j, got)
	}
	return jobs
}

// DecodeExecute decodes the params of execute. A list is decoded as a whole or
// not at all.
func DecodeExecute(raw json.RawMessage) (Execute, *Error) {
	e := execute{job: newJob()}
	if err := decode(raw, executeFields, &e, finishExecute); err != nil {
		return Execute{}, err
	}
	if e.list {
		return Execute{Jobs: e.jobs, List: true}, nil
	}
	return Execute{Jobs: []Job{e.job}}, nil
}

func finishExecute(d *decoder, e *execute, got seen) {
	if !e.list {
		finishJob(d, &e.job, got)
		return
	}
	for i, f := range jobFields.list {
		if got&(1<<i) != 0 {
			d.rejectField(f.name, "is not allowed beside jobs: put it into each of them")
			return
		}
	}
}

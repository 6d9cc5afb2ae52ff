package proc

import "time"

// The messages that frames carry, each as a pair of an appender and a parser.

func appendHello(b []byte, env []string) []byte {
	e := encoder{b: b}
	e.begin(kindHello)
	e.strs(env)
	e.end()
	return e.b
}

func parseHello(b []byte) (env []string, err error) {
	d := decoder{b: b}
	env = d.strs()
	return env, d.finish()
}

func appendReady(b []byte) []byte {
	e := encoder{b: b}
	e.begin(kindReady)
	e.end()
	return e.b
}

func (e *encoder) attempt(a Attempt) {
	e.int(a.Job)
	e.int(int64(a.N))
}

func (d *decoder) attempt() Attempt { return Attempt{Job: d.int(), N: int(d.int())} }

func (e *encoder) output(o Output) {
	e.int(int64(o.Kind))
	e.str(o.Path)
}

func (d *decoder) output() Output { return Output{Kind: OutputKind(d.int()), Path: d.str()} }

func (e *encoder) ints(list []int) {
	e.int(int64(len(list)))
	for _, n := range list {
		e.int(int64(n))
	}
}

func (d *decoder) ints() (list []int) {
	for n := d.int(); n > 0 && d.err == nil; n-- {
		list = append(list, int(d.int()))
	}
	return list
}

func appendStart(b []byte, a Attempt, c *Command) []byte {
	e := encoder{b: b}
	e.begin(kindStart)
	e.attempt(a)
	e.strs(c.Args)
	e.str(c.Dir)
	e.strs(c.Env)
	e.str(c.Stdin)
	e.output(c.Stdout)
	e.output(c.Stderr)
	e.ints(c.CPUs)
	e.ints(c.Nodes)
	e.int(int64(c.MemBind))
	e.int(c.MemLimit)
	e.bool(c.MemGroup)
	e.end()
	return e.b
}

func parseStart(b []byte) (Attempt, *Command, error) {
	d := decoder{b: b}
	a := d.attempt()
	c := &Command{Args: d.strs(), Dir: d.str(), Env: d.strs(), Stdin: d.str(), Stdout: d.output(), Stderr: d.output()}
	c.CPUs, c.Nodes, c.MemBind = d.ints(), d.ints(), MemBind(d.int())
	c.MemLimit, c.MemGroup = d.int(), d.bool()
	return a, c, d.finish()
}

func appendSignal(b []byte, a Attempt, s Signal) []byte {
	e := encoder{b: b}
	e.begin(kindSignal)
	e.attempt(a)
	e.int(int64(s))
	e.end()
	return e.b
}

func parseSignal(b []byte) (Attempt, Signal, error) {
	d := decoder{b: b}
	a, s := d.attempt(), Signal(d.int())
	return a, s, d.finish()
}

func appendKilling(b []byte, a Attempt) []byte {
	e := encoder{b: b}
	e.begin(kindKilling)
	e.attempt(a)
	e.end()
	return e.b
}

func parseKilling(b []byte) (Attempt, error) {
	d := decoder{b: b}
	a := d.attempt()
	return a, d.finish()
}

type started struct {
	attempt Attempt
	pid     int
	wall    int64
	age     time.Duration // since the start
}

func appendStarted(b []byte, s started) []byte {
	e := encoder{b: b}
	e.begin(kindStarted)
	e.attempt(s.attempt)
	e.int(int64(s.pid))
	e.int(s.wall)
	e.int(int64(s.age))
	e.end()
	return e.b
}

func parseStarted(b []byte) (started, error) {
	d := decoder{b: b}
	s := started{attempt: d.attempt(), pid: int(d.int()), wall: d.int(), age: time.Duration(d.int())}
	return s, d.finish()
}

func appendFailed(b []byte, a Attempt, f Failure) []byte {
	e := encoder{b: b}
	e.begin(kindFailed)
	e.attempt(a)
	e.str(f.Err)
	e.bool(f.Exhausted)
	e.end()
	return e.b
}

func parseFailed(b []byte) (Attempt, Failure, error) {
	d := decoder{b: b}
	a, f := d.attempt(), Failure{Err: d.str(), Exhausted: d.bool()}
	return a, f, d.finish()
}

// exited is the end of an attempt, and whether its guardian can serve another.
type exited struct {
	attempt        Attempt
	exit           Exit      // for the guardian, without its output
	stdout, stderr *captured // the guardian's; nil if nothing was captured
	retire         bool      // processes that nobody may signal are left below the guardian, which exits
}

// captured is what a guardian has kept of a stream: the Data of a Capture, in pieces.
type captured struct {
	pieces    [][]byte
	head      int
	truncated int64
}

// size is 0 where nothing was captured.
func (c *captured) size() (n int) {
	if c == nil {
		return 0
	}
	for _, piece := range c.pieces {
		n += len(piece)
	}
	return n
}

// pieces are what follows the message, as a part of its frame.
func (m *exited) pieces() (all [][]byte) {
	for _, c := range [...]*captured{m.stdout, m.stderr} {
		if c != nil {
			all = append(all, c.pieces...)
		}
	}
	return all
}

// captured appends all but the pieces, and gives their size.
func (e *encoder) captured(c *captured) int {
	e.bool(c != nil)
	if c == nil {
		return 0
	}
	size := c.size()
	e.int(int64(size))
	e.int(int64(c.head))
	e.int(c.truncated)
	return size
}

// captured takes all but the data, and gives its size.
func (d *decoder) captured() (c *Capture, size int) {
	if !d.bool() {
		return nil, 0
	}
	size = int(d.int())
	return &Capture{Head: int(d.int()), Truncated: d.int()}, size
}

// appendExited appends a frame, but for the pieces.
func appendExited(b []byte, m *exited) []byte {
	e := encoder{b: b}
	e.begin(kindExited)
	e.attempt(m.attempt)
	x := &m.exit
	for _, v := range [...]int64{int64(x.PID), int64(x.Code), x.Wall, int64(x.Duration), int64(x.User), int64(x.Sys),
		x.MaxRSS, x.ReadBytes, x.WriteBytes, int64(x.Leaked)} {
		e.int(v)
	}
	e.strs(x.Warnings)
	e.int(x.GroupPeak)
	e.str(x.GroupPeakSource)
	for _, v := range [...]bool{x.OOMKilled, x.MemLimited, x.MaybeOOM, x.Unbound} {
		e.bool(v)
	}
	e.bool(m.retire)
	size := e.captured(m.stdout)
	size += e.captured(m.stderr)
	e.endBefore(size)
	return e.b
}

func parseExited(b []byte) (exited, error) {
	d := decoder{b: b}
	m := exited{attempt: d.attempt()}
	m.exit = Exit{PID: int(d.int()), Code: int(d.int()), Wall: d.int(), Duration: time.Duration(d.int()),
		User: time.Duration(d.int()), Sys: time.Duration(d.int()),
		MaxRSS: d.int(), ReadBytes: d.int(), WriteBytes: d.int(), Leaked: int(d.int()),
		Warnings:  d.strs(),
		GroupPeak: d.int(), GroupPeakSource: d.str(), OOMKilled: d.bool(), MemLimited: d.bool(), MaybeOOM: d.bool(), Unbound: d.bool()}
	m.retire = d.bool()
	stdout, stdoutSize := d.captured()
	stderr, stderrSize := d.captured()
	if m.exit.Stdout = stdout; stdout != nil {
		stdout.Data = d.keep(stdoutSize)
	}
	if m.exit.Stderr = stderr; stderr != nil {
		stderr.Data = d.keep(stderrSize)
	}
	return m, d.finish()
}

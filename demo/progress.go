package main

import (
	"fmt"
	"io"
	"os"
)

// progress tells how far a run is, on a terminal in one line that changes, elsewhere in a line for each finished job. It
// follows the notifications alone, their times included.
type progress struct {
	out      io.Writer
	terminal bool
	total    int             // jobs
	first    float64         // Unix time of the first notification
	running  map[string]bool // by name
	ended    int
	failed   int // of those that ended
}

func newProgress(out io.Writer, total int) *progress {
	return &progress{out: out, terminal: isTerminal(out), total: total, running: map[string]bool{}}
}

// isTerminal tells whether lines written to out can be written over.
func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" || os.Getenv("TERM") == "" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// started takes note of a job's onstart.
func (p *progress) started(n notification) {
	if p.first == 0 {
		p.first = n.Time
	}
	p.running[n.Name] = true
	if p.terminal {
		p.rewrite(n)
	}
}

// finished takes note of a job's onfinish.
func (p *progress) finished(n notification) {
	p.ended++
	delete(p.running, n.Name) // one that never started isn't there
	if !toSucceed.met(n.record) {
		p.failed++
	}
	if p.terminal {
		p.rewrite(n)
		return
	}
	fmt.Fprintf(p.out, "%*d of %d, %.1f s: %s: %s after %.2f s\n",
		len(fmt.Sprint(p.total)), p.ended, p.total, n.Time-p.first, n.Name, n.ending(), n.Duration)
}

func (p *progress) rewrite(n notification) {
	fmt.Fprintf(p.out, "\r\x1b[K%d of %d done, %d failed, %d running, %d queued, %.1f s: %s",
		p.ended-p.failed, p.total, p.failed, len(p.running), p.total-p.ended-len(p.running), n.Time-p.first, n.Name)
}

// close leaves the terminal's line empty for what follows.
func (p *progress) close() {
	if p.terminal {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

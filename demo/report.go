package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// write prints the report.
func (o *outcome) write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "input: %s bytes of %s Go files from %s\n", grouped(o.input.bytes), grouped(int64(o.input.files)), o.input.source)
	fmt.Fprintf(&b, "server: %s %s with %s\n\n", o.server.Server, o.server.Version, counted(o.server.Workers, "worker"))
	sources := o.memorySources()
	b.WriteString(o.jobTable(sources))
	b.WriteString("\n")
	for _, source := range sources {
		fmt.Fprintf(&b, "%speak memory by %s\n", footnote(sources, source), source)
	}
	b.WriteString(o.failures())
	fmt.Fprintf(&b, "\n%s\n", o.taskTable())
	b.WriteString(o.totals())
	_, err := io.WriteString(w, b.String())
	return err
}

// memorySources are the ways in which peaks were measured, in the order of the table. Footnotes name them.
func (o *outcome) memorySources() (sources []string) {
	for _, r := range o.results {
		if r.end.Peak.Bytes != nil && !slices.Contains(sources, r.end.Peak.Source) {
			sources = append(sources, r.end.Peak.Source)
		}
	}
	return sources
}

// footnote is the mark of a source: "[1] ", "[2] ", ..., or nothing if there is but one source, which goes without saying.
func footnote(sources []string, source string) string {
	if len(sources) < 2 {
		return ""
	}
	return fmt.Sprintf("[%d] ", slices.Index(sources, source)+1)
}

func (o *outcome) jobTable(sources []string) string {
	t := table{columns: []column{
		{"compressor", false}, {"level", false}, {"wall s", true}, {"CPU s", true}, {"peak MiB", true},
		{"ended", false}, {"result bytes", true}, {"ratio", true},
	}}
	for _, r := range o.results {
		size, ratio := "-", "-"
		if r.bytes > 0 {
			size, ratio = grouped(r.bytes), fmt.Sprintf("%.2f", float64(o.input.bytes)/float64(r.bytes))
		}
		t.add(r.compressor, r.variant, seconds(r.end.Duration), seconds(r.end.CPUTime.total()), r.end.Peak.cell(sources),
			r.mark()+r.ending(), size, ratio)
	}
	return t.String()
}

// cell is the peak in MiB with the mark of its source.
func (p peak) cell(sources []string) string {
	if p.Bytes == nil {
		return "-"
	}
	return fmt.Sprintf("%s%.1f", footnote(sources, p.Source), float64(*p.Bytes)/(1<<20))
}

// mark makes failures stand out.
func (r *result) mark() string {
	if toSucceed.met(r.end) {
		return ""
	}
	return "! "
}

// ending says how a job ended: the reason, and the limit that it broke or the status that it exited with.
func (r *result) ending() string {
	switch {
	case !r.finished:
		return "no end reported"
	case r.end.Reason == reasonTimeout:
		return fmt.Sprintf("timeout of %g s", r.timeout)
	}
	return r.end.ending()
}

// ending says how a job ended: the reason, and the exit status or the signal if that tells more.
func (r record) ending() string {
	switch {
	case r.Code == nil || *r.Code == 0:
		return r.Reason
	case *r.Code < 0:
		return fmt.Sprintf("%s, signal %d", r.Reason, -*r.Code)
	}
	return fmt.Sprintf("%s, status %d", r.Reason, *r.Code)
}

// failures says more of the jobs that did not succeed: whether that was the plan, and their last words.
func (o *outcome) failures() string {
	var b strings.Builder
	for _, r := range o.results {
		if r.mark() == "" {
			continue
		}
		plan := "not planned"
		if r.expected.met(r.end) {
			plan = "on purpose"
		}
		fmt.Fprintf(&b, "! %s (%s): %s", r.name(), plan, r.ending())
		if words := lastLine(r.end.Stderr); words != "" {
			fmt.Fprintf(&b, ": %s", words)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// lastLine is the last line with text in it.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

func (o *outcome) taskTable() string {
	t := table{columns: []column{{"task", false}, {"numdone", true}, {"numterm", true}, {"wall s", true}}}
	for _, task := range o.tasks {
		t.add(task.Name, strconv.Itoa(task.NumDone), strconv.Itoa(task.NumTerm), seconds(task.Duration))
	}
	return t.String()
}

// totals are what join says, and how many cores worked for the jobs on average.
func (o *outcome) totals() string {
	var cpu float64
	for _, r := range o.results {
		cpu += r.end.CPUTime.total()
	}
	text := fmt.Sprintf("total: %d done, %d failed in %s s", o.total.Done, o.total.Failed, seconds(o.total.Duration))
	if o.total.Duration > 0 {
		text += fmt.Sprintf("; %s s of CPU time kept %.2f cores busy (%s)",
			seconds(cpu), cpu/o.total.Duration, counted(o.server.Workers, "worker"))
	}
	return text + "\n"
}

func seconds(s float64) string { return fmt.Sprintf("%.2f", s) }

// counted is a number with its noun.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// grouped writes a number, which is not negative, with commas between the thousands.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

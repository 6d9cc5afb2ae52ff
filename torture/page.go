package main

import (
	_ "embed"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// page is docs/reliability.md.
type page struct {
	env     *environment
	results []*Result
	peers   []peerRow
	took    time.Duration
}

//go:embed promises.md
var promises string

// write makes the page, and stores it.
func (p *page) write(out string) error {
	var b strings.Builder
	b.WriteString(promises)
	p.introduce(&b)
	for s := range Section(len(sectionTitles)) {
		p.section(&b, s)
	}
	p.compare(&b)
	if out == "" {
		_, err := os.Stdout.WriteString(b.String())
		return err
	}
	if err := os.WriteFile(out, []byte(b.String()), 0o644); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// introduce says what the tables are of.
func (p *page) introduce(b *strings.Builder) {
	short, who := "", "root"
	if p.env.short {
		short = " -short"
	}
	if os.Getuid() != 0 {
		who = "a plain user"
	}
	tries, broken, skipped := p.count()
	fmt.Fprintf(b, `
## Results

    go run ./torture%s -seed %d

%d cases, %d tries; broken in %d cases, %d not tried. By %s, on Linux %s with %d CPUs; %s. Each try is a server of its own, and the moments
of the blows are random; where the case names no user, the server is run by root with cgroups, with --no-cgroup, and by a plain user in turn. *Seen* has the longest times of all
tries: from the server's end until the last process was gone, and then the last cgroup.
`, short, p.env.seed, len(p.results), tries, broken, skipped, who, release(), runtime.NumCPU(), p.took.Round(time.Second))
}

// count sums up the results.
func (p *page) count() (tries, broken, skipped int) {
	for _, r := range p.results {
		tries += r.tries
		if r.broken > 0 {
			broken++
		}
		if r.skipped != "" {
			skipped++
		}
	}
	return tries, broken, skipped
}

// release is the kernel's, without what its builder added.
func release() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return "?"
	}
	version, _, _ := strings.Cut(unix.ByteSliceToString(u.Release[:]), "-")
	return version
}

func (p *page) section(b *strings.Builder, s Section) {
	first := true
	for _, r := range p.results {
		if r.Case.Section != s {
			continue
		}
		if first {
			fmt.Fprintf(b, "\n### %s\n\n| case | promise | tries | result | seen |\n|---|---|---:|---|---|\n", s)
			first = false
		}
		fmt.Fprintf(b, "| `%s` | %s | %d | %s | %s |\n", r.Case.Name, r.Case.Promise, r.tries, r.verdict(), strings.TrimPrefix(r.details(), "; "))
	}
}

// compare writes the table of the other programs, if they were run.
func (p *page) compare(b *strings.Builder) {
	if p.peers == nil {
		return
	}
	b.WriteString(`
## Beside other programs

The same script, run by each program as its user would, watched from outside. The job has a child, a child in a session of its own, and a daemon (forked twice, own session, all
streams closed); in the fifth row it is only that daemon, with its streams open. One run each, as seen, with nothing taken from what the programs say of themselves. "–": it has no such setting.
PyExPool is used with the signal handler that its documentation asks for. A program that had not ended, or processes that were there, after the time given were ended by the test.

`)
	names := make([]string, len(peers))
	for i, peer := range peers {
		names[i] = peer.name
	}
	fmt.Fprintf(b, "| | %s |\n|---%s|\n", strings.Join(names, " | "), strings.Repeat("|---", len(names)))
	for _, row := range p.peers {
		fmt.Fprintf(b, "| %s | %s |\n", row.what, strings.Join(row.seen, " | "))
	}
}

// details are the figures and facts of a result.
func (r *Result) details() string {
	var b strings.Builder
	if r.skipped != "" {
		return ""
	}
	for _, f := range r.figures {
		fmt.Fprintf(&b, "; %s ≤ %s", f.what, seconds(f.worst))
	}
	for _, n := range r.notes {
		fmt.Fprintf(&b, "; %s: %s", n.name, n.value)
	}
	return b.String()
}

func seconds(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

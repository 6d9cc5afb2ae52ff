package main

import (
	"fmt"
	"strings"
)

// report writes the study in Markdown.
func (s *study) report() string {
	var b strings.Builder
	s.introduce(&b)
	b.WriteString("\n## What the figures say\n")
	for _, f := range s.findings() {
		fmt.Fprintf(&b, "\n**%s.** %s\n", f.title, strings.Join(f.reading, " "))
	}
	s.tables(&b)
	b.WriteString(leftOut)
	return b.String()
}

func (s *study) introduce(b *strings.Builder) {
	fmt.Fprintf(b, `# Memory balancing: policies compared

Written by the command below, which runs a simulation in virtual time; change the program in `+"`sim`"+`, not this page. Seed %d, %d generated
workloads of each large family, %d of each small one. The same seed gives the same figures on the same kind of processor.

    go run ./sim -seed %d -workloads %d -out docs/balancing.md

All jobs are there at the start. A job that is killed starts from nothing the next time; its memory is gone %d ms after the kill. The peak of the sum and the time
above the limit are exact, whether a policy saw them or not.

## Policies

`, s.seed, s.workloads, 2*s.workloads, s.seed, s.workloads, dying.Milliseconds())
	for _, c := range field {
		fmt.Fprintf(b, "- **%s**: %s.\n", c.name, c.what)
	}
	b.WriteString(`- **optimum** (small workloads): the least makespan within the limit over all start times, by branch and bound. Profiles are stairs of 5 s there, so
  that start times on the same grid suffice. Elsewhere the **bound** stands in: the longest job, the work over the workers, the memory over the limit, or
  the time in which single jobs need more than half of it, whichever is longest. No schedule that keeps the limit is below it, and few can reach it.

## Workloads

Eight workers, and a limit of half of what they would use with all at the average peak, where nothing else is said. Peaks are between 50 and 500 MB, more of them low;
jobs take 5 to 60 s.

`)
	for _, g := range s.large {
		fmt.Fprintf(b, "- **%s**: %s.\n", g.name, g.what)
	}
	b.WriteString("- **small**: 6 or 7 jobs of one shape, or of all four (mixed); 3 workers, limit 60%.\n")
}

// every is all contenders, balancers those that react to memory.
var (
	every     = []int{none, static, pyexpoolSlow, pyexpoolFast, expool, foreseen}
	balancers = []int{pyexpoolSlow, pyexpoolFast, expool}
)

func name(g group) string { return g.name }
func what(g group) string { return g.what }

func (s *study) tables(b *strings.Builder) {
	b.WriteString("\n## Large workloads\n")
	for _, t := range []struct {
		title   string
		columns []int
		write   cell
	}{
		{"Makespan over the bound, mean", every, plainMean(makespan)},
		{"Work thrown away, as a share of the work of the jobs, mean", balancers, percent(lost)},
		{"Ended attempts a job, mean", balancers, plainMean(kills)},
		{"Peak of the sum over the limit, mean and highest", every, meanAndHighest(peak)},
		{"Time above the limit, as a share of the makespan, mean", every, percent(over)},
		{"Fairness: how much later a job is done than without balancing; the mean over the jobs, and the worst job of a workload, both as means", every,
			func(g group, c int) string {
				return fmt.Sprintf("%.1f, %.1f", g.mean(c, slower), g.mean(c, slowest))
			}},
		{"The most often that one job was postponed", balancers, func(g group, c int) string { return fmt.Sprint(int(g.highest(c, most))) }},
		{"Looks at memory a second, mean", []int{expool}, plainMean(looks)},
	} {
		fmt.Fprintf(b, "\n%s:\n", t.title)
		table(b, s.large, name, t.columns, t.write)
	}
	b.WriteString("\n## The same jobs under different limits\n\nThe mixed family; limits as shares of what the workers would use with all at the average peak. Makespan over the bound, mean:\n")
	table(b, s.pressure, what, every, plainMean(makespan))
	b.WriteString("\nWork thrown away, mean:\n")
	table(b, s.pressure, what, balancers, percent(lost))
	b.WriteString("\n## Small workloads, against the optimum\n\nMakespan over the least possible, mean and highest (none, and whoever is above the limit for a time, can be below 1):\n")
	table(b, s.small, name, every, meanAndHighest(makespan))
	b.WriteString("\nWork thrown away, mean:\n")
	table(b, s.small, name, balancers, percent(lost))
}

const leftOut = `
## What is left out

- The profiles are generated, not recorded; real ones are noisier, and depend on what else runs.
- Swapping, and jobs that slow each other down, cost nothing here. That favours whoever is above the limit: none most, then PyExPool.
- Spawns and looks take no time. PyExPool's host-wide low-memory check and this project's reserve play no part: only the pool's limit is short.
- No job breaks a limit of its own, so that there are no failures and no chained terminations.
`

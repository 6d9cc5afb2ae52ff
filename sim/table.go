package main

import (
	"fmt"
	"math"
	"strings"
)

// metric is one of the figures.
type metric func(figures) float64

func makespan(f figures) float64 { return f.makespan }
func lost(f figures) float64     { return f.lost }
func kills(f figures) float64    { return f.kills }
func peak(f figures) float64     { return f.peak }
func over(f figures) float64     { return f.over }
func slower(f figures) float64   { return f.mean }
func slowest(f figures) float64  { return f.worst }
func most(f figures) float64     { return f.most }
func looks(f figures) float64    { return f.looks }

// mean is a contender's average over the workloads of a group.
func (g group) mean(c int, m metric) float64 {
	sum := 0.0
	for _, r := range g.rows {
		sum += m(r[c])
	}
	return sum / float64(len(g.rows))
}

// highest is a contender's highest figure in a group.
func (g group) highest(c int, m metric) float64 {
	high := 0.0
	for _, r := range g.rows {
		high = max(high, m(r[c]))
	}
	return high
}

// average is a contender's average over groups, each counting the same.
func average(groups []group, c int, m metric) float64 {
	sum := 0.0
	for _, g := range groups {
		sum += g.mean(c, m)
	}
	return sum / float64(len(groups))
}

// highest is a contender's highest figure in all groups.
func highest(groups []group, c int, m metric) float64 {
	high := 0.0
	for _, g := range groups {
		high = max(high, g.highest(c, m))
	}
	return high
}

// ratio is how much longer one contender takes than another: the geometric mean over groups.
func ratio(groups []group, a, b int) float64 {
	sum := 0.0
	for _, g := range groups {
		sum += math.Log(g.mean(a, makespan) / g.mean(b, makespan))
	}
	return math.Exp(sum / float64(len(groups)))
}

// slowerThan names the groups in which one contender takes more than 2% longer than another, with by how much.
func slowerThan(groups []group, a, b int) string {
	var names []string
	for _, g := range groups {
		if r := g.mean(a, makespan) / g.mean(b, makespan); r > 1.02 {
			names = append(names, fmt.Sprintf("%s (+%.0f%%)", g.name, 100*(r-1)))
		}
	}
	if len(names) == 0 {
		return "no family"
	}
	return strings.Join(names, ", ")
}

// cell writes what a table tells of a contender in a group.
type cell func(g group, c int) string

// plainMean writes the mean of a figure.
func plainMean(m metric) cell {
	return func(g group, c int) string { return fmt.Sprintf("%.2f", g.mean(c, m)) }
}

// percent writes the mean of a share.
func percent(m metric) cell {
	return func(g group, c int) string {
		switch v := 100 * g.mean(c, m); {
		case v == 0 || v >= 0.1:
			return fmt.Sprintf("%.1f%%", v)
		case v >= 0.005:
			return fmt.Sprintf("%.2f%%", v)
		}
		return "<0.01%"
	}
}

// meanAndHighest writes both of a figure.
func meanAndHighest(m metric) cell {
	return func(g group, c int) string { return fmt.Sprintf("%.2f, %.2f", g.mean(c, m), g.highest(c, m)) }
}

// table writes groups as rows and some contenders as columns.
func table(b *strings.Builder, groups []group, label func(group) string, columns []int, write cell) {
	b.WriteString("\n| |")
	for _, c := range columns {
		fmt.Fprintf(b, " %s |", field[c].name)
	}
	b.WriteString("\n|---|" + strings.Repeat("---:|", len(columns)) + "\n")
	for _, g := range groups {
		fmt.Fprintf(b, "| %s |", label(g))
		for _, c := range columns {
			fmt.Fprintf(b, " %s |", write(g, c))
		}
		b.WriteString("\n")
	}
}

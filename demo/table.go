package main

import (
	"strings"
	"unicode/utf8"
)

// column is the title of a column and how its cells are aligned.
type column struct {
	title string
	right bool // aligned to the right, as numbers are
}

// table is text in columns that are as wide as their widest cell.
type table struct {
	columns []column
	rows    [][]string
}

// add appends a row, of as many cells as there are columns.
func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// String gives the table, its titles underlined, each line with its newline and without spaces at its end.
func (t *table) String() string {
	titles, rules := make([]string, len(t.columns)), make([]string, len(t.columns))
	widths := t.widths()
	for i, c := range t.columns {
		titles[i] = c.title
		rules[i] = strings.Repeat("-", widths[i])
	}
	var b strings.Builder
	for _, row := range append([][]string{titles, rules}, t.rows...) {
		b.WriteString(t.line(row, widths))
	}
	return b.String()
}

func (t *table) widths() []int {
	widths := make([]int, len(t.columns))
	for i, c := range t.columns {
		widths[i] = utf8.RuneCountInString(c.title)
		for _, row := range t.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	return widths
}

func (t *table) line(cells []string, widths []int) string {
	padded := make([]string, len(cells))
	for i, cell := range cells {
		space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		if t.columns[i].right {
			padded[i] = space + cell
		} else {
			padded[i] = cell + space
		}
	}
	return strings.TrimRight(strings.Join(padded, "  "), " ") + "\n"
}

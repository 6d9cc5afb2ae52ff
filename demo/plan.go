package main

import (
	"fmt"
	"path/filepath"
	"strconv"
)

const (
	// patience is the timeout, in seconds, of jobs that are to succeed: nothing hangs, not even on a slow machine.
	patience = 120.0
	// impatience is the timeout, in seconds, of the job that would never end.
	impatience = 1.0
)

// compressor is a program that packs its standard input to its standard output, as "NAME OPTIONS -c -LEVEL".
type compressor struct {
	name    string
	options []string
	levels  []int // slowest first
}

// compressors are those that are looked for, the slowest first: a long job that starts last would run alone at the end. The
// options keep each to one thread, so that it uses one worker's share.
var compressors = []compressor{
	{"xz", []string{"-T1"}, []int{6, 3, 0}},
	{"bzip2", nil, []int{9, 1}},
	{"brotli", nil, []int{9, 5, 1}},
	{"zstd", []string{"-q", "-T1"}, []int{12, 3, 1}},
	{"lz4", []string{"-q"}, []int{12, 9, 1}},
	{"gzip", nil, []int{9, 6, 1}},
}

// builtin is the name of the compressor that this program is, compress/gzip of Go's library, and builtinLevels its levels.
const builtin = "built-in"

var builtinLevels = []int{9, 6, 1}

// expectation is how a job is to end.
type expectation int

const (
	toSucceed expectation = iota
	toTimeOut
	toFail // with a nonzero exit status
)

// met tells whether a job ended as expected.
func (e expectation) met(end record) bool {
	code := end.Code
	switch e {
	case toTimeOut:
		return end.Reason == reasonTimeout
	case toFail:
		return end.Reason == reasonExited && code != nil && *code != 0
	}
	return end.Reason == reasonExited && code != nil && *code == 0
}

// measurement is one job of the benchmark: a row of the table.
type measurement struct {
	compressor string // the name of its task
	variant    string // its level, or what it does instead
	args       []string
	output     string  // path of the file that takes its standard output
	size       float64 // relative to the others of its compressor: which of them to spare when one breaks its timeout
	timeout    float64 // seconds
	expected   expectation
}

func (m *measurement) name() string { return m.compressor + " " + m.variant }

// group is what is measured of one compressor: a task.
type group struct {
	name         string
	measurements []*measurement
}

// add plans one more job. Its output goes to a file of the given folder.
func (g *group) add(folder, variant string, size float64, args ...string) *measurement {
	output := filepath.Join(folder, fmt.Sprintf("%s.%d", g.name, len(g.measurements)))
	m := &measurement{compressor: g.name, variant: variant, args: args, output: output, size: size, timeout: patience}
	g.measurements = append(g.measurements, m)
	return m
}

// makePlan says what is measured: each compressor that found knows, and this program, whose path is self.
func makePlan(found func(name string) bool, self, folder string) []*group {
	var plan []*group
	for _, c := range compressors {
		if found(c.name) {
			plan = append(plan, c.group(folder))
		}
	}
	return append(plan, builtinGroup(self, folder))
}

func (c *compressor) group(folder string) *group {
	g := &group{name: c.name}
	for _, level := range c.levels {
		args := append([]string{c.name}, c.options...)
		g.add(folder, strconv.Itoa(level), levelSize(level), append(args, "-c", "-"+strconv.Itoa(level))...)
	}
	return g
}

// builtinGroup also has the two jobs that fail on purpose. The endless one is heavier than its siblings: chained termination,
// which ends those that are at least as heavy as the one that broke its timeout, takes none of them.
func builtinGroup(self, folder string) *group {
	g := &group{name: builtin}
	for _, level := range builtinLevels {
		g.add(folder, strconv.Itoa(level), levelSize(level), self, "compress", "-level", strconv.Itoa(level))
	}
	endless := g.add(folder, "9, endless", 2*levelSize(9), self, "compress", "-level", "9", "-endless")
	endless.timeout, endless.expected = impatience, toTimeOut
	g.add(folder, "unpack", levelSize(0), self, "decompress").expected = toFail
	return g
}

// levelSize is the relative size of a job. Level 0 has one too, since size 0 stands for unknown.
func levelSize(level int) float64 { return float64(level + 1) }

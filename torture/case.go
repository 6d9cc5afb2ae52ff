package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
)

// Section is a part of the page, and of the issue that it answers.
type Section int

const (
	Death Section = iota
	Exhaustion
	OtherEnd
	Input
	Endurance
	Security
	Hosts
)

var sectionTitles = [...]string{"Death", "Lack of resources", "The other end", "Input", "Endurance", "Hostile jobs", "Hosts"}

func (s Section) String() string { return sectionTitles[s] }

// Case is one promise, and the way to try to break it.
type Case struct {
	Name    string // path-like, unique: "death/server"
	Section Section
	Promise string // a sentence without a full stop, for the page
	Tries   int    // how often Run is called
	Short   int    // the same with -short; 0 leaves the case out
	Run     func(*T)
}

var cases []Case

// register adds a case; it is called by the init functions of the files that hold the cases.
func register(c Case) {
	if slices.ContainsFunc(cases, func(d Case) bool { return d.Name == c.Name }) {
		panic("two cases are named " + c.Name)
	}
	cases = append(cases, c)
}

// selected gives the cases whose names match, in the order of the page.
func selected(pattern string) ([]Case, error) {
	match, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("-cases: %w", err)
	}
	var found []Case
	for _, c := range cases {
		if match.MatchString(c.Name) {
			found = append(found, c)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("-cases: no case has a name that matches %q", pattern)
	}
	slices.SortStableFunc(found, func(a, b Case) int { return cmp.Compare(a.Section, b.Section) })
	return found, nil
}

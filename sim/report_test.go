package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// smallStudy is a study with one workload of each family.
var smallStudy = sync.OnceValues(func() (*study, error) { return conduct(1, 1) })

func studied(t *testing.T) *study {
	t.Helper()
	s, err := smallStudy()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheSameSeedGivesTheSameReport(t *testing.T) {
	file := filepath.Join(t.TempDir(), "report.md")
	if err := write(1, 1, file); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != studied(t).report() {
		t.Error("two runs with the same seed differ")
	}
}

func TestTheReportIsWhole(t *testing.T) {
	text := studied(t).report()
	if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") || strings.Contains(text, "%!") {
		t.Error("the report has figures that are none")
	}
	if !strings.Contains(text, "-seed 1 -workloads 1 ") {
		t.Error("the report does not name the command that makes it")
	}
	for _, f := range slices.Concat(families, smallOnes, byName(pressures())) {
		if !strings.Contains(text, "\n| "+f.name+" |") {
			t.Errorf("no table has a row for %s", f.name)
		}
	}
}

// byName gives families named by what they are.
func byName(list []family) []family {
	for i := range list {
		list[i].name = list[i].what
	}
	return list
}

func TestEachFindingHasThreeSentences(t *testing.T) {
	for _, f := range studied(t).findings() {
		if len(f.reading) != 3 {
			t.Errorf("%s has %d", f.title, len(f.reading))
		}
		for _, text := range f.reading {
			if !strings.HasSuffix(text, ".") {
				t.Errorf("%s: %q is not a sentence", f.title, text)
			}
		}
	}
}

// The page in the repository may be of another kind of processor, whose last bits differ; but it is of this program.
func TestThePageIsOfThisProgram(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "balancing.md"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(studied(t).report(), "\n") {
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, "- ") || strings.HasPrefix(line, "| |") {
			if !strings.Contains(string(page), line) {
				t.Errorf("docs/balancing.md lacks %q: make it anew with the command that it names", line)
			}
		}
	}
}

func TestARowNamesWhereItIsSlower(t *testing.T) {
	slow := group{name: "slow", rows: []row{{expool: {makespan: 1.5}, static: {makespan: 1}}}}
	even := group{name: "even", rows: []row{{expool: {makespan: 1}, static: {makespan: 1}}}}
	if got := slowerThan([]group{slow, even}, expool, static); got != "slow (+50%)" {
		t.Errorf("slower in %q", got)
	}
	if got := slowerThan([]group{even}, expool, static); got != "no family" {
		t.Errorf("slower in %q", got)
	}
	if r := ratio([]group{slow, even}, expool, static); r < 1.2247 || r > 1.2248 {
		t.Errorf("the geometric mean is %v", r)
	}
}

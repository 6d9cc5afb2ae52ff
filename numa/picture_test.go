package numa

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden pictures")

func TestPicturesOfMachines(t *testing.T) {
	for _, c := range []struct {
		golden, machine string
		step            Step
		first           bool
	}{
		{"westmere-core-first", "x86-westmere-x5680-2s-24", ByCore, true},
		{"raptorlake-l2", "x86-raptorlake-1370p-hybrid-20", ByL2, false},
		{"opteron-allowed-numeric", "x86-opteron6134-cgroup2-32", Threads(2), false},
		{"harpertown-node", "x86-harpertown-buggynuma-8", ByNode, false},
		{"tulsa-machine-alone", "x86-tulsa-offline-12of16", Step{}, false},
		{"cascadelake-package", "x86-cascadelake-6230-snc2-80", ByPackage, false},
	} {
		t.Run(c.golden, func(t *testing.T) {
			top := machine(t, c.machine)
			var groups Groups
			if c.step != (Step{}) {
				var err error
				if groups, err = top.Groups(c.step, c.first, nil); err != nil {
					t.Fatal(err)
				}
			}
			var got bytes.Buffer
			if err := top.Picture(&got, groups); err != nil {
				t.Fatal(err)
			}
			checkGolden(t, c.golden+".txt", got.String())
		})
	}
}

func checkGolden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "pictures", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	same(t, name, got, string(want))
}

func TestPictureShowsWhatIsKeptFreeAndWhatIsNotAllowed(t *testing.T) {
	top, err := Read(machineFS(t, "ia64-smt2-2s-8"), Options{Affinity: mustList(t, "0,2-5")})
	if err != nil {
		t.Fatal(err)
	}
	groups, err := top.Groups(ByPackage, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := top.Picture(&got, groups); err != nil {
		t.Fatal(err)
	}
	checkGolden(t, "ia64-package-first-allowed.txt", got.String())
}

func TestPictureShowsCPUsWithoutNode(t *testing.T) {
	root := newMemFS()
	root.write(cpuDir+"/online", "0-1\n")
	root.write(nodeDir+"/node0/cpulist", "0\n")
	top, err := Read(root, Options{})
	if err != nil {
		t.Fatal(err)
	}
	groups, err := top.Groups(ByThread, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := top.Picture(&got, groups); err != nil {
		t.Fatal(err)
	}
	same(t, "picture", got.String(), `2 CPUs, 2 allowed; 2 cores, 0 packages, 1 node; uniform
node 0: memory unknown, CPUs 0
    core 0    slot 0
no node: CPUs 1
    core 1    slot 1
slot 0: CPUs 0 on node 0
slot 1: CPUs 1
warning: CPUs 1 are in no node
`)
}

type fullDisk struct{}

var errFull = errors.New("disk is full")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestPictureReportsAFailedWrite(t *testing.T) {
	if err := machine(t, "arm-cortexa9-2").Picture(fullDisk{}, nil); !errors.Is(err, errFull) {
		t.Errorf("error %v, want %v", err, errFull)
	}
}

func TestSharedLevels(t *testing.T) {
	for _, c := range []struct {
		machine, a, b string
		want          []string
	}{
		{"x86-westmere-x5680-2s-24", "0", "12", []string{"core", "l1", "l2", "l3", "package", "node"}},
		{"x86-westmere-x5680-2s-24", "0", "2", []string{"l3", "package", "node"}},
		{"x86-westmere-x5680-2s-24", "0", "1", []string{}},
		{"x86-raptorlake-1370p-hybrid-20", "12", "13", []string{"l2", "l3", "cluster", "die", "package", "node"}},
		{"x86-cascadelake-6230-snc2-80", "0", "2", []string{"l3", "die", "package"}},
		{"x86-magnycours-sparse-nodes-48", "0", "6", []string{"package"}},
		{"arm64-kunpeng920-2s4n-128", "0", "1", []string{"l3", "cluster", "package", "node"}},
		{"arm-cortexa9-2", "0", "0-1", []string{"core", "package", "node"}},
		{"arm-cortexa9-2", "", "0-1", []string{}},
	} {
		got := machine(t, c.machine).Shared(mustList(t, c.a), mustList(t, c.b))
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q and %q share %q, want %q", c.machine, c.a, c.b, got, c.want)
		}
	}
}

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestTwoJobsNeverShareACPU(t *testing.T) {
	h := start(t, "--affinity=thread", "--workers=1000000")
	const jobs = 1000
	list := slices.Repeat([]string{`{"name":"a","args":["true"]}`}, jobs)
	h.call(1, "execute", `{"jobs":[`+strings.Join(list, ",")+`]}`)
	h.call(2, "join", "")
	h.reply(2)
	taken := map[int]int64{}
	finished := 0
	for _, m := range h.seen {
		var p struct{ CPUs []int }
		if err := json.Unmarshal([]byte(m.line), &struct{ Params any }{&p}); err != nil || m.Method == "" {
			continue
		}
		switch m.Method {
		case "onstart":
			if len(p.CPUs) != 1 {
				t.Fatalf("%s: not one CPU", m.line)
			}
			if other, busy := taken[p.CPUs[0]]; busy {
				t.Fatalf("jobs %d and %d run on CPU %d", other, m.Params.Job, p.CPUs[0])
			}
			taken[p.CPUs[0]] = m.Params.Job
		case "onfinish":
			delete(taken, p.CPUs[0])
			finished++
		}
	}
	if finished != jobs {
		t.Errorf("%d jobs finished", finished)
	}
}

func TestAJobSeesItsCPUsAndItsPolicy(t *testing.T) {
	h := start(t)
	h.call(1, "initialize", `{"affinity":{"step":"core","first":false,"membind":"bind"},"workers":1}`)
	h.reply(1)
	h.call(2, "affinity", `{"step":"core","first":false,"index":0}`)
	group := result[struct {
		CPUs []int
		Mask string
	}](h, 2)
	h.call(3, "execute", `{"name":"where","args":["grep","Cpus_allowed_list","/proc/self/status"],"stdout":"pipe","wait":true}`)
	r := result[struct {
		Stdout       string
		CPUs         []int
		Interference []string
		Warnings     []string
	}](h, 3)
	if strings.TrimSpace(strings.TrimPrefix(r.Stdout, "Cpus_allowed_list:")) != group.Mask || !slices.Equal(r.CPUs, group.CPUs) ||
		r.Interference == nil || len(r.Interference) > 0 || len(r.Warnings) > 0 {
		t.Errorf("%+v in group %+v", r, group)
	}
	if _, err := os.Stat("/proc/self/numa_maps"); err != nil {
		t.Skip("this kernel has no NUMA policies: there is no /proc/self/numa_maps to show one")
	}
	h.call(4, "execute", `{"name":"policy","args":["grep","-c","bind:","/proc/self/numa_maps"],"stdout":"pipe","wait":true}`)
	if out := strings.TrimSpace(result[record](h, 4).Stdout); out == "0" || out == "" {
		t.Errorf("%q mappings are bound", out)
	}
}

// sysroot makes the files of a machine with two nodes of two cores with two threads each.
func sysroot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	write := func(path, text string) {
		full := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("sys/devices/system/cpu/online", "0-7")
	for cpu := range 8 {
		dir := fmt.Sprintf("sys/devices/system/cpu/cpu%d/topology/", cpu)
		write(dir+"core_cpus_list", fmt.Sprintf("%d,%d", cpu%4, cpu%4+4))
		write(dir+"package_cpus_list", []string{"0,2,4,6", "1,3,5,7"}[cpu%2])
		write(dir+"physical_package_id", fmt.Sprint(cpu%2))
	}
	for node, cpus := range []string{"0,2,4,6", "1,3,5,7"} {
		write(fmt.Sprintf("sys/devices/system/node/node%d/cpulist", node), cpus)
	}
	write("sys/devices/system/node/online", "0-1")
	return root
}

func TestAnotherMachineCanBePlannedFor(t *testing.T) {
	root := sysroot(t)
	cmd := serverCommand("topology", "--sysroot="+root, "--affinity=core")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "4 cores") || !strings.Contains(string(out), "slot 3") {
		t.Errorf("%v\n%s", err, out)
	}
	h := start(t, "--sysroot="+root)
	h.call(1, "topology", "")
	top := result[struct {
		CPUs    []int
		Nodes   []struct{ CPUs []int }
		Cores   []struct{ CPUs []int }
		Uniform bool
	}](h, 1)
	if len(top.CPUs) != 8 || len(top.Nodes) != 2 || len(top.Cores) != 4 || !top.Uniform {
		t.Errorf("%+v", top)
	}
	h.call(2, "affinity", `{"step":2,"first":false}`)
	if got := result[struct{ Masks [][]int }](h, 2).Masks; fmt.Sprint(got) != "[[0 4] [1 5] [2 6] [3 7]]" {
		t.Errorf("groups %v", got)
	}
	h.call(3, "affinity", `{"step":3}`)
	h.failure(3, -32602)
	h.call(4, "affinity", `{"step":"core","index":4}`)
	h.failure(4, -32602)
}

func TestAnAffinityThatTheMachineCannotHaveIsRefused(t *testing.T) {
	for _, flags := range [][]string{{"--affinity=sock"}, {"--affinity=4096"}, {"--affinity=core", "--membind=yes"}, {"--affinity-sequential=maybe"}} {
		cmd := serverCommand(flags...)
		out, err := cmd.CombinedOutput()
		if _, failed := err.(*exec.ExitError); !failed || cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), "-") {
			t.Errorf("%v: %v\n%s", flags, err, out)
		}
	}
	h := start(t)
	h.call(1, "initialize", `{"affinity":{"step":4096}}`)
	if m := h.reply(1); m.Error == nil || m.Error.Data.Field != "affinity.step" {
		t.Error(m.line)
	}
	// Nothing was set up: another try can succeed.
	h.call(2, "initialize", `{"affinity":{"step":1},"workers":1000}`)
	got := result[struct {
		Workers  int
		Warnings []string
	}](h, 2)
	if got.Workers >= 1000 || len(got.Warnings) == 0 {
		t.Errorf("%+v", got)
	}
}

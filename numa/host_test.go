//go:build linux

package numa

import (
	"os"
	"runtime"
	"strings"
	"testing"
)

func TestThisMachineAgreesWithTheRuntime(t *testing.T) {
	top, err := ReadHost()
	if err != nil {
		t.Fatal(err)
	}
	checkTopology(t, top)
	checkAllGroups(t, top)
	// NumCPU is what sched_getaffinity gave when the process began, as for nproc.
	if got, want := top.Allowed.Len(), runtime.NumCPU(); got != want {
		t.Errorf("%d CPUs are allowed, the runtime counts %d", got, want)
	}
	if list, err := os.ReadFile("/sys/devices/system/cpu/online"); err == nil {
		if got, want := top.CPUs.String(), strings.TrimSpace(string(list)); got != want {
			t.Errorf("online CPUs are %s, the kernel says %s", got, want)
		}
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "Cpus_allowed_list:")
	list, _, _ := strings.Cut(rest, "\n")
	if want := mustList(t, list).Intersect(top.CPUs); !top.Allowed.Equal(want) {
		t.Errorf("allowed CPUs are %s, /proc/self/status says %s", top.Allowed, want)
	}
	if top.Nodes[0].Memory <= 0 {
		t.Errorf("node %d has memory %s", top.Nodes[0].ID, top.Nodes[0].Memory)
	}
}

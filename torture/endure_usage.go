package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// usage is what a server holds while nothing runs, its guardians included.
type usage struct {
	descriptors int
	threads     int
	guardians   int
	zombies     int
	resident    int64 // bytes, of the server alone
}

func (u usage) String() string {
	return fmt.Sprintf("%s, %d descriptors, %d threads, %d guardians, %d zombies", mebibytes(u.resident), u.descriptors, u.threads, u.guardians, u.zombies)
}

// usage looks at the server; nothing may run.
func (s *Server) usage() usage {
	u := usage{resident: residentOf(s.PID)}
	all := append([]int{s.PID}, s.Guardians()...)
	u.guardians = len(all) - 1
	for _, pid := range all {
		names, _ := os.ReadDir(procDir(pid) + "/fd")
		u.descriptors += len(names)
		u.threads += int(statusField(pid, "Threads:"))
		for _, child := range childrenOf(pid) {
			if stateOf(procDir(child)) == 'Z' {
				u.zombies++
			}
		}
	}
	return u
}

// expectFlat wants as much in use as before, once the server has come to rest: a job's end is told just before the last of it is put away. Some threads
// more may come, since Go makes one whenever all others are in system calls, and memory may vary by half, with the moment of the collection.
func (s *Server) expectFlat(before usage) {
	var now usage
	_, ok := eventually(patience, func() bool {
		now = s.usage()
		return now.descriptors <= before.descriptors+2 && now.threads <= before.threads+8+before.threads/4 && now.guardians <= before.guardians && now.zombies == 0
	})
	if !ok || now.resident > before.resident+before.resident/2+16<<20 {
		s.t.Errorf("in use are %v; before these were %v", now, before)
	}
	s.t.Note("in use at first", before.String())
	s.t.Note("at the end", now.String())
}

// residentOf gives the resident memory of a process in bytes; 0 if it is gone.
func residentOf(pid int) int64 {
	if text, err := os.ReadFile(procDir(pid) + "/smaps_rollup"); err == nil {
		return fieldOf(text, "Rss:") << 10
	}
	return statusField(pid, "VmRSS:") << 10
}

func statusField(pid int, name string) int64 {
	text, _ := os.ReadFile(procDir(pid) + "/status")
	return fieldOf(text, name)
}

// fieldOf gives the number after a name at the start of a line; 0 if there is none.
func fieldOf(text []byte, name string) int64 {
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte(name)); ok {
			n, _ := strconv.ParseInt(strings.Fields(string(rest))[0], 10, 64)
			return n
		}
	}
	return 0
}

func mebibytes(n int64) string { return fmt.Sprintf("%d MiB", n>>20) }

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// eat is a command that takes memory, at most at a rate of MB a second (a busy machine slows it down; it never catches up in a burst), up to some MB, keeps it
// for a while, and prints its own peak in kB.
func eat(mb, rate int, hold float64, nonce string) string {
	script := fmt.Sprintf(`import time
eaten = []
for i in range(%d):
    eaten.append(bytearray(b"x" * 1000000))
    time.sleep(1 / %d)
time.sleep(%g) # %s
print([line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")][0])`, mb, rate, hold, nonce)
	text, _ := json.Marshal([]string{"python3", "-c", script})
	return string(text)
}

// memRecord is what records say of memory.
type memRecord struct {
	Name     string
	Stdout   string
	Reason   string
	State    string
	Attempts int
	Duration float64
	Mem      *int64
	MemPeak  struct {
		Bytes  *int64
		Source string
	}
	Warnings []string
}

func (h *host) memRecord(id int, params string) memRecord {
	h.t.Helper()
	h.call(id, "execute", strings.TrimSuffix(params, "}")+`,"wait":true}`)
	return result[memRecord](h, id)
}

func TestPeaksAreThoseOfTheJob(t *testing.T) {
	h := start(t)
	for kind := range 3 {
		r := h.memRecord(2+kind, fmt.Sprintf(`{"name":"eat","args":%s,"memkind":%d,"stdout":"pipe"}`, eat(300, 1e6, 0.02, ""), kind))
		own, _ := strconv.Atoi(strings.TrimSpace(r.Stdout))
		want := float64(own) * 1024
		if want < 300e6 {
			t.Fatalf("the job says that it used %q kB", r.Stdout)
		}
		if got := float64(*r.MemPeak.Bytes); got < want*0.97-2e6 || got > want*1.03+2e6 {
			t.Errorf("memkind %d: peak %.1f MB by %s, want %.1f", kind, got/1e6, r.MemPeak.Source, want/1e6)
		}
		if r.Mem != nil {
			t.Errorf("memkind %d: mem is %d, though nothing is limited", kind, *r.Mem)
		}
	}
}

func TestAJobOverItsMemoryLimitIsEndedSoon(t *testing.T) {
	h := start(t)
	for kind := range 3 {
		r := h.memRecord(1+kind, fmt.Sprintf(`{"name":"grow","args":%s,"memlim":"200MB","memkind":%d}`, eat(2000, 400, 60, ""), kind))
		// Half a second is what 200 MB take; a tenth more it may live, and starting Python takes some time too.
		if r.Reason != "memlimit" || r.Attempts != 1 || *r.MemPeak.Bytes > 260e6 {
			t.Errorf("memkind %d: %+v, peak %d", kind, r, *r.MemPeak.Bytes)
		}
	}
	r := h.memRecord(9, `{"name":"own fault","args":["sh","-c","ulimit -v 300000; exec python3 -c 'bytearray(1000000000)' 2>/dev/null"],"memlim":"2GB"}`)
	if r.Reason != "exited" || r.State != "failed" {
		t.Errorf("a failed allocation: %+v", r)
	}
}

func TestThePoolsMemoryLimitHoldsAndAllComplete(t *testing.T) {
	const jobs, workers, limit, pace = 8, 4, 400e6, 60e6 // bytes, and bytes in a second for each job
	h := start(t, fmt.Sprintf("--workers=%d", workers), "--memlimit=400MB")
	mark := nonce()
	var list []string
	for i := range jobs {
		list = append(list, fmt.Sprintf(`{"name":"eater %d","stdout":null,"args":%s}`, i, eat(150, pace/1e6, 0.3, mark)))
	}
	h.call(1, "execute", `{"jobs":[`+strings.Join(list, ",")+`]}`)
	h.call(2, "join", "")
	watched, stop := watchMemory(mark)
	sum := result[struct{ Done, Failed int }](h, 2)
	stop()
	if sum.Done != jobs || sum.Failed != 0 {
		t.Errorf("%+v", sum)
	}
	// On a machine so busy that a look takes long here, it does so in the server.
	seen := <-watched
	if most := 1.1*limit + workers*pace*seen.pause.Seconds(); float64(seen.peak) > most {
		t.Errorf("the sum went to %.0f MB of %.0f, which is beyond %.0f, with at most %v between two looks here", float64(seen.peak)/1e6, limit/1e6, most/1e6, seen.pause)
	}
	attempts := 0
	for job := range int64(jobs) {
		attempts += h.finished(job + 1).Attempts
	}
	if attempts > jobs+4 {
		t.Errorf("%d attempts for %d jobs", attempts, jobs)
	}
}

// watched is what watchMemory has seen.
type watched struct {
	peak  int64         // bytes, of the sum
	pause time.Duration // the longest between two looks
}

// watchMemory samples the resident memory of all processes with the mark, until stopped.
func watchMemory(mark string) (seen <-chan watched, stop func()) {
	out, done := make(chan watched, 1), make(chan struct{})
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		var w watched
		for last := time.Now(); ; {
			var sum int64
			for _, pid := range holders(mark) {
				sum += resident(pid)
			}
			w.peak, w.pause = max(w.peak, sum), max(w.pause, time.Since(last))
			last = time.Now()
			select {
			case <-done:
				out <- w
				return
			case <-tick.C:
			}
		}
	}()
	return out, func() { close(done) }
}

func resident(pid string) int64 {
	text, _ := os.ReadFile("/proc/" + pid + "/statm")
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

func TestImpossibleMemoryLimitsAreReducedAndSaid(t *testing.T) {
	h := start(t)
	h.call(1, "initialize", `{"memlimit":"9000TB"}`)
	got := result[struct {
		MemLimit int64
		Warnings []string
	}](h, 1)
	if got.MemLimit <= 0 || got.MemLimit > 1e15 || len(got.Warnings) == 0 || !strings.Contains(got.Warnings[0], "reduced") {
		t.Errorf("%+v", got)
	}
	h = start(t, "--memlimit=100MB")
	r := h.memRecord(1, `{"name":"a","args":["true"],"memlim":"1GB"}`)
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "reduced to 100000000") {
		t.Errorf("%+v", r)
	}
	for i, bad := range []string{`-1`, `"12XB"`, `"-3GB"`, `1e30`, `true`} {
		h.call(10+i, "execute", `{"name":"a","args":["true"],"memlim":`+bad+`}`)
		h.failure(10+i, -32602)
	}
}

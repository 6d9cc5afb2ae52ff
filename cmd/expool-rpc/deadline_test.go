package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// lateness runs jobs that break their timeouts, which differ, and gives how late each of them ended, shortest first.
func lateness(t testing.TB, jobs int) []time.Duration {
	h := start(t, "--workers=4")
	var list []string
	for i := range jobs {
		list = append(list, fmt.Sprintf(`{"name":"late","args":["sleep","1000"],"timeout":%.3f}`, timeout(i).Seconds()))
	}
	h.call(1, "execute", `{"jobs":[`+strings.Join(list, ",")+`]}`)
	var late []time.Duration
	for i := range jobs {
		r := h.finished(int64(i) + 1)
		if r.Reason != "timeout" {
			t.Fatalf("%+v", r)
		}
		late = append(late, time.Duration(r.Duration*float64(time.Second))-timeout(i))
	}
	slices.Sort(late)
	return late
}

func timeout(i int) time.Duration { return time.Duration(50+i%50) * time.Millisecond }

func TestDeadlinesAreNeverEarly(t *testing.T) {
	if late := lateness(t, 100); late[0] < 0 {
		t.Errorf("a job was ended %v before its deadline", -late[0])
	}
}

// BenchmarkDeadlines tells how late 200 jobs end after their deadlines. On an idle machine p99 is to be below 10 ms.
func BenchmarkDeadlines(b *testing.B) {
	for b.Loop() {
		late := lateness(b, 200)
		for _, p := range []int{50, 99, 100} {
			b.ReportMetric(float64(late[len(late)*p/100-p/100].Microseconds())/1000, fmt.Sprintf("p%d-ms", p))
		}
	}
}

// BenchmarkGrace tells how much later than its grace a job ends that ignores the soft signal: below 50 ms on an idle machine.
func BenchmarkGrace(b *testing.B) {
	h := start(b, "--grace=0.3")
	most := 0.0
	id := 0
	for b.Loop() {
		id++
		job := h.execute(id, `{"name":"stubborn","timeout":0.1,"args":["sh","-c","trap '' TERM; sleep 1000 & sleep 1000 & wait; wait; wait"]}`)
		most = max(most, h.finished(job).Duration-0.4)
	}
	b.ReportMetric(most*1000, "latest-ms")
}

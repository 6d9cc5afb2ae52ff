package proc

import (
	"bytes"
	"strconv"
	"time"
)

// hostOOM tells whether the host's killer was at work, for jobs without a memory cgroup that would know.
type hostOOM struct {
	count int64 // of its victims, on the whole host
	at    time.Time
}

// oomSlack is how old the count may be when a job starts, because reading it takes a tenth of what a short job does.
const oomSlack = time.Second

// note remembers the count for a job that starts.
func (o *hostOOM) note(now time.Time) {
	if now.Sub(o.at) >= oomSlack {
		o.count, o.at = oomVictims(), now
	}
}

// changed says whether there were victims since.
func (o *hostOOM) changed() bool {
	before := o.count
	o.count, o.at = oomVictims(), time.Now()
	return o.count > before
}

// oomVictims counts the processes that the killer has ended since boot, for whatever limit.
func oomVictims() int64 {
	data := readAll("/proc/vmstat", make([]byte, 8<<10))
	for line := range bytes.Lines(data) {
		if value, ok := bytes.CutPrefix(line, []byte("oom_kill ")); ok {
			n, _ := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64)
			return n
		}
	}
	return 0
}

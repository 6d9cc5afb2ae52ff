package mem

import "bytes"

// process is what we use of /proc/PID/stat.
type process struct {
	pid, parent int
	state       byte // 0: only listed, nothing but pid and parent is known
	threads     int
	start       uint64 // in clock ticks since boot
	rss, vms    int64  // bytes
	shares      bool   // its memory is its parent's, and counts there
}

// alive is false for zombies, but not for those whose main thread alone has ended.
func (p process) alive() bool { return p.state != 'Z' && p.state != 'X' || p.threads > 1 }

// process reads a process. It is false when there is none to be seen.
func (r *reader) process(pid int) (process, bool) {
	p, ok := parseStat(r.read(statOf(pid)), r.page)
	p.pid = pid
	if ok && (p.state == 'Z' || p.state == 'X') && p.threads > 1 {
		p.rss, p.vms = r.ofThreads(pid)
	}
	return p, ok
}

func statOf(pid int) file { return file{pid: pid, name: "stat"} }

// ofThreads gives the memory of a process whose main thread has ended and shows none: any other thread tells.
func (r *reader) ofThreads(pid int) (rss, vms int64) {
	for _, tid := range r.threads(pid, maxThreads) {
		if p, ok := parseStat(r.read(file{pid, tid, "stat"}), r.page); ok && p.vms > 0 {
			return p.rss, p.vms
		}
	}
	return 0, 0
}

// maxThreads are tried for one that tells the memory of their process. More than the first few are needed only when
// these are just ending.
const maxThreads = 100

// highWater gives the highest RSS that a process has had, in bytes; 0 if it is gone or shares its parent's memory.
func (r *reader) highWater(p process) int64 {
	switch {
	case p.shares:
		return 0
	case p.state != 'Z' && p.state != 'X':
		return parseHighWater(r.read(file{pid: p.pid, name: "status"}))
	}
	for _, tid := range r.threads(p.pid, maxThreads) {
		if mark := parseHighWater(r.read(file{p.pid, tid, "status"})); mark > 0 {
			return mark
		}
	}
	return 0
}

// Fields of stat after the name of the process, which may hold anything and ends at the last parenthesis.
const (
	fieldState   = 0
	fieldParent  = 1
	fieldThreads = 17
	fieldStart   = 19
	fieldVMS     = 20 // bytes
	fieldRSS     = 21 // pages
)

// parseStat reads all of a process but its pid.
func parseStat(data []byte, page int64) (p process, ok bool) {
	at := bytes.LastIndexByte(data, ')')
	rest, found := data[at+1:], at >= 0
	for i := 0; found && i <= fieldRSS; i++ {
		var field []byte
		field, rest, found = bytes.Cut(bytes.TrimLeft(rest, " "), []byte(" "))
		if len(field) == 0 {
			return process{}, false
		}
		n, _, _ := number(field) // those that we use are not negative
		switch i {
		case fieldState:
			p.state = field[0]
		case fieldParent:
			p.parent = int(n)
		case fieldThreads:
			p.threads = int(n)
		case fieldStart:
			p.start = n
		case fieldVMS:
			p.vms = clamp(n, 1)
		case fieldRSS:
			p.rss = clamp(n, page)
		}
	}
	return p, found && p.state >= 'A' // a letter, even if it is none that we know
}

// parseHighWater finds "VmHWM:     1234 kB" in a status file.
func parseHighWater(data []byte) int64 {
	const key = "\nVmHWM:"
	at := bytes.Index(data, []byte(key))
	if at < 0 {
		return 0
	}
	n, _, _ := number(bytes.TrimLeft(data[at+len(key):], " \t"))
	return clamp(n, 1024)
}

// number reads a decimal number at the start of data, after blanks, and gives what follows it.
func number(data []byte) (n uint64, rest []byte, ok bool) {
	data = bytes.TrimLeft(data, " ")
	i := 0
	for ; i < len(data) && '0' <= data[i] && data[i] <= '9'; i++ {
		n = n*10 + uint64(data[i]-'0')
	}
	return n, data[i:], i > 0
}

// clamp converts units to bytes, without overflow.
func clamp(n uint64, unit int64) int64 {
	const most = 1 << 62
	if n > uint64(most/unit) {
		return most
	}
	return int64(n) * unit
}

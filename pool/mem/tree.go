package mem

import (
	"cmp"
	"slices"
)

// main reads the main process of a target, if it still is that.
func (m *Meter) main(t Target) (process, bool) {
	p, ok := m.read(t.Main)
	return p, ok && (t.Guardian == 0 || p.parent == t.Guardian)
}

// walk collects the members of a target's tree, parents before children. It is true when it left some out.
func (m *Meter) walk(t Target) (truncated bool) {
	m.queue, m.members = m.queue[:0], m.members[:0]
	clear(m.seen)
	start := m.roots(t)
	looks := 0
	for i := 0; i < len(m.queue); i++ {
		if looks++; looks > m.cfg.Limit {
			return true
		}
		p := m.queue[i]
		if !m.load(&p) || p.start < start || !p.alive() {
			continue
		}
		m.add(p)
		looks += m.children(p)
	}
	return looks > m.cfg.Limit
}

// add makes a process a member, without the memory that is its parent's.
func (m *Meter) add(p process) {
	if m.shares(p) {
		p.rss, p.vms, p.shares = 0, 0, true
	}
	m.members = append(m.members, p)
}

// shares says that a process uses its parent's memory. The kernel is asked until it says no: only a new process shares.
func (m *Meter) shares(p process) bool {
	stat, kept := m.reader.files.open[statOf(p.pid)]
	if kept && stat.own {
		return false
	}
	shares := m.shared(p.pid, p.parent)
	if kept {
		stat.own = !shares
	}
	return shares
}

// roots puts into the queue where the tree begins: the main process, ahead of all else should there be too much, and the
// orphans that the guardian has adopted. It gives the start of the oldest, than which no member is older.
func (m *Meter) roots(t Target) (start uint64) {
	root, ok := m.main(t)
	if ok {
		m.enqueue(root)
	}
	if t.Guardian == 0 {
		return root.start
	}
	if !ok { // it was reaped, and may have left others
		if root, ok = m.read(t.Guardian); !ok {
			return 0
		}
	}
	m.seen[t.Guardian] = true
	if m.scans() {
		m.scanned(t.Guardian)
	} else {
		m.listed(t.Guardian, t.Guardian) // the kernel gives orphans to the main thread
	}
	return root.start
}

// load reads what is not known yet of a process that was listed.
func (m *Meter) load(p *process) bool {
	if p.state != 0 {
		return true
	}
	loaded, ok := m.read(p.pid)
	*p = loaded
	return ok
}

func (m *Meter) read(pid int) (process, bool) {
	m.reads++
	return m.reader.process(pid)
}

func (m *Meter) enqueue(p process) {
	if !m.seen[p.pid] { // it may turn up again with another parent that has adopted it meanwhile
		m.seen[p.pid] = true
		m.queue = append(m.queue, p)
	}
}

// children puts the children of a process into the queue. It gives the number of threads beyond the first that it had to
// look at: each has a list of its own.
func (m *Meter) children(p process) (looks int) {
	if m.scans() {
		m.scanned(p.pid)
		m.reads += 1 + p.threads // that lists would have taken
		return 0
	}
	if p.threads <= 1 {
		m.listed(p.pid, p.pid)
		return 0
	}
	tids := m.reader.threads(p.pid, m.cfg.Limit+1)
	for _, tid := range tids {
		m.listed(p.pid, tid)
	}
	return max(len(tids)-1, 0)
}

// listed puts the children of a thread into the queue, up to one more than can be looked at.
func (m *Meter) listed(pid, tid int) {
	m.reads++
	data := m.reader.read(file{pid, tid, "children"})
	for len(m.queue) <= m.cfg.Limit {
		var child uint64
		var ok bool
		if child, data, ok = number(data); !ok {
			return
		}
		m.enqueue(process{pid: int(child), parent: pid})
	}
}

// begin starts a pass. One that is like a last one for which a scan paid off scans at once.
func (m *Meter) begin() {
	m.scanFirst = m.hasScan && m.reads > len(m.all)
	m.reads, m.hasScan, m.host = 0, false, 0
}

// scans says that children are to be found by a scan of all processes, and makes it at most once a pass: where the kernel
// has no lists, and when the pass has read as many files as a scan would, as it does for trees of many threads. So a pass
// costs at most twice what the better way would have.
func (m *Meter) scans() bool {
	if !m.hasScan && (!m.lists || m.scanFirst || m.reads > m.scanCost()) {
		m.scan()
	}
	return m.hasScan
}

// scanCost is how many files a scan would read, or more.
func (m *Meter) scanCost() int {
	const few = 200 // are not worth to ask
	if m.reads <= few {
		return few
	}
	if m.host == 0 {
		m.host = m.reader.processes()
	}
	return m.host
}

// scan reads every process that can be seen.
func (m *Meter) scan() {
	m.all, m.hasScan = m.all[:0], true
	for _, pid := range m.reader.pids() {
		if p, ok := m.reader.process(pid); ok {
			m.all = append(m.all, p)
		}
	}
	slices.SortFunc(m.all, func(a, b process) int {
		return cmp.Or(cmp.Compare(a.parent, b.parent), cmp.Compare(a.start, b.start), cmp.Compare(a.pid, b.pid))
	})
}

// scanned puts the children that the scan found into the queue, the oldest first.
func (m *Meter) scanned(parent int) {
	first, _ := slices.BinarySearchFunc(m.all, parent, func(p process, pid int) int { return cmp.Compare(p.parent, pid) })
	for _, p := range m.all[first:] {
		if p.parent != parent || len(m.queue) > m.cfg.Limit {
			return
		}
		m.enqueue(p)
	}
}

package numa

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Picture writes the machine for people to read: its nodes, their caches and
// cores, which worker slots run on each core, and what each slot gets. Without
// groups it shows the machine alone.
func (t *Topology) Picture(w io.Writer, groups Groups) error {
	p := picture{t: t, groups: groups, out: bufio.NewWriter(w)}
	p.header()
	for _, n := range t.Nodes {
		p.node(n)
	}
	p.strays()
	p.slots()
	for _, text := range t.Warnings {
		fmt.Fprintf(p.out, "warning: %s\n", text)
	}
	return p.out.Flush()
}

type picture struct {
	t        *Topology
	groups   Groups
	out      *bufio.Writer // keeps the first error for Flush
	reserved bool          // some core is reserved for a slot that does not use it
}

func (p *picture) header() {
	t := p.t
	fmt.Fprintf(p.out, "%s, %d allowed; %s, %s, %s", count(t.CPUs.Len(), "CPU"), t.Allowed.Len(),
		count(len(t.Cores), "core"), count(len(t.Packages), "package"), count(len(t.Nodes), "node"))
	switch {
	case t.Hybrid():
		fmt.Fprint(p.out, "; hybrid")
	case t.Uniform():
		fmt.Fprint(p.out, "; uniform")
	default:
		fmt.Fprint(p.out, "; not uniform")
	}
	fmt.Fprintln(p.out)
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

func (p *picture) node(n Node) {
	if n.CPUs.IsEmpty() {
		fmt.Fprintf(p.out, "node %d: memory %s, no CPUs\n", n.ID, n.Memory)
		return
	}
	fmt.Fprintf(p.out, "node %d: memory %s, CPUs %s\n", n.ID, n.Memory, n.CPUs)
	p.cores(func(c Core) bool { return c.Node == n.ID })
}

func (p *picture) strays() {
	rest := p.t.CPUs
	for _, n := range p.t.Nodes {
		rest = rest.Minus(n.CPUs)
	}
	if rest.IsEmpty() {
		return
	}
	fmt.Fprintf(p.out, "no node: CPUs %s\n", rest)
	p.cores(func(c Core) bool { return c.Node == Unknown })
}

// cores shows the cores that are asked for, under what they share.
func (p *picture) cores(wanted func(Core) bool) {
	width := 0
	var sections []string
	lines := map[string][]string{}
	for _, c := range p.t.Cores {
		if wanted(c) {
			width = max(width, len(c.CPUs.String()))
		}
	}
	for _, c := range p.t.Cores {
		if !wanted(c) {
			continue
		}
		own, outer := p.surroundings(c)
		if lines[outer] == nil {
			sections = append(sections, outer)
		}
		line := fmt.Sprintf("    core %-*s  %s  %s", width, c.CPUs, own, p.slotsOn(c))
		lines[outer] = append(lines[outer], strings.TrimRight(line, " "))
	}
	for _, outer := range sections {
		if outer != "" {
			fmt.Fprintf(p.out, "  %s\n", outer)
		}
		fmt.Fprintln(p.out, strings.Join(lines[outer], "\n"))
	}
}

// surroundings tells what a core has for itself, and what it shares.
func (p *picture) surroundings(c Core) (own, outer string) {
	var inside, outside []string
	for _, d := range p.t.Packages {
		if d.CPUs.Has(c.CPUs.Min()) && d.ID != Unknown {
			outside = append(outside, fmt.Sprintf("package %d", d.ID))
		}
	}
	for _, cache := range p.t.Caches {
		text := fmt.Sprintf("L%d %s", cache.Level, cache.Size)
		switch {
		case !cache.CPUs.Has(c.CPUs.Min()):
		case cache.CPUs.SubsetOf(c.CPUs):
			inside = append(inside, text)
		default:
			outside = append(outside, fmt.Sprintf("%s of %s", text, cache.CPUs))
		}
	}
	if c.Kind != "" && !strings.HasPrefix(c.Kind, cacheKind) { // caches are shown anyway
		inside = append([]string{"(" + c.Kind + ")"}, inside...)
	}
	return strings.Join(inside, " "), strings.Join(outside, ", ")
}

// slotsOn tells which slots use the core; in parentheses those that keep it free.
func (p *picture) slotsOn(c Core) string {
	usable := c.CPUs.Intersect(p.t.Allowed)
	if usable.IsEmpty() {
		return "not allowed"
	}
	var slots []string
	for i, g := range p.groups {
		switch {
		case g.CPUs.Intersects(usable):
			slots = append(slots, fmt.Sprint(i))
		case g.Span.Intersects(usable):
			slots = append(slots, fmt.Sprintf("(%d)", i))
			p.reserved = true
		}
	}
	text := ""
	if len(slots) > 0 {
		text = "slot " + strings.Join(slots, " ")
	}
	if usable.Len() < c.CPUs.Len() {
		text += " only " + usable.String() + " allowed"
	}
	return strings.TrimSpace(text)
}

func (p *picture) slots() {
	if p.reserved {
		fmt.Fprintln(p.out, "(n): kept free for slot n, which does not run there")
	}
	for i, g := range p.groups {
		fmt.Fprintf(p.out, "slot %d: CPUs %s%s\n", i, g.CPUs, onNodes(g.Nodes))
	}
}

func onNodes(nodes []int) string {
	switch len(nodes) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf(" on node %d", nodes[0])
	}
	return fmt.Sprintf(" on nodes %s", strings.ReplaceAll(strings.Trim(fmt.Sprint(nodes), "[]"), " ", ", "))
}

package proc

import "testing"

func TestALackEndsTheIdleGuardiansButOne(t *testing.T) {
	p := newPool(t, Config{Idle: 3})
	gates := map[Attempt]string{}
	for range 3 {
		gate := mkfifo(t)
		a := p.start(shell(`read x < "$1"`, gate))
		p.started(a)
		gates[a] = gate
	}
	guardians := func() int {
		p.Runner.mu.Lock()
		defer p.Runner.mu.Unlock()
		return len(p.guardians)
	}
	if n := guardians(); n != 3 {
		t.Fatalf("%d guardians for 3 jobs", n)
	}
	for a, gate := range gates {
		writeFile(t, gate, "go\n", 0o666)
		p.exited(a)
	}
	p.shed()
	if !pollFor(patience, func() bool { return guardians() == 1 }) {
		t.Errorf("%d guardians are left", guardians())
	}
	if x := p.run(shell(`exit 7`)); x.Code != 7 || guardians() != 1 {
		t.Errorf("got %+v from %d guardians", x, guardians())
	}
}

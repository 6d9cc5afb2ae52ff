package main

import (
	"fmt"
	"os"

	"expool/numa"
	"expool/pool"
)

// topology reads the machine that the flags mean.
func (f *flags) topology() (*numa.Topology, error) {
	if f.sysroot == "" {
		return numa.ReadHost()
	}
	return numa.Read(os.DirFS(f.sysroot), numa.Options{})
}

// placement gives the affinity that the flags ask for; nil for none.
func (f *flags) placement() (*pool.Affinity, error) {
	binds := map[string]pool.MemBind{"none": pool.MemBindNone, "prefer": pool.MemBindPrefer, "bind": pool.MemBindStrict}
	bind, ok := binds[f.membind]
	switch {
	case !ok:
		return nil, fmt.Errorf("--membind is %q: give none, prefer or bind", f.membind)
	case f.sequential != "" && f.sequential != "true" && f.sequential != "false":
		return nil, fmt.Errorf("--affinity-sequential is %q: give true or false", f.sequential)
	case f.affinity == "":
		return nil, nil
	}
	step, err := numa.ParseStep(f.affinity)
	if err != nil {
		return nil, fmt.Errorf("--affinity: %w", err)
	}
	a := &pool.Affinity{Step: step, All: f.affinityAll, MemBind: bind}
	if f.sequential != "" {
		sequential := f.sequential == "true"
		a.Sequential = &sequential
	}
	_, err = f.groups(a)
	return a, err
}

// groups are those that an affinity gives; an error says why the machine can't have them.
func (f *flags) groups(a *pool.Affinity) (numa.Groups, error) {
	t, err := f.topology()
	if err != nil {
		return nil, fmt.Errorf("reading the topology: %w", err)
	}
	groups, err := t.Groups(a.Step, !a.All, a.Sequential)
	if err != nil {
		return nil, fmt.Errorf("--affinity: %w", err)
	}
	return groups, nil
}

// picture prints the machine, and the groups that an affinity gives.
func (f *flags) picture(a *pool.Affinity) error {
	t, err := f.topology()
	if err != nil {
		return fmt.Errorf("reading the topology: %w", err)
	}
	var groups numa.Groups
	if a != nil {
		if groups, err = f.groups(a); err != nil {
			return err
		}
	}
	return t.Picture(os.Stdout, groups)
}

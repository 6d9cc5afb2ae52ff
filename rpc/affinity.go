package rpc

import (
	"errors"

	"expool/numa"
	"expool/pool"
	"expool/rpc/wire"
)

// affinity tells which CPUs each affinity group has.
func (s *Server) affinity(c *Call) {
	params, p := decoded(s, c, wire.DecodeAffinity)
	if p == nil {
		return
	}
	t, err := s.settings.Pool.Topology()
	if err != nil {
		c.Fail(wire.Errorf(wire.CodeInternal, "reading the topology: %v", err))
		return
	}
	groups, err := t.Groups(stepOf(params.Step), params.First, optional(params.Sequential))
	if err != nil {
		c.Fail(affinityError("", err))
		return
	}
	if !params.Index.Set {
		reply(c, groups.Masks())
		return
	}
	mask, err := groups.Mask(params.Index.Value)
	if err != nil {
		c.Fail(affinityError("", err))
		return
	}
	reply(c, mask)
}

func stepOf(s wire.Step) numa.Step {
	if s.Level == "" {
		return numa.Threads(s.Threads)
	}
	step, _ := numa.ParseStep(string(s.Level)) // the wire lets only levels pass
	return step
}

func optional[T any](o wire.Opt[T]) *T {
	if !o.Set {
		return nil
	}
	return &o.Value
}

// affinityOf gives the policy of initialize as the pool takes it.
func affinityOf(a *wire.AffinityPolicy) *pool.Affinity {
	binds := map[wire.MemBind]pool.MemBind{wire.MemBindPrefer: pool.MemBindPrefer, wire.MemBindStrict: pool.MemBindStrict}
	return &pool.Affinity{Step: stepOf(a.Step), All: !a.First, Sequential: optional(a.Sequential), MemBind: binds[a.MemBind]}
}

// affinityError names the field at fault, which lies in the field that prefix names.
func affinityError(prefix string, err error) *wire.Error {
	var wrong *numa.ParamError
	if !errors.As(err, &wrong) {
		return wire.Errorf(wire.CodeInternal, "%v", err)
	}
	return wire.InvalidParams(prefix+wrong.Field, "%s", wrong.Problem)
}

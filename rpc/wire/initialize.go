package wire

import (
	"encoding/json"
	"math"
	"time"
)

// Initialize is the params of the method initialize. What is not set keeps the
// value of the flags.
type Initialize struct {
	Name     string             // of the pool; empty if absent
	Workers  Opt[int]           // how many may run at once, from 1 to MaxWorkers
	MemLimit Opt[int64]         // bytes; 0 for none
	Latency  Opt[time.Duration] // 0 for automatic
	Grace    Opt[time.Duration] // between the soft and the hard kill
	Affinity *AffinityPolicy    // nil if absent
	Chained  Opt[bool]
	Protocol Opt[int]      // the version of the protocol that the client speaks
	Notify   Opt[[]string] // what the client wants to be told; all if absent
}

// MaxWorkers is the largest number of workers that can be asked for.
const MaxWorkers = 1 << 20

// MemBind says how the memory of a job is bound to the nodes of its group.
type MemBind string

// The ways to bind memory.
const (
	MemBindNone   MemBind = "none"
	MemBindPrefer MemBind = "prefer"
	MemBindStrict MemBind = "bind"
)

// AffinityPolicy is how jobs are placed.
type AffinityPolicy struct {
	Step       Step
	First      bool      // keep one CPU of each group; default true
	Sequential Opt[bool] // overrides the numbering that was read, when set
	MemBind    MemBind   // default MemBindNone
}

// Step is the size of affinity groups: a number of threads, or a level of the
// machine. Exactly one of the two is set.
type Step struct {
	Threads int
	Level   Level
}

// Level is a level of the machine that affinity groups may follow.
type Level string

// The levels of a machine.
const (
	LevelThread  Level = "thread"
	LevelCore    Level = "core"
	LevelL2      Level = "l2"
	LevelL3      Level = "l3"
	LevelNode    Level = "node"
	LevelPackage Level = "package"
)

var initializeFields = fieldsOf(
	field[Initialize]{"name", func(d *decoder, p *Initialize) { p.Name = d.filled() }},
	field[Initialize]{"workers", func(d *decoder, p *Initialize) { p.Workers = optional(d, (*decoder).workers) }},
	field[Initialize]{"memlimit", func(d *decoder, p *Initialize) { p.MemLimit = optional(d, (*decoder).memory) }},
	field[Initialize]{"latency", func(d *decoder, p *Initialize) { p.Latency = optional(d, (*decoder).seconds) }},
	field[Initialize]{"grace", func(d *decoder, p *Initialize) { p.Grace = optional(d, (*decoder).seconds) }},
	field[Initialize]{"affinity", func(d *decoder, p *Initialize) { p.Affinity = d.affinityPolicy() }},
	field[Initialize]{"chained", func(d *decoder, p *Initialize) { p.Chained = optional(d, (*decoder).boolean) }},
	field[Initialize]{"protocol", func(d *decoder, p *Initialize) { p.Protocol = optional(d, (*decoder).version) }},
	field[Initialize]{"notify", func(d *decoder, p *Initialize) { p.Notify = optional(d, (*decoder).notifications) }},
)

// DecodeInitialize decodes the params of initialize.
func DecodeInitialize(raw json.RawMessage) (p Initialize, err *Error) {
	err = decode(raw, initializeFields, &p, nil)
	return p, err
}

func (d *decoder) workers() int { return int(d.integer(1, MaxWorkers)) }
func (d *decoder) version() int { return int(d.integer(1, math.MaxInt32)) }

// notifications reads a list, which may be empty.
func (d *decoder) notifications() []string {
	list := []string{}
	if !d.want(Array) {
		return nil
	}
	d.openList()
	for i := 0; d.element(i); i++ {
		list = append(list, d.notification())
	}
	return list
}

func (d *decoder) notification() string {
	if d.Kind() == Null {
		d.reject("must be the name of a notification, not null")
		return ""
	}
	return choice(d, Notifications...)
}

var policyFields = fieldsOf(
	field[AffinityPolicy]{"step", func(d *decoder, a *AffinityPolicy) { a.Step = d.step() }},
	field[AffinityPolicy]{"first", func(d *decoder, a *AffinityPolicy) { a.First = optional(d, (*decoder).boolean).Or(true) }},
	field[AffinityPolicy]{"sequential", func(d *decoder, a *AffinityPolicy) { a.Sequential = optional(d, (*decoder).boolean) }},
	field[AffinityPolicy]{"membind", func(d *decoder, a *AffinityPolicy) {
		a.MemBind = optional(d, func(d *decoder) MemBind {
			return choice(d, MemBindNone, MemBindPrefer, MemBindStrict)
		}).Or(MemBindNone)
	}},
)

func (d *decoder) affinityPolicy() *AffinityPolicy {
	if d.absent() || !d.want(Object) {
		return nil
	}
	a := &AffinityPolicy{First: true, MemBind: MemBindNone}
	object(d, policyFields, a)
	requireStep(d, a.Step)
	return a
}

func requireStep(d *decoder, s Step) {
	if d.ok() && s == (Step{}) {
		d.rejectField("step", `is missing: give a number of threads or a level such as "core"`)
	}
}

// step reads a number of threads or a level; null is neither.
func (d *decoder) step() Step {
	switch k := d.Kind(); k {
	case Null, None:
		d.absent()
	case Number:
		return Step{Threads: int(d.integer(1, MaxWorkers))}
	case String:
		return Step{Level: choice(d, LevelThread, LevelCore, LevelL2, LevelL3, LevelNode, LevelPackage)}
	default:
		d.reject(`must be a number of threads or a level such as "core", not %s`, k)
	}
	return Step{}
}

// Affinity is the params of the method affinity.
type Affinity struct {
	Step       Step
	First      bool      // default true
	Sequential Opt[bool] // overrides the numbering that was read, when set
	Index      Opt[int]  // of the group to return; all groups if absent
}

var affinityFields = fieldsOf(
	field[Affinity]{"step", func(d *decoder, a *Affinity) { a.Step = d.step() }},
	field[Affinity]{"first", func(d *decoder, a *Affinity) { a.First = optional(d, (*decoder).boolean).Or(true) }},
	field[Affinity]{"sequential", func(d *decoder, a *Affinity) { a.Sequential = optional(d, (*decoder).boolean) }},
	field[Affinity]{"index", func(d *decoder, a *Affinity) { a.Index = optional(d, (*decoder).groupIndex) }},
)

func (d *decoder) groupIndex() int { return int(d.integer(0, math.MaxInt32)) }

// DecodeAffinity decodes the params of affinity.
func DecodeAffinity(raw json.RawMessage) (Affinity, *Error) {
	a := Affinity{First: true}
	err := decode(raw, affinityFields, &a, func(d *decoder, a *Affinity, _ seen) { requireStep(d, a.Step) })
	return a, err
}

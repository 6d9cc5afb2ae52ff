package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// The results in this file are rare, and are encoded by encoding/json: their
// tags are their form on the wire.

// Seconds is a time span that is a number of seconds on the wire.
type Seconds time.Duration

// MarshalJSON gives one to six decimals.
func (s Seconds) MarshalJSON() ([]byte, error) { return AppendSeconds(nil, time.Duration(s)), nil }

// appendJSON appends what encoding/json makes of v, which is one of our own
// types and can't fail.
func appendJSON(b []byte, v any) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("encoding a result of type %T: %v", v, err))
	}
	return append(b, bytes.TrimSuffix(out.Bytes(), []byte("\n"))...)
}

// Initialized is the result of initialize, with the values in effect.
type Initialized struct {
	Server       string          `json:"server"`
	Version      string          `json:"version"`
	Protocol     int             `json:"protocol"`
	Workers      int             `json:"workers"`
	MemLimit     int64           `json:"memlimit"` // bytes; 0 for none
	Latency      Seconds         `json:"latency"`  // 0 for automatic
	Grace        Seconds         `json:"grace"`
	Topology     TopologySummary `json:"topology"`
	Capabilities Capabilities    `json:"capabilities"`
	Warnings     []string        `json:"warnings"`
}

// TopologySummary counts the parts of the machine.
type TopologySummary struct {
	CPUs     int  `json:"cpus"`    // online
	Allowed  int  `json:"allowed"` // by the cgroup cpuset
	Cores    int  `json:"cores"`
	Nodes    int  `json:"nodes"`
	Packages int  `json:"packages"`
	Uniform  bool `json:"uniform"`
}

// Capabilities is what the host gives.
type Capabilities struct {
	Cgroups     string   `json:"cgroups"`     // "v2", "v1", "hybrid" or "none"
	Measurement []string `json:"measurement"` // the sources of memory figures, best first
	Enforcement []string `json:"enforcement"` // what enforces memory limits, best first
	Notes       []string `json:"notes"`       // what the host does not give, in words
}

// Append appends the result.
func (r Initialized) Append(b []byte) []byte {
	r.Warnings = filledList(r.Warnings)
	r.Capabilities.Measurement = filledList(r.Capabilities.Measurement)
	r.Capabilities.Enforcement = filledList(r.Capabilities.Enforcement)
	r.Capabilities.Notes = filledList(r.Capabilities.Notes)
	return appendJSON(b, r)
}

// filledList makes an empty list of none, since null is not a list.
func filledList[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// Explained is the result of explain.
type Explained struct {
	Job        int64  `json:"job"`
	State      State  `json:"state"`
	Constraint string `json:"constraint"` // empty, on the wire null, if none holds it back
	WaitsFor   any    `json:"waits_for"`  // a list of ids, as encoding/json takes it
	Text       string `json:"text"`
}

// Append appends the result.
func (r Explained) Append(b []byte) []byte {
	type plain Explained
	var constraint *string
	if r.Constraint != "" {
		constraint = &r.Constraint
	}
	return appendJSON(b, struct {
		plain
		Constraint *string `json:"constraint"`
	}{plain(r), constraint})
}

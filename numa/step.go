package numa

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Step says how large the affinity groups are: a number of threads, or a
// level of the machine. The zero value is no step; Groups refuses it.
type Step struct {
	threads int
	level   string
}

// The steps by level. ByThread gives each CPU by itself, all others whole
// cores, caches, nodes or packages.
var (
	ByThread  = Step{level: "thread"}
	ByCore    = Step{level: "core"}
	ByL2      = Step{level: "l2"}
	ByL3      = Step{level: "l3"}
	ByNode    = Step{level: "node"}
	ByPackage = Step{level: "package"}
)

var levels = []Step{ByThread, ByCore, ByL2, ByL3, ByNode, ByPackage}

// Threads gives the step of PyExPool's AffinityMask: n threads in each group.
func Threads(n int) Step { return Step{threads: n} }

// ParseStep reads a number or the name of a level, as a flag gives them.
func ParseStep(text string) (Step, error) {
	if n, err := strconv.Atoi(text); err == nil {
		return stepOf(n)
	}
	return levelOf(text)
}

func stepOf(n int) (Step, error) {
	if n < 1 {
		return Step{}, stepError("%d is no number of threads: use 1 or more", n)
	}
	return Threads(n), nil
}

func levelOf(name string) (Step, error) {
	if i := slices.IndexFunc(levels, func(s Step) bool { return s.level == name }); i >= 0 {
		return levels[i], nil
	}
	return Step{}, stepError("%s is neither a number of threads nor one of %s", clip(name), levelNames())
}

func levelNames() string {
	names := make([]string, len(levels))
	for i, s := range levels {
		names[i] = strconv.Quote(s.level)
	}
	return strings.Join(names, ", ")
}

// UnmarshalJSON reads a whole number or the name of a level; what else it
// finds is a [*ParamError].
func (s *Step) UnmarshalJSON(text []byte) (err error) {
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return stepError("%v", err)
	}
	switch v := value.(type) {
	case string:
		*s, err = levelOf(v)
	case float64:
		if v != math.Trunc(v) || math.Abs(v) > MaxCPUs {
			return stepError("%v is no possible number of threads", v)
		}
		*s, err = stepOf(int(v))
	default:
		err = stepError("%s is neither a number of threads nor one of %s", clip(string(text)), levelNames())
	}
	return err
}

// MarshalJSON gives the number or the name.
func (s Step) MarshalJSON() ([]byte, error) {
	if s.level != "" {
		return json.Marshal(s.level)
	}
	return json.Marshal(s.threads)
}

// String gives the number or the name.
func (s Step) String() string {
	if s.level != "" {
		return s.level
	}
	return strconv.Itoa(s.threads)
}

// ParamError is a parameter that is wrong, by itself or on this machine.
type ParamError struct {
	Field   string // "step", "sequential" or "index"
	Problem string
}

func (e *ParamError) Error() string { return e.Field + ": " + e.Problem }

func stepError(format string, args ...any) error {
	return &ParamError{"step", fmt.Sprintf(format, args...)}
}

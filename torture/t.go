package main

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// patience is how long a condition may take to come true on a machine that is busy with other things. What took how long is
// measured and told, not judged.
const patience = 30 * time.Second

// T is one try of a case. Its methods may be called from the goroutine of the try only.
type T struct {
	// Rand is the source of all that is random in the try: the seed of the run, the case and the number of the try make it.
	Rand *rand.Rand
	// Try is its number, from 0.
	Try int

	env      *environment
	name     string
	result   *Result
	cleanups []func()
	failed   bool
}

// stop is what Fatalf and Skipf panic with.
type stop struct{}

// Full says that this is not a run with -short.
func (t *T) Full() bool { return !t.env.short }

// Scale is a size: how many jobs, bytes or rounds.
func (t *T) Scale(full, short int) int {
	if t.Full() {
		return full
	}
	return short
}

// Errorf tells that the promise was broken, and goes on with the try.
func (t *T) Errorf(format string, args ...any) {
	t.failed = true
	t.result.fail(t.Try, fmt.Sprintf(format, args...))
}

// Fatalf tells that the promise was broken, and ends the try.
func (t *T) Fatalf(format string, args ...any) {
	t.Errorf(format, args...)
	panic(stop{})
}

// Skipf ends the case, which can't be tried on this machine, for a reason that stands in the table.
func (t *T) Skipf(format string, args ...any) {
	t.result.skipped = fmt.Sprintf(format, args...)
	panic(stop{})
}

// Check is Fatalf if err is not nil; what was being done goes before it.
func (t *T) Check(what string, err error) {
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// Cleanup has f called at the end of the try, the last one first.
func (t *T) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }

// Measure notes how long something took; the table shows the longest of all tries.
func (t *T) Measure(what string, took time.Duration) { t.result.measure(what, took) }

// Note puts a fact that was seen into the table; the last one of a name is kept.
func (t *T) Note(name, value string) { t.result.note(name, value) }

// Eventually waits until holds does, and gives how long that took. It is Fatalf when that is longer than patience.
func (t *T) Eventually(what string, holds func() bool) time.Duration {
	took, ok := eventually(patience, holds)
	if !ok {
		t.Fatalf("%s: not within %v", what, patience)
	}
	return took
}

// eventually waits until holds does, but not longer than limit.
func eventually(limit time.Duration, holds func() bool) (took time.Duration, ok bool) {
	begin := time.Now()
	for pause := time.Millisecond; ; pause = min(2*pause, 10*time.Millisecond) {
		if holds() {
			return time.Since(begin), true
		}
		if time.Since(begin) > limit {
			return time.Since(begin), false
		}
		time.Sleep(pause)
	}
}

// Pause waits for a random part of most. It picks the moment of a blow; nothing is expected to have happened by then.
func (t *T) Pause(most time.Duration) { time.Sleep(time.Duration(t.Rand.Int64N(int64(most)))) }

// Dir makes a folder that everybody may use, and that is removed at the end of the try.
func (t *T) Dir() string {
	dir, err := os.MkdirTemp(t.env.scratch, "try-")
	if err == nil {
		err = os.Chmod(dir, 0o777)
	}
	t.Check("make a folder", err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// WriteFile makes a file in a folder of T's.
func (t *T) WriteFile(path, text string) string {
	t.Check("make a folder", os.MkdirAll(filepath.Dir(path), 0o777))
	t.Check("write a file", os.WriteFile(path, []byte(text), 0o666))
	return path
}

// attempt carries a try out, with what it asked to have cleaned up.
func (t *T) attempt(run func(*T)) {
	hash := fnv.New64a()
	hash.Write([]byte(t.name))
	t.Rand = rand.New(rand.NewPCG(t.env.seed, hash.Sum64()+uint64(t.Try)))
	t.guarded(func() { run(t) })
	for len(t.cleanups) > 0 {
		last := len(t.cleanups) - 1
		f := t.cleanups[last]
		t.cleanups = t.cleanups[:last]
		t.guarded(f)
	}
}

// guarded calls f, and survives Fatalf and Skipf.
func (t *T) guarded(f func()) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(stop); !ok {
				panic(r)
			}
		}
	}()
	f()
}

package rpc

import (
	"fmt"
	"slices"
	"sync"

	"expool/pool/sched"
	"expool/rpc/wire"
)

// backlog counts the jobs that wait for their first attempt, so that a server with Settings.MaxQueued reads no further line while there are that many.
// What feeds the input then waits in its pipe: a list of any length streams through in bounded memory.
type backlog struct {
	max int // 0: nothing is counted, and no line waits

	mu      sync.Mutex
	waiting int
	changed sync.Cond
	over    bool
}

func newBacklog(limit int) *backlog {
	b := &backlog{max: limit}
	b.changed.L = &b.mu
	return b
}

// allows refuses jobs whose start the client has to confirm: its answer could stand behind lines that are not read.
func (b *backlog) allows(params *wire.Execute) *wire.Error {
	if b.max == 0 {
		return nil
	}
	i := slices.IndexFunc(params.Jobs, func(j wire.Job) bool { return j.Confirm })
	if i < 0 {
		return nil
	}
	field := "confirm"
	if params.List {
		field = fmt.Sprintf("jobs[%d].confirm", i)
	}
	return wire.InvalidParams(field, "can't be used with --max-queued, which would hold up the client's answer: leave one of them out")
}

// add counts jobs; negative when they do not wait any more.
func (b *backlog) add(n int) {
	if b.max == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting += n
	b.changed.Signal()
}

// unless passes a reply on, and takes back n jobs that were refused.
func (b *backlog) unless(n int, reply func(any, error)) func(any, error) {
	if b.max == 0 {
		return reply
	}
	return func(result any, err error) {
		if err != nil {
			b.add(-n)
		}
		reply(result, err)
	}
}

// saw takes note of a change: a job's first attempt, or its end without one.
func (b *backlog) saw(ch *sched.Change) {
	if b.max == 0 || ch.Spec == nil {
		return
	}
	if ch.What == sched.OnStart && ch.Attempt == 1 || ch.What == sched.OnFinish && ch.Record.Attempts == 0 {
		b.add(-1)
	}
}

// wait waits until further jobs may come, or for the end of the server.
func (b *backlog) wait() {
	if b.max == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.waiting >= b.max && !b.over {
		b.changed.Wait()
	}
}

// end lets the reader go on, to the end of the input.
func (b *backlog) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
	b.changed.Signal()
}

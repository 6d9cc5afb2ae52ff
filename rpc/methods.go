package rpc

import (
	"encoding/json"
	"errors"

	"expool/pool"
	"expool/pool/sched"
	"expool/rpc/wire"
)

// methods are what a client can call. Each has a file of its own; CONTRIBUTING.md tells how to add one.
var methods = map[string]func(*Server, *Call){
	"initialize": (*Server).initialize,
	"execute":    (*Server).execute,
	"task":       (*Server).task,
	"close":      (*Server).close,
	"join":       (*Server).join,
	"clear":      (*Server).clear,
	"cancel":     (*Server).cancel,
	"terminate":  (*Server).terminate,
	"status":     (*Server).poolStatus,
	"jobs":       (*Server).jobs,
	"tasks":      (*Server).tasks,
	"explain":    (*Server).explain,
	"events":     (*Server).events,
	"topology":   (*Server).topology,
	"affinity":   (*Server).affinity,
	"shutdown":   (*Server).shutdown,
}

// decoded gives the params of a call and the pool; nil if it had to answer the call with an error.
func decoded[P any](s *Server, c *Call, decode func(json.RawMessage) (P, *wire.Error)) (P, *pool.Pool) {
	params, err := decode(c.Params)
	if err != nil {
		c.Fail(err)
		return params, nil
	}
	return params, s.need(c)
}

// bare gives the pool to a call that has no params.
func (s *Server) bare(c *Call) *pool.Pool {
	_, p := decoded(s, c, func(raw json.RawMessage) (none struct{}, err *wire.Error) { return none, wire.DecodeNone(raw) })
	return p
}

// submit hands an event to the pool, and answers the call with what result makes of the reply.
func submit[R any](c *Call, p *pool.Pool, event func(sched.CallID) sched.Event, result func(R) wire.Appender) {
	p.Submit(event, answer(c, result))
}

// answer is a reply for the pool that answers a call. A reply of nil counts as the zero value.
func answer[R any](c *Call, result func(R) wire.Appender) func(any, error) {
	return func(r any, err error) {
		if err != nil {
			c.Fail(wireError(err))
			return
		}
		value, _ := r.(R)
		c.Reply(result(value))
	}
}

// empty makes the result {}.
func empty(any) wire.Appender { return wire.Empty{} }

var errorCodes = map[sched.ErrorKind]int{sched.ErrInvalid: wire.CodeInvalidParams, sched.ErrNotAlive: wire.CodeNotAlive,
	sched.ErrUnknown: wire.CodeNotFound, sched.ErrBusy: wire.CodeBusy}

// wireError gives an error of the pool as it is on the wire.
func wireError(err error) *wire.Error {
	var refused *sched.Error
	if !errors.As(err, &refused) {
		return wire.Errorf(wire.CodeNotAlive, "%v", err)
	}
	e := wire.Errorf(errorCodes[refused.Kind], "%v", refused)
	if refused.Field != "" {
		e.Field, e.Problem = refused.Field, refused.Problem
	}
	return e
}

// look asks the scheduler on the pool's loop, so that what it tells fits between the notifications; the call is answered there.
func look(c *Call, p *pool.Pool, ask func(*sched.Core)) {
	if !p.Look(ask) {
		c.Fail(wireError(pool.ErrClosed))
	}
}

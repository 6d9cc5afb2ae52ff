package rpc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"testing"

	"expool/rpc/wire"
)

// decodingHandler decodes what it gets and answers at once.
type decodingHandler struct{ id int64 }

func (h *decodingHandler) LineDone() {}

func (h *decodingHandler) Handle(c *Call) {
	if _, err := wire.DecodeExecute(c.Params); err != nil {
		c.Fail(err)
		return
	}
	h.id++
	c.Reply(wire.JobID{Job: h.id, State: wire.Queued})
}

func (*decodingHandler) Response(string, json.RawMessage, *wire.Error) {}

// answeringHandler answers at once.
type answeringHandler struct{}

func (answeringHandler) LineDone()                                     {}
func (answeringHandler) Handle(c *Call)                                { c.Reply(wire.Empty{}) }
func (answeringHandler) Response(string, json.RawMessage, *wire.Error) {}

func benchmarkLines(b *testing.B, h Handler) {
	var in bytes.Buffer
	for i := range b.N {
		fmt.Fprintf(&in, `{"jsonrpc":"2.0","id":%d,"method":"execute","params":{"name":"list","args":["ls","-la"]}}`+"\n", i)
	}
	out := NewOutbox(io.Discard, OutboxOptions{})
	b.ReportAllocs()
	b.ResetTimer()
	if err := Serve(b.Context(), &in, out, h); err != nil {
		b.Fatal(err)
	}
	if err := out.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

func BenchmarkExecuteLines(b *testing.B)          { benchmarkLines(b, answeringHandler{}) }
func BenchmarkExecuteLinesAndDecode(b *testing.B) { benchmarkLines(b, &decodingHandler{}) }

package rpc

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"expool/rpc/wire"
)

// keeper is a handler that keeps the calls, for the test to answer.
type keeper struct{ calls chan *Call }

func (k *keeper) LineDone() {}

func (k *keeper) Handle(c *Call) {
	if c.Method == "join" {
		c.Waits()
	}
	k.calls <- c
}

func (k *keeper) Response(string, json.RawMessage, *wire.Error) {}

// keep serves lines and returns their calls, and a function that ends it and
// returns what came out.
func keep(t *testing.T, lines ...string) (*Outbox, []*Call, func() []string) {
	t.Helper()
	var sent bytes.Buffer
	out := NewOutbox(&sent, OutboxOptions{})
	k := &keeper{calls: make(chan *Call, 100)}
	if err := Serve(context.Background(), strings.NewReader(strings.Join(lines, "\n")), out, k); err != nil {
		t.Fatal(err)
	}
	close(k.calls)
	var calls []*Call
	for c := range k.calls {
		calls = append(calls, c)
	}
	return out, calls, func() []string {
		mustClose(t, out)
		return strings.Split(strings.TrimSuffix(sent.String(), "\n"), "\n")
	}
}

func request(id int, method string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":%q}`, id, method)
}

func result(id int) string { return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":{}}`, id) }

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

func TestABatchIsAnsweredInTheOrderOfItsCalls(t *testing.T) {
	_, calls, end := keep(t, "["+request(1, "a")+","+request(2, "b")+",5,"+request(3, "c")+"]")
	for _, i := range []int{2, 0, 1} {
		calls[i].Reply(wire.Empty{})
	}
	wantLines(t, end(), "["+result(1)+","+result(2)+","+plainError("-32600", "invalid request: must be an object, not a number")+","+result(3)+"]")
}

func TestTheResponseOfABatchPrecedesTheEventsSinceItsArrival(t *testing.T) {
	out, calls, end := keep(t, "["+request(1, "a")+","+request(2, "b")+"]")
	calls[0].Reply(wire.Empty{})
	out.Send([]byte("event of a"))
	calls[1].Reply(wire.Empty{})
	out.Send([]byte("event of b"))
	wantLines(t, end(), "["+result(1)+","+result(2)+"]", "event of a", "event of b")
}

func TestABatchThatWaitsRepliesAtItsEnd(t *testing.T) {
	out, calls, end := keep(t, "["+request(1, "a")+","+request(2, "join")+"]")
	calls[0].Reply(wire.Empty{})
	out.Send([]byte("event of a"))
	calls[1].Reply(wire.Empty{})
	out.Send([]byte("later event"))
	wantLines(t, end(), "event of a", "["+result(1)+","+result(2)+"]", "later event")
}

func TestBatchesUnderWayDoNotHoldEachOthersEventsForLong(t *testing.T) {
	out, calls, end := keep(t, "["+request(1, "a")+"]", "["+request(2, "b")+"]", request(3, "c"))
	out.Send([]byte("event of a"))
	calls[0].Reply(wire.Empty{})
	calls[2].Reply(wire.Empty{})
	calls[1].Reply(wire.Empty{})
	// The events were sent when both places were reserved: they follow both.
	wantLines(t, end(), "["+result(1)+"]", "["+result(2)+"]", "event of a", result(3))
}

func TestANotificationThatWaitsHoldsNothing(t *testing.T) {
	out, calls, end := keep(t, `[{"jsonrpc":"2.0","method":"join"}]`, `{"jsonrpc":"2.0","method":"join"}`)
	out.Send([]byte("event"))
	for _, c := range calls {
		if !c.Notification() {
			t.Error("not a notification")
		}
		c.Reply(wire.Empty{})
	}
	wantLines(t, end(), "event")
}

func TestCallsMayBeAnsweredFromAnyGoroutine(t *testing.T) {
	var elements, want []string
	for i := range 100 {
		elements = append(elements, request(i, "m"))
		want = append(want, result(i))
	}
	_, calls, end := keep(t, "["+strings.Join(elements, ",")+"]")
	done := make(chan struct{})
	for _, c := range calls {
		go func() {
			c.Reply(wire.Empty{})
			done <- struct{}{}
		}()
	}
	for range calls {
		<-done
	}
	wantLines(t, end(), "["+strings.Join(want, ",")+"]")
}

func TestReadingGoesOnAfterRelief(t *testing.T) {
	g := &gate{open: make(chan struct{})}
	out := NewOutbox(g, OutboxOptions{High: 100})
	k := &keeper{calls: make(chan *Call, 2)}
	in, feed := io.Pipe()
	served := make(chan error)
	go func() { served <- Serve(context.Background(), in, out, k) }()

	io.WriteString(feed, request(1, "a")+"\n"+request(2, "b")+"\n")
	(<-k.calls).Reply(wire.Empty{})
	(<-k.calls).Reply(wire.Raw(make([]byte, 1000)))
	fed := make(chan struct{})
	go func() {
		io.WriteString(feed, request(3, "c")+"\n")
		io.WriteString(feed, request(4, "d")+"\n")
		feed.Close()
		close(fed)
	}()
	close(g.open)
	(<-k.calls).Reply(wire.Empty{})
	(<-k.calls).Reply(wire.Empty{})
	<-fed
	if err := <-served; err != nil {
		t.Error(err)
	}
	mustClose(t, out)
}

func TestAReaderUnderPressureWaitsForRelief(t *testing.T) {
	g := &gate{open: make(chan struct{})}
	out := NewOutbox(g, OutboxOptions{High: 100})
	out.Send(make([]byte, 1000))
	k := &keeper{calls: make(chan *Call, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error)
	go func() { served <- Serve(ctx, strings.NewReader(request(1, "a")), out, k) }()
	cancel() // also ends the waiting
	<-served
	if len(k.calls) != 0 {
		t.Error("a line was read under pressure")
	}

	go func() { served <- Serve(context.Background(), strings.NewReader(request(1, "a")), out, k) }()
	close(g.open)
	if err := <-served; err != nil || len(k.calls) != 1 {
		t.Errorf("after relief there are %d calls, %v", len(k.calls), err)
	}
	mustClose(t, out)
}

package rpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
)

// gate is a writer that blocks until it is opened, once for each write.
type gate struct {
	bytes.Buffer
	open chan struct{} // one element for each write; closed for all
}

func (g *gate) Write(b []byte) (int, error) {
	<-g.open
	return g.Buffer.Write(b)
}

// pressureLog gets the calls of an Outbox.
func pressureLog() (OutboxOptions, chan bool, chan error) {
	pressure, closed := make(chan bool, 10), make(chan error, 10)
	return OutboxOptions{
		High:     1000,
		Pressure: func(on bool) { pressure <- on },
		Closed:   func(err error) { closed <- err },
	}, pressure, closed
}

func mustClose(t *testing.T, o *Outbox) {
	t.Helper()
	if err := o.Close(context.Background()); err != nil {
		t.Errorf("closing: %v", err)
	}
}

func TestLinesGoOutInTheOrderInWhichTheyWereSent(t *testing.T) {
	var sent, want bytes.Buffer
	o := NewOutbox(&sent, OutboxOptions{})
	scratch := []byte{}
	for i := range 20000 {
		scratch = fmt.Appendf(scratch[:0], "line %d", i)
		if i%5000 == 77 {
			scratch = append(scratch, bytes.Repeat([]byte("x"), 3*chunkSize)...)
		}
		if i%5000 == 78 {
			o.Take(bytes.Clone(scratch))
		} else {
			o.Send(scratch)
		}
		want.Write(append(scratch, '\n'))
	}
	mustClose(t, o)
	if !bytes.Equal(sent.Bytes(), want.Bytes()) {
		t.Error("the lines differ")
	}
	o.Send([]byte("late"))
	if o.Unsent() != 0 {
		t.Error("a line was taken after the end")
	}
}

func TestLinesOfOneSenderKeepTheirOrderAmongOthers(t *testing.T) {
	var sent bytes.Buffer
	o := NewOutbox(&sent, OutboxOptions{})
	var senders sync.WaitGroup
	for s := range 4 {
		senders.Go(func() {
			for i := range 1000 {
				o.Send(fmt.Appendf(nil, "%d %d", s, i))
			}
		})
	}
	senders.Wait()
	mustClose(t, o)
	var next [4]int
	for line := range strings.Lines(sent.String()) {
		var s, i int
		if _, err := fmt.Sscanf(line, "%d %d\n", &s, &i); err != nil || next[s] != i {
			t.Fatalf("got %q when %d was next", line, next[s])
		}
		next[s]++
	}
	if next != [4]int{1000, 1000, 1000, 1000} {
		t.Errorf("lines are missing: %v", next)
	}
}

func TestLinesWaitBehindAReservedPlace(t *testing.T) {
	var sent bytes.Buffer
	o := NewOutbox(&sent, OutboxOptions{})
	send := func(line string) { o.Send([]byte(line)) }
	send("1")
	a := o.reserve()
	send("3")
	b := o.reserve()
	send("4")
	c := o.reserve()
	send("6")
	o.fill(c, []byte("5"))
	o.release(b)
	o.fill(b, []byte("not sent"))
	o.fill(a, []byte("2"))
	o.fill(a, []byte("not sent"))
	mustClose(t, o)
	if sent.String() != "1\n2\n3\n4\n5\n6\n" {
		t.Errorf("got %q", sent.String())
	}
}

func TestClosingGivesReservedPlacesUp(t *testing.T) {
	var sent bytes.Buffer
	o := NewOutbox(&sent, OutboxOptions{})
	place := o.reserve()
	o.Send([]byte("behind"))
	mustClose(t, o)
	o.fill(place, []byte("late"))
	if sent.String() != "behind\n" || o.Unsent() != 0 {
		t.Errorf("got %q", sent.String())
	}
}

func TestPressureBeginsAboveTheBoundAndEndsBelowHalfOfIt(t *testing.T) {
	options, pressure, _ := pressureLog()
	g := &gate{open: make(chan struct{})}
	o := NewOutbox(g, options)
	line := bytes.Repeat([]byte("x"), 999)
	o.Send(line) // to the bound
	if o.Pressed() {
		t.Error("pressure at the bound")
	}
	select {
	case <-o.relief():
	default:
		t.Error("no relief without pressure")
	}
	o.Send(nil)
	if !o.Pressed() || !<-pressure {
		t.Error("no pressure above the bound")
	}
	relief := o.relief()
	select {
	case <-relief:
		t.Error("relief under pressure")
	default:
	}
	close(g.open)
	<-relief
	if o.Pressed() || <-pressure {
		t.Error("pressure after everything was written")
	}
	mustClose(t, o)
	if len(pressure) != 0 {
		t.Error("pressure was told more than twice")
	}
}

func TestPressureStaysUntilHalfIsWritten(t *testing.T) {
	g := &gate{open: make(chan struct{})}
	o := NewOutbox(g, OutboxOptions{High: 4 * chunkSize})
	line := bytes.Repeat([]byte("x"), chunkSize-1)
	for range 5 {
		o.Send(line)
	}
	relief := o.relief()
	for range 3 {
		g.open <- struct{}{} // a write begins, so that the one before is accounted for
	}
	if !o.Pressed() {
		t.Error("relief at half of the bound")
	}
	g.open <- struct{}{}
	<-relief
	close(g.open)
	mustClose(t, o)
}

func TestHeldLinesCount(t *testing.T) {
	options, pressure, _ := pressureLog()
	var sent bytes.Buffer
	o := NewOutbox(&sent, options)
	place := o.reserve()
	o.Send(make([]byte, 2000))
	if !<-pressure || o.Unsent() != 2001 {
		t.Error("lines behind a reserved place don't count")
	}
	o.fill(place, []byte("x"))
	if <-pressure {
		t.Error("no relief")
	}
	mustClose(t, o)
}

func TestAFailedWriteIsToldOnceAndEverythingIsDiscarded(t *testing.T) {
	options, pressure, closed := pressureLog()
	in, w := io.Pipe()
	o := NewOutbox(w, options)
	place := o.reserve()
	o.Send(make([]byte, 5000))
	if !<-pressure {
		t.Error("no pressure")
	}
	cause := errors.New("broken pipe")
	in.CloseWithError(cause)
	o.release(place)
	if err := <-closed; !errors.Is(err, cause) || !strings.HasPrefix(err.Error(), "writing 5001 bytes of output: ") {
		t.Errorf("told %v", err)
	}
	if <-pressure || o.Pressed() || o.Unsent() != 0 {
		t.Error("pressure after the failure")
	}
	o.Send(make([]byte, 5000))
	o.fill(o.reserve(), []byte("x"))
	if o.Unsent() != 0 {
		t.Error("lines were kept after the failure")
	}
	if err := o.Close(context.Background()); !errors.Is(err, cause) {
		t.Errorf("closing gives %v", err)
	}
	if len(closed) != 0 {
		t.Error("the failure was told twice")
	}
}

type shortWriter struct{}

func (shortWriter) Write(b []byte) (int, error) { return len(b) - 1, nil }

func TestAShortWriteIsAFailure(t *testing.T) {
	o := NewOutbox(shortWriter{}, OutboxOptions{})
	o.Send([]byte("x"))
	if err := o.Close(context.Background()); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("got %v", err)
	}
}

func TestClosingGivesUpWithItsContext(t *testing.T) {
	options, _, closed := pressureLog()
	g := &gate{open: make(chan struct{})}
	o := NewOutbox(g, options)
	o.Send([]byte("x"))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := o.Close(ctx)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "2 bytes unsent") {
		t.Errorf("got %v", err)
	}
	if told := <-closed; told != err {
		t.Errorf("told %v", told)
	}
	close(g.open)
}

func TestCallbacksMaySend(t *testing.T) {
	var o *Outbox
	ready := make(chan struct{})
	done := make(chan struct{})
	var sent bytes.Buffer
	o = NewOutbox(&sent, OutboxOptions{High: 10, Pressure: func(on bool) {
		<-ready
		if on {
			o.Send([]byte("slow down"))
			close(done)
		}
	}})
	place := o.reserve()
	close(ready)
	o.Send(make([]byte, 100))
	<-done
	o.release(place)
	mustClose(t, o)
	if !strings.HasSuffix(sent.String(), "\nslow down\n") {
		t.Errorf("got %q", sent.String())
	}
}

func TestMemoryIsGivenBackAfterABurst(t *testing.T) {
	g := &gate{open: make(chan struct{})}
	o := NewOutbox(g, OutboxOptions{})
	for range 100 {
		o.Send(make([]byte, chunkSize/2+1))
	}
	close(g.open)
	mustClose(t, o)
	if len(o.spare) > maxSpare || len(o.queue) != 1 || o.queue[0].chunks != nil {
		t.Errorf("%d chunks are kept, and %d segments", len(o.spare), len(o.queue))
	}
}

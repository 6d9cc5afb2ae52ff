package pool

import (
	"testing"
	"time"
)

func TestTheHostsClockWakesOnceForEachTimeAndNotBefore(t *testing.T) {
	c, err := newHostClock()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 3 {
		at := c.Now().Mono + time.Millisecond
		c.Wake(at)
		c.Wake(at) // as after each step
		<-c.C()
		if now := c.Now().Mono; now < at {
			t.Errorf("woken for %v at %v", at, now)
		}
		if c.Wake(at); len(c.C()) > 0 {
			t.Errorf("woken twice for %v", at)
		}
	}
}

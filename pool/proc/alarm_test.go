package proc

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func newAlarm(t *testing.T) *Alarm {
	t.Helper()
	a, err := NewAlarm()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

func TestAnAlarmRingsInTimeEachTimeItIsSet(t *testing.T) {
	a := newAlarm(t)
	for _, after := range []time.Duration{time.Millisecond, 0, -time.Hour, 3 * time.Millisecond} {
		start := time.Now()
		a.Set(after)
		<-a.C()
		if took := time.Since(start); took < after {
			t.Errorf("set to %v, it rang after %v", after, took)
		}
	}
}

func TestAnAlarmRingsOnlyForWhatItWasSetToLast(t *testing.T) {
	a := newAlarm(t)
	for _, after := range []time.Duration{2 * time.Hour, time.Hour} {
		a.Set(after)
		var left unix.ItimerSpec
		if err := a.conn.Control(func(fd uintptr) {
			if err := unix.TimerfdGettime(int(fd), &left); err != nil {
				t.Error(err)
			}
		}); err != nil {
			t.Error(err)
		}
		if rest := time.Duration(left.Value.Nano()); rest > after || rest < after-time.Minute || left.Interval.Nano() != 0 {
			t.Errorf("set to %v, it is to ring after %v", after, rest)
		}
	}
}

func TestAClosedAlarmIsQuiet(t *testing.T) {
	a, err := NewAlarm()
	if err != nil {
		t.Fatal(err)
	}
	a.Set(time.Hour)
	a.Close()
	a.Set(0) // does nothing
	if len(a.C()) > 0 {
		t.Error("it rang")
	}
}

package proc

import (
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"
)

// killer carries a hard kill through. Each pass kills all that it finds; passes go on until nothing is left, because
// processes fork while they are being found.
type killer struct {
	due     time.Time // of the next pass
	passes  int
	refused []int // of the last pass: living processes that we may not signal
	stuck   int   // consecutive passes that found nothing but such processes
}

const (
	firstPause = time.Millisecond
	lastPause  = 100 * time.Millisecond // what is left by then sleeps uninterruptibly
	// stopFrom is the first pass that stops the tree before killing it, so that a fork bomb can't outrun it.
	stopFrom = 3
	// stuckPasses is how many passes may find only processes that refuse signals; they get half a second to end.
	stuckPasses = 10
)

func (k *killer) hopeless() bool { return k.stuck >= stuckPasses }

// pass kills what is there. The cgroup and the process group of the main process, 0 when that was reaped, go first, because
// nothing can fork its way out of these.
func (k *killer) pass(t *tree, l *leaf, group int) {
	k.passes++
	l.kill()
	if group > 0 {
		_ = unix.Kill(-group, unix.SIGKILL)
	}
	if k.passes >= stopFrom {
		t.stop()
	}
	var killed int
	killed, k.refused = t.signal(unix.SIGKILL)
	if killed == 0 && len(k.refused) > 0 {
		k.stuck++
	} else {
		k.stuck = 0
	}
	k.due = time.Now().Add(min(firstPause<<min(k.passes-1, 10), lastPause))
}

// holdGC keeps the garbage collector off until release is called. Its threads would have to wait for shares of the
// processors of their own, which among hundreds of busy processes takes seconds.
func holdGC() (release func()) {
	percent := debug.SetGCPercent(-1)
	return func() { debug.SetGCPercent(percent) }
}

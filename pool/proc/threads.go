package proc

import (
	"runtime"
	"sync"
)

// The Go runtime ends a process for which it can't make a thread. So those that it may come to need are made at first: it keeps them.
const (
	serverThreads   = 8 // besides one for each that may run at once
	guardianThreads = 2
)

// reserveThreads has the runtime make so many threads.
func reserveThreads(n int) {
	var ready, done sync.WaitGroup
	ready.Add(n)
	all := make(chan struct{})
	for range n {
		done.Go(func() {
			runtime.LockOSThread() // so that it is not used for two of these
			defer runtime.UnlockOSThread()
			ready.Done()
			<-all
		})
	}
	ready.Wait()
	close(all)
	done.Wait()
}

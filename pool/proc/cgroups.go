package proc

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
)

// cgroups are the cgroups of a pool, by the names of their folders. A server that is killed can't remove them: its guardians do.
// So they exist only while there are guardians, and all of these know the names from their first instruction on.
type cgroups struct {
	pool   string // "" without
	reason string // why there is none
	memory memoryHost
	stale  []string // what dead servers have left and could not be removed yet

	controller string // of version 2, for the leaves; tests take another one

	mu        sync.Mutex
	guardians int
}

// find sees what the host gives, and leaves nothing there.
func (c *cgroups) find() {
	c.controller = memoryController
	own, err := ownCgroup(unified)
	if err == nil {
		c.pool, c.stale, err = findPool(own)
	}
	if err != nil {
		c.reason = err.Error()
	}
	var stale []string
	c.memory, stale = findMemory(c.pool)
	c.stale = append(c.stale, stale...)
}

// switchOff is in place of find.
func (c *cgroups) switchOff() {
	c.reason = "switched off"
	c.memory = memoryHost{version: memoryNone, reason: c.reason}
}

// host starts a guardian. The first one is started before the cgroups are made, so that they are never without one.
func (c *cgroups) host(start func() (int, error)) (pid int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if pid, err = start(); err != nil {
		return 0, err
	}
	if c.guardians++; c.guardians == 1 {
		c.make(pid)
	}
	return pid, nil
}

// make makes the cgroups, beside a guardian that needs none yet. It fails where the host has changed since find: guardians see that
// when they come to need what is missing, and do without.
func (c *cgroups) make(guardian int) {
	if c.pool != "" {
		_ = os.Mkdir(c.pool, 0o755)
	}
	if c.memory.root != "" {
		_ = os.Mkdir(c.memory.root, 0o755)
	}
	if c.memory.version != memoryV2 {
		return
	}
	if c.memory.home == "" || divide(c.memory.home, c.controller, os.Getpid(), guardian) == nil {
		_ = control(c.pool, "+"+c.controller)
	}
}

// leave is for the end of a guardian, which was reaped: what it left is removed. After the last one the cgroups are.
func (c *cgroups) leave(guardian int) {
	removeLeaves(c.pool, guardian)
	removeLeaves(c.memory.root, guardian)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.guardians--; c.guardians == 0 {
		c.remove(removeCgroup)
	}
}

// remove removes the cgroups, those of version 1 in a given way.
func (c *cgroups) remove(memory func(root string)) {
	if c.pool != "" {
		removeCgroup(c.pool)
	}
	if c.memory.root != "" {
		memory(c.memory.root)
	}
	leaveHome(c.memory.home, c.controller)
}

// abandon is remove for a guardian at the end of the pool. The other guardians do the same just now, to each other's leaves too:
// everything is to end. In version 1 nothing is killed, because the threads of other guardians are members there, and these have
// their jobs to end.
func (c *cgroups) abandon() {
	c.remove(func(root string) { removeEmpty(root) })
}

// close is for a pool without guardians. It fails when cgroups are left.
func (c *cgroups) close() error {
	for _, path := range c.stale {
		removeEmpty(path)
	}
	for _, path := range [...]string{c.pool, c.memory.root} {
		if path == "" {
			continue
		}
		if _, err := os.Stat(path); err == nil { // processes were left there, and may have ended meanwhile
			removeCgroup(path)
		}
		if _, err := os.Stat(path); !errors.Is(err, syscall.ENOENT) {
			return fmt.Errorf("close the runner: remove its cgroup %s: processes are left in it", path)
		}
	}
	return nil
}

// Guardians get the names in these variables of their environment.
const (
	poolVariable    = "EXPOOL_CGROUP"
	versionVariable = "EXPOOL_MEMORY"
	rootVariable    = "EXPOOL_MEMORY_CGROUP"
	homeVariable    = "EXPOOL_HOME_CGROUP"
)

func (c *cgroups) environ() []string {
	return []string{poolVariable + "=" + c.pool, versionVariable + "=" + c.memory.version,
		rootVariable + "=" + c.memory.root, homeVariable + "=" + c.memory.home}
}

// inherited is the other end of environ.
func inherited() *cgroups {
	return &cgroups{controller: memoryController, pool: os.Getenv(poolVariable),
		memory: memoryHost{version: os.Getenv(versionVariable), root: os.Getenv(rootVariable), home: os.Getenv(homeVariable)}}
}

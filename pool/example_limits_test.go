package pool_test

import (
	"context"
	"fmt"
	"time"

	"expool/numa"
	"expool/pool"
)

// MemLimit of a Config is for all jobs together, that of a Job for the processes that its MemKind names.
func ExampleConfig_memory() {
	p, err := pool.New(pool.Config{
		Workers:  2,
		MemLimit: 512 << 20,
		Latency:  100 * time.Millisecond, // look at least that often
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	record, err := p.ExecuteWait(context.Background(), pool.Job{
		Name:     "copy through 64 MiB, for ever",
		Args:     []string{"dd", "if=/dev/zero", "of=/dev/null", "bs=64M"},
		Stderr:   pool.Output{Kind: pool.Discard},
		MemLimit: 16 << 20,
		MemKind:  pool.MemHeaviest,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(record.State, record.Reason)
	// Output: failed memlimit
}

// With affinity each running job has CPUs of its own, here one hardware thread, which its processes inherit.
func ExampleConfig_affinity() {
	p, err := pool.New(pool.Config{
		Workers:  1,
		Affinity: &pool.Affinity{Step: numa.ByThread, MemBind: pool.MemBindPrefer},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	record, err := p.ExecuteWait(context.Background(), pool.Job{
		Name:   "count",
		Args:   []string{"nproc"},
		Stdout: pool.Output{Kind: pool.Capture},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("CPUs that the record names: %d, that the job sees: %s", len(record.CPUs), record.Exit.Stdout.Data)
	// Output: CPUs that the record names: 1, that the job sees: 1
}

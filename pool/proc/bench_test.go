package proc

import (
	"os"
	"sync"
	"sync/atomic"
	"testing"
)

const benchWidth = 2

// benchHandler keeps benchWidth attempts running, as a pool does: the end of one starts the next.
type benchHandler struct {
	r    *Runner
	cmd  Command
	left atomic.Int64
	wg   sync.WaitGroup
}

func (h *benchHandler) Started(Attempt, Start)      {}
func (h *benchHandler) Failed(a Attempt, f Failure) { panic(f.Err) }
func (h *benchHandler) Exited(Attempt, Exit)        { h.next(); h.wg.Done() }

func (h *benchHandler) next() {
	if n := h.left.Add(-1); n >= 0 {
		h.wg.Add(1)
		h.r.Start(Attempt{Job: n, N: 1}, &h.cmd)
	}
}

func benchmarkRunner(b *testing.B, cfg Config, c Command) {
	h := &benchHandler{cmd: c}
	h.cmd.Args, h.cmd.Stdout, h.cmd.Stderr = []string{"/bin/true"}, Output{Kind: Null}, Output{Kind: Null}
	cfg.Idle = benchWidth
	r, err := New(cfg, h)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	h.r = r
	work := func(n int) {
		h.left.Store(int64(n))
		for range benchWidth {
			h.next()
		}
		h.wg.Wait()
	}
	work(benchWidth) // guardians
	b.ResetTimer()
	work(b.N)
	b.StopTimer()
}

func BenchmarkRunner(b *testing.B) {
	b.Run("cgroup", func(b *testing.B) { benchmarkRunner(b, Config{}, Command{}) })
	b.Run("plain", func(b *testing.B) { benchmarkRunner(b, Config{NoCgroup: true}, Command{}) })
	b.Run("memory", func(b *testing.B) { benchmarkRunner(b, Config{}, Command{MemGroup: true}) })
	b.Run("memlimit", func(b *testing.B) { benchmarkRunner(b, Config{}, Command{MemLimit: 1 << 30}) })
}

// BenchmarkBare is what the Runner is measured against: os.StartProcess and Wait, in as many goroutines.
func BenchmarkBare(b *testing.B) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ResetTimer()
	for range benchWidth {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				p, err := os.StartProcess("/bin/true", []string{"/bin/true"}, &os.ProcAttr{Files: []*os.File{null, null, null}})
				if err != nil {
					b.Error(err)
					return
				}
				if _, err := p.Wait(); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

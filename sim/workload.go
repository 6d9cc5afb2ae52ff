package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// job is what is to run.
type job struct {
	name string
	profile
	category string
	size     float64
}

// workload is jobs, all of them there at the start, and the pool that they run in.
type workload struct {
	name  string
	jobs  []job // in the order in which they are handed over
	slots int   // workers
	limit float64
	unit  time.Duration // profiles are stairs of this width; 0: they are not
}

// highest is the highest peak of a job.
func (l *workload) highest() float64 {
	most := 0.0
	for _, j := range l.jobs {
		most = max(most, j.peak())
	}
	return most
}

// work is how long the jobs take one after the other.
func (l *workload) work() time.Duration {
	var sum time.Duration
	for _, j := range l.jobs {
		sum += j.duration()
	}
	return sum
}

// bound is a makespan that no schedule within the limit can beat: for the longest job, for the workers, for the memory, and for
// the times in which a job uses more than half of the limit, of which no two can overlap.
func (l *workload) bound() time.Duration {
	longest, alone, area := time.Duration(0), time.Duration(0), 0.0
	for _, j := range l.jobs {
		longest = max(longest, j.duration())
		alone += j.above(l.limit / 2)
		area += j.area()
	}
	memory := time.Duration(area / l.limit * float64(time.Second))
	return max(longest, alone, memory, l.work()/time.Duration(l.slots))
}

// family makes workloads of a kind.
type family struct {
	name string
	what string // for the report
	make func(*rand.Rand) *workload
	once bool // it knows no chance
}

// families are the large workloads.
var families = []family{
	{"growing to 240", "12 equal jobs that grow to 240 MB within 16 s and last 20; 4 workers, limit 600 MB", growing, true},
	{"ramp", "64 jobs that grow from a tenth of their peak until they end", shaped(ramp), false},
	{"plateau", "64 jobs that reach their peak within a second and keep it", shaped(plateau), false},
	{"burst", "64 jobs with one to three short peaks at seven times their base", shaped(burst), false},
	{"late peak", "64 jobs that reach their peak after 80 to 90% of their time", shaped(latePeak), false},
	{"mixed", "64 jobs of these four shapes", shaped(anyShape), false},
	{"sized", "64 jobs of four categories, memory and duration by the declared size within 10%, in any order", sized(false, true), false},
	{"sized, ascending", "the same, smallest first, as PyExPool's documentation advises", sized(true, true), false},
	{"categories", "the same in any order, without declared sizes", sized(false, false), false},
	{"few huge", "4 long jobs of 60 to 80% of the limit among 100 of 2 to 6%", fewHuge, false},
	{"short", "300 plateaus of 0.2 to 2 s", short, false},
	{"long", "32 jobs of the four shapes that take 10 to 40 minutes", long, false},
}

// generate makes the i-th workload of a family. It depends on the seed, the family's name and i only.
func (f family) generate(seed uint64, i int) *workload {
	hash := uint64(14695981039346656037)
	for _, b := range []byte(f.name) {
		hash = (hash ^ uint64(b)) * 1099511628211
	}
	l := f.make(rand.New(rand.NewPCG(seed, hash+uint64(i))))
	l.name = fmt.Sprintf("%s #%d", f.name, i+1)
	for j := range l.jobs {
		l.jobs[j].name = fmt.Sprintf("%s/%d", l.name, j+1)
	}
	return l
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func between(r *rand.Rand, low, high float64) float64 { return low + (high-low)*r.Float64() }

// skewed is between low and high, more often low: uniform in its logarithm.
func skewed(r *rand.Rand, low, high float64) float64 {
	return low * math.Exp(r.Float64()*math.Log(high/low))
}

func growing(*rand.Rand) *workload {
	l := &workload{slots: 4, limit: 600}
	for range 12 {
		l.jobs = append(l.jobs, job{profile: profile{{0, 10}, {16 * time.Second, 240}, {20 * time.Second, 240}}})
	}
	return l
}

// squeeze sets the limit to a share of what the workers would use if all were at the average peak, and at least to what the
// heaviest job needs.
func (l *workload) squeeze(share float64) *workload {
	sum := 0.0
	for _, j := range l.jobs {
		sum += j.peak()
	}
	l.limit = max(share*sum/float64(len(l.jobs))*float64(l.slots), 1.05*l.highest())
	return l
}

func shaped(s shape) func(*rand.Rand) *workload {
	return func(r *rand.Rand) *workload { return plain(r, s, 64, 5, 60).squeeze(0.5) }
}

// plain makes jobs of a shape, with durations in seconds, for 8 workers.
func plain(r *rand.Rand, s shape, n int, low, high float64) *workload {
	l := &workload{slots: 8}
	for range n {
		l.jobs = append(l.jobs, job{profile: s(r, between(r, low, high), skewed(r, 50, 500))})
	}
	return l
}

// sized makes jobs whose memory and duration go by their size.
func sized(ascending, declared bool) func(*rand.Rand) *workload {
	return func(r *rand.Rand) *workload {
		const n = 64
		l := &workload{slots: 8}
		for i := range n {
			category := i % 4
			size := skewed(r, 1, 8)
			if ascending {
				size = math.Pow(8, float64(i)/n)
			}
			mb := size * float64(20+15*category) * between(r, 0.9, 1.1)
			j := job{category: fmt.Sprint("c", category), profile: shapes[category](r, 8*size*between(r, 0.9, 1.1), mb)}
			if declared {
				j.size = size
			}
			l.jobs = append(l.jobs, j)
		}
		return l.squeeze(0.5)
	}
}

func fewHuge(r *rand.Rand) *workload {
	l := &workload{slots: 8, limit: 1000}
	for range 100 {
		l.jobs = append(l.jobs, job{profile: anyShape(r, between(r, 2, 20), between(r, 20, 60))})
	}
	for range 4 {
		l.jobs = append(l.jobs, job{profile: anyShape(r, between(r, 40, 80), between(r, 600, 800))})
	}
	r.Shuffle(len(l.jobs), func(i, j int) { l.jobs[i], l.jobs[j] = l.jobs[j], l.jobs[i] })
	return l
}

func short(r *rand.Rand) *workload { return plain(r, plateau, 300, 0.2, 2).squeeze(0.5) }

func long(r *rand.Rand) *workload { return plain(r, anyShape, 32, 600, 2400).squeeze(0.5) }

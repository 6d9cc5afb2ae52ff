package main

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// pyexpool follows the rules of PyExPool v3, as its documentation and the behaviour of version 3.2.1 give them:
//
//   - It acts in rounds, by default every 2 s when memory is limited; a worker that ended is noticed in the next round, and what
//     was terminated counts as a worker until then. (The round right after the jobs are handed over sees processes that have just
//     begun: it does nothing, and is left out.)
//   - A job's figure follows its use upwards at once and downwards by 15% of the difference a round. It is kept over attempts, as
//     the estimate of the next one.
//   - When the sum reaches the limit, the heaviest workers are terminated until the sum would be n/(n+1) of the limit, for n
//     workers; one always stays. A job that has run x times longer may use sqrt(x) more, within the golden ratio.
//   - A terminated job waits behind all that were never postponed, and behind those of a higher "limit of workers": the workers
//     less those terminated with it. That number orders the queue; it does not limit how many run beside the job. A job
//     that would fit after all goes to the front of its rank instead.
//   - Waiting jobs of the same category and at least the size take over its figure and its rank.
//   - Jobs start only in rounds in which nothing is terminated, the first of the queue as long as 1.382 times its estimate fits; the
//     estimate of a job that never ran is the sum of the running ones over one more than their number. If the first
//     does not fit and has a figure of its own, it goes to the end of its rank; nothing else starts in that round.
//
// Not modelled: limits of single jobs, timeouts and chained termination, since no job of these workloads breaks any, and the host's
// low-memory reserve, since only the pool's limit is short. Where PyExPool walks a set, the order here is that of the starts.
type pyexpool struct {
	latency time.Duration
	round   time.Duration // the next one
	queue   []int
	workers []int // whose processes run, or have ended since the last round; in the order of their starts
	jobs    []pyjob
	sum     float64 // of the figures in this round, MB
}

// pyjob is what PyExPool knows of a job.
type pyjob struct {
	begun time.Duration
	mem   float64 // MB
	rank  int     // the limit of workers that it was postponed with
	told  bool    // to terminate
	ended bool    // its process has, and no round has noticed
}

const (
	golden    = 1.618033988749895
	headroom  = 3 - golden // of an estimate
	retention = 0.85       // of a figure in a round, while use falls
)

func pyexpoolAt(latency time.Duration) func(*workload) policy {
	return func(*workload) policy { return &pyexpool{latency: latency, round: latency} }
}

func (p *pyexpool) deadline() time.Duration { return p.round }

func (p *pyexpool) act(w *world, ended []ending) {
	if p.jobs == nil {
		p.submit(w)
	}
	for _, e := range ended {
		p.jobs[e.job].ended = true
	}
	if w.now >= p.round {
		p.revise(w)
		p.round = w.now + p.latency
	}
}

// submit takes the jobs: they start until all workers are busy, since nothing is known to use memory yet.
func (p *pyexpool) submit(w *world) {
	p.jobs = make([]pyjob, len(w.jobs))
	for j := range w.jobs {
		p.jobs[j].rank = w.slots
		if len(p.workers) < w.slots {
			p.start(w, j)
		} else {
			p.queue = append(p.queue, j)
		}
	}
}

func (p *pyexpool) start(w *world, job int) {
	j := &p.jobs[job]
	j.begun, j.told, j.ended = w.now, false, false
	p.workers = append(p.workers, job)
	w.start(job)
}

// revise is one round.
func (p *pyexpool) revise(w *world) {
	ended := p.measure(w)
	terminating := p.sum >= w.limit && p.relieve(w)
	for _, job := range ended {
		if p.jobs[job].told {
			p.reschedule(w, job)
		}
	}
	if !terminating {
		p.startMore(w)
	}
}

// measure updates the figures, and takes out the workers that have ended.
func (p *pyexpool) measure(w *world) (ended []int) {
	p.sum = 0
	p.workers = slices.DeleteFunc(p.workers, func(job int) bool {
		j := &p.jobs[job]
		if j.ended {
			ended = append(ended, job)
			return true
		}
		use := w.memory(job)
		j.mem = max(use, j.mem*retention+use*(1-retention))
		p.sum += j.mem
		return false
	})
	return ended
}

// relieve terminates the heaviest workers. It says whether it did.
func (p *pyexpool) relieve(w *world) bool {
	n := float64(len(p.workers))
	excess := p.sum - w.limit*n/(n+1)
	var victims []int
	may := slices.Clone(p.workers)
	for excess >= 0 && len(may) > 1 {
		heavy := p.heaviest(w, may)
		for ; excess >= 0 && len(heavy) > 0 && len(may) > 1; heavy = heavy[:len(heavy)-1] {
			job := heavy[len(heavy)-1]
			if !slices.Contains(victims, job) {
				victims = append(victims, job)
			}
			may = slices.DeleteFunc(may, func(j int) bool { return j == job })
			excess -= p.jobs[job].mem
		}
	}
	for _, job := range victims {
		j := &p.jobs[job]
		p.sum -= j.mem
		j.told, j.rank = true, w.slots-len(victims)
		w.kill(job)
	}
	return len(victims) > 0
}

// heaviest is a chain of workers, each at least as heavy as the one before, for its time. The first stands in it twice, so that
// its memory counts twice if it is ended: that is how version 3.2.1 behaves.
func (p *pyexpool) heaviest(w *world, may []int) []int {
	root := func(job int) float64 { return math.Sqrt((w.now - p.jobs[job].begun).Seconds()) }
	last := may[0]
	chain := []int{last}
	for _, job := range may {
		ratio := min(max(root(last)/root(job), 1/golden), golden)
		if p.jobs[job].mem*ratio >= p.jobs[last].mem {
			chain, last = append(chain, job), job
		}
	}
	return chain
}

// reschedule queues a job again that was terminated, or starts it if nothing else runs.
func (p *pyexpool) reschedule(w *world, job int) {
	mem := p.jobs[job].mem
	switch {
	case len(p.workers) == 0:
		p.start(w, job)
		p.sum += mem
	case p.sum+mem*headroom >= w.limit:
		p.postpone(w, job, false)
	default:
		p.postpone(w, job, true)
	}
}

// postpone puts a job into the queue: at the end of its rank or, first, at its front.
func (p *pyexpool) postpone(w *world, job int, first bool) {
	rank := p.jobs[job].rank
	at := slices.IndexFunc(p.queue, func(j int) bool {
		return p.jobs[j].rank < rank || first && p.jobs[j].rank == rank
	})
	if at < 0 {
		at = len(p.queue)
	}
	p.queue = slices.Insert(p.queue, at, job)
	p.relate(w, job, at)
}

// relate has the waiting jobs before the given place that are related to the job, and as large, share its figure and rank.
func (p *pyexpool) relate(w *world, job, at int) {
	spec, j := w.jobs[job], p.jobs[job]
	if spec.category == "" {
		return
	}
	for _, other := range p.queue[:at] {
		if o := w.jobs[other]; o.category == spec.category && o.size >= spec.size {
			p.jobs[other].mem = max(p.jobs[other].mem, j.mem)
			p.jobs[other].rank = min(p.jobs[other].rank, j.rank)
		}
	}
	slices.SortStableFunc(p.queue[:at], func(a, b int) int { return -cmp.Compare(p.jobs[a].rank, p.jobs[b].rank) })
}

// startMore starts jobs while they are expected to fit.
func (p *pyexpool) startMore(w *world) {
	for len(p.queue) > 0 && len(p.workers) < w.slots {
		job := p.queue[0]
		p.queue = p.queue[1:]
		mem := p.jobs[job].mem
		guess := mem
		if guess == 0 {
			guess = p.sum / float64(1+len(p.workers))
		}
		if len(p.workers) > 0 && p.sum+guess*headroom >= w.limit {
			if mem > 0 {
				p.postpone(w, job, false)
			} else {
				p.queue = slices.Insert(p.queue, 0, job)
			}
			return
		}
		p.start(w, job)
		p.sum += mem
	}
}

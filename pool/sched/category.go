package sched

import "container/heap"

// category is the live jobs of one name that can be chained, ordered by what makes them heavy.
type category struct{ byTime, bySize heaviest }

// heaviest is a heap with the heaviest job first, so that those at least as heavy as a given one are found without looking at
// the others.
type heaviest struct {
	jobs   []*job
	weight func(*Spec) float64
	pos    func(*job) *int32 // where a job keeps its place
}

func newCategory() *category {
	return &category{
		byTime: heaviest{weight: (*Spec).weight, pos: func(j *job) *int32 { return &j.timePos }},
		bySize: heaviest{weight: func(s *Spec) float64 { return s.Size }, pos: func(j *job) *int32 { return &j.sizePos }},
	}
}

func (h *heaviest) Len() int           { return len(h.jobs) }
func (h *heaviest) Less(i, j int) bool { return h.weight(h.jobs[i].spec) > h.weight(h.jobs[j].spec) }

func (h *heaviest) Swap(i, j int) {
	h.jobs[i], h.jobs[j] = h.jobs[j], h.jobs[i]
	*h.pos(h.jobs[i]), *h.pos(h.jobs[j]) = int32(i), int32(j)
}

func (h *heaviest) Push(x any) {
	j := x.(*job)
	*h.pos(j) = int32(len(h.jobs))
	h.jobs = append(h.jobs, j)
}

func (h *heaviest) Pop() any {
	last := len(h.jobs) - 1
	j := h.jobs[last]
	h.jobs[last] = nil
	h.jobs = h.jobs[:last]
	return j
}

// atLeast gives the jobs of at least the given weight.
func (h *heaviest) atLeast(weight float64) []*job {
	var found []*job
	todo := []int{0}
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if i >= len(h.jobs) || h.weight(h.jobs[i].spec) < weight {
			continue
		}
		found = append(found, h.jobs[i])
		todo = append(todo, 2*i+1, 2*i+2)
	}
	return found
}

func (c *Core) joinCategory(j *job) {
	if !j.spec.chains() {
		return
	}
	cat := c.categories[j.spec.Category]
	if cat == nil {
		cat = newCategory()
		c.categories[j.spec.Category] = cat
	}
	heap.Push(&cat.byTime, j)
	heap.Push(&cat.bySize, j)
}

func (c *Core) leaveCategory(j *job) {
	if !j.spec.chains() {
		return
	}
	cat := c.categories[j.spec.Category]
	heap.Remove(&cat.byTime, int(j.timePos))
	heap.Remove(&cat.bySize, int(j.sizePos))
	if cat.byTime.Len() == 0 {
		delete(c.categories, j.spec.Category)
	}
}

// chainTime ends the jobs related to one that broke its timeout: those of its category whose size and slowdown make them
// at least as slow.
func (c *Core) chainTime(origin *job) {
	if !c.cfg.Unchained && origin.spec.chains() {
		c.endRelated(origin, c.categories[origin.spec.Category].byTime.atLeast(origin.spec.weight()), ChainedTimeout)
	}
}

// chainMemory ends the jobs related to one that broke a memory limit: those of its category whose size is at least its own,
// and those that were seen to use as much. That one uses less so far does not spare it: its size says what it is going to use.
func (c *Core) chainMemory(origin *job) {
	if c.cfg.Unchained || !origin.spec.chains() {
		return
	}
	related := c.categories[origin.spec.Category].bySize.atLeast(origin.spec.Size)
	for _, seen := range []*list[job]{&c.active, &c.restarts, &c.later} {
		for j := range seen.all {
			if j.spec.Category == origin.spec.Category && j.spec.chains() && j.spec.Size < origin.spec.Size && j.mem >= origin.mem {
				related = append(related, j)
			}
		}
	}
	c.endRelated(origin, related, ChainedMemory)
}

func (c *Core) endRelated(origin *job, related []*job, why Reason) {
	sortBy(related, func(j *job) JobID { return j.id })
	for _, j := range related {
		if j != origin {
			c.end(j, why)
		}
	}
}

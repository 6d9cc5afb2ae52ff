package sched

import "container/heap"

// category is the live jobs of one name that can be chained: a heap with the heaviest first, so that those at least as
// heavy as a given weight are found without looking at the others.
type category struct{ heap []*job }

func (c *category) Len() int           { return len(c.heap) }
func (c *category) Less(i, j int) bool { return c.heap[i].spec.weight() > c.heap[j].spec.weight() }

func (c *category) Swap(i, j int) {
	c.heap[i], c.heap[j] = c.heap[j], c.heap[i]
	c.heap[i].catPos, c.heap[j].catPos = i, j
}

func (c *category) Push(x any) {
	j := x.(*job)
	j.catPos = len(c.heap)
	c.heap = append(c.heap, j)
}

func (c *category) Pop() any {
	last := len(c.heap) - 1
	j := c.heap[last]
	c.heap[last] = nil
	c.heap = c.heap[:last]
	return j
}

// atLeast gives the jobs of at least the given weight, by id.
func (c *category) atLeast(weight float64) []*job {
	var found []*job
	todo := []int{0}
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if i >= len(c.heap) || c.heap[i].spec.weight() < weight {
			continue
		}
		found = append(found, c.heap[i])
		todo = append(todo, 2*i+1, 2*i+2)
	}
	sortBy(found, func(j *job) JobID { return j.id })
	return found
}

func (c *Core) joinCategory(j *job) {
	if !j.spec.chains() {
		return
	}
	cat := c.categories[j.spec.Category]
	if cat == nil {
		cat = &category{}
		c.categories[j.spec.Category] = cat
	}
	heap.Push(cat, j)
}

func (c *Core) leaveCategory(j *job) {
	if !j.spec.chains() {
		return
	}
	cat := c.categories[j.spec.Category]
	heap.Remove(cat, j.catPos)
	if cat.Len() == 0 {
		delete(c.categories, j.spec.Category)
	}
}

// chain ends the jobs related to one that broke its timeout: those of its category that are at least as heavy.
func (c *Core) chain(origin *job) {
	if c.cfg.Unchained || !origin.spec.chains() {
		return
	}
	for _, j := range c.categories[origin.spec.Category].atLeast(origin.spec.weight()) {
		if j != origin {
			c.end(j, ChainedTimeout)
		}
	}
}

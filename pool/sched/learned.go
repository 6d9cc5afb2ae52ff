package sched

// categoriesKept bounds the categories whose use is remembered; the one that was learned first is forgotten first.
const categoriesKept = 10_000

// learned is what finished attempts were seen to use.
type learned struct {
	categories map[string]known
	order      []string // of the categories, as they were learned
	typical    int64    // of all jobs: a moving average
}

// known is the memory of a category.
type known struct {
	bytes   int64   // what its jobs used: a moving average
	perSize float64 // the same in relation to their size; 0: none had one
}

// note learns from an attempt that used some memory. Of one that was ended under way that is the least that it would have
// used, which can only raise what is known.
func (l *learned) note(s *Spec, bytes int64, whole bool) {
	if bytes <= 0 {
		return
	}
	l.typical = follow(l.typical, bytes, whole)
	if s.Category == "" {
		return
	}
	k, old := l.categories[s.Category]
	if !old {
		l.admit(s.Category)
	}
	k.bytes = follow(k.bytes, bytes, whole)
	if s.Size > 0 {
		k.perSize = follow(k.perSize, float64(bytes)/s.Size, whole)
	}
	l.categories[s.Category] = k
}

// follow moves an average a quarter of the way to a new value; the first one is the average. One that is not whole does not
// lower it.
func follow[N int64 | float64](average, value N, whole bool) N {
	switch {
	case average == 0:
		return value
	case !whole && value < average:
		return average
	}
	return average + (value-average)/4
}

func (l *learned) admit(category string) {
	if l.categories == nil {
		l.categories = map[string]known{}
	}
	if len(l.order) == categoriesKept {
		delete(l.categories, l.order[0])
		l.order = l.order[1:]
	}
	l.order = append(l.order, category)
}

// guess estimates a job by its category, scaled by size if both have one; 0 if nothing is known.
func (l *learned) guess(s *Spec) int64 {
	k, ok := l.categories[s.Category]
	switch {
	case !ok:
		return 0
	case s.Size > 0 && k.perSize > 0:
		return int64(min(k.perSize*s.Size, 1<<62))
	}
	return k.bytes
}

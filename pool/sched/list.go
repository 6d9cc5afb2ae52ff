package sched

// link holds the neighbours of an element in one list. An element that is in several lists has a link for each.
type link[T any] struct {
	prev, next *T
}

// list is a doubly linked list whose links lie in its elements: no allocation, and removal in constant time.
type list[T any] struct {
	head, tail *T
	n          int
	at         func(*T) *link[T]
}

func (l *list[T]) pushBack(e *T) {
	k := l.at(e)
	*k = link[T]{prev: l.tail}
	if l.tail == nil {
		l.head = e
	} else {
		l.at(l.tail).next = e
	}
	l.tail = e
	l.n++
}

// insert puts e before another element; at the end if that is nil.
func (l *list[T]) insert(e, before *T) {
	if before == nil {
		l.pushBack(e)
		return
	}
	k, next := l.at(e), l.at(before)
	*k = link[T]{prev: next.prev, next: before}
	if next.prev == nil {
		l.head = e
	} else {
		l.at(next.prev).next = e
	}
	next.prev = e
	l.n++
}

func (l *list[T]) remove(e *T) {
	k := l.at(e)
	if k.prev == nil {
		l.head = k.next
	} else {
		l.at(k.prev).next = k.next
	}
	if k.next == nil {
		l.tail = k.prev
	} else {
		l.at(k.next).prev = k.prev
	}
	*k = link[T]{}
	l.n--
}

// all visits the elements in order; the visited one may be removed meanwhile.
func (l *list[T]) all(yield func(*T) bool) {
	for e := l.head; e != nil; {
		next := l.at(e).next
		if !yield(e) {
			return
		}
		e = next
	}
}

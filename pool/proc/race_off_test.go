//go:build !race

package proc

// raced says that the race detector is on.
const raced = false

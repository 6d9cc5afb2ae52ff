//go:build race

package proc

// raced says that the race detector is on. Its runtime makes guardians large and slow, and ignores a signal of its own.
const raced = true

//go:build !linux

package numa

import "errors"

// processAffinity has no meaning without Linux.
func processAffinity() (CPUSet, error) {
	return CPUSet{}, errors.New("CPU affinity is read on Linux only; read a snapshot of a Linux machine instead")
}

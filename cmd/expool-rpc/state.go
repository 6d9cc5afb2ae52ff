package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"expool/rpc"
)

// tellState has the state of the server written to a file on SIGUSR1.
func tellState(server *rpc.Server, path string) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	go func() {
		for range asked {
			line, ok := server.State()
			if !ok {
				continue // it is ending
			}
			if err := replace(path, line); err != nil {
				report(fmt.Errorf("write the state file: %w", err), 0)
			}
		}
	}()
}

// replaceable says that a path is of a regular file, or of nothing: neither a device nor a link may get lost.
func replaceable(path string) bool {
	info, err := os.Lstat(path)
	return err != nil || info.Mode().IsRegular()
}

// replace writes a file so that readers see the old content or the new one, and nobody else sees either.
func replace(path string, content []byte) error {
	if !replaceable(path) {
		return fmt.Errorf("%s is no regular file any more", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

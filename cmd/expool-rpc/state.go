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

// replace writes a file so that readers see the old content or the new one, and nobody else sees either.
func replace(path string, content []byte) error {
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

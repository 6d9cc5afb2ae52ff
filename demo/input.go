package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// input is the file that all jobs read.
type input struct {
	path   string
	source string // the folder that it was made of
	files  int    // how many files are in it, a cut one included
	bytes  int64
}

// goSources gives the folder of the Go toolchain's own sources.
func goSources(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("asking go env GOROOT where the sources of Go are (name another folder with -source): %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "src"), nil
}

// assemble makes the input in a file of the given folder, of the sources that o names.
func assemble(ctx context.Context, o options, folder string) (in input, err error) {
	in = input{path: filepath.Join(folder, "input"), source: o.source}
	if in.source == "" {
		if in.source, err = goSources(ctx); err != nil {
			return in, err
		}
	}
	file, err := os.Create(in.path)
	if err != nil {
		return in, err
	}
	in.files, in.bytes, err = concatenate(ctx, file, os.DirFS(in.source), o.bytes)
	err = errors.Join(err, file.Close())
	switch {
	case err != nil:
		return in, fmt.Errorf("making the input of the .go files in %s: %w", in.source, err)
	case in.bytes == 0:
		return in, fmt.Errorf("there is no Go source in %s: name a folder that has some with -source", in.source)
	}
	return in, nil
}

// concatenate writes the .go files of a tree, in the order of their paths, until limit bytes are reached; the last one is cut
// there. It gives how many files and bytes were written.
func concatenate(ctx context.Context, out io.Writer, tree fs.FS, limit int64) (files int, bytes int64, err error) {
	err = fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case bytes >= limit:
			return fs.SkipAll
		case path.Ext(name) != ".go" || !entry.Type().IsRegular():
			return nil
		}
		n, err := appendFile(out, tree, name, limit-bytes)
		files++
		bytes += n
		return err
	})
	return files, bytes, err
}

func appendFile(out io.Writer, tree fs.FS, name string, limit int64) (int64, error) {
	file, err := tree.Open(name)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	return io.Copy(out, io.LimitReader(file, limit))
}

package main

import (
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"os"
)

// isFilter tells whether this program was started, by a job, as the compressor that every machine has.
func isFilter(command string) bool { return command == "compress" || command == "decompress" }

// filterMain packs or unpacks standard input to standard output, and gives the exit status.
func filterMain(command string, args []string) int {
	err := filter(command, args, os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintf(os.Stderr, "demo %s: %v\n", command, err)
		return statusFailed
	}
	return statusFine
}

func filter(command string, args []string, in io.ReadSeeker, out io.Writer) error {
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	level := flags.Int("level", gzip.DefaultCompression, "from 1, fast, to 9, small")
	endless := flags.Bool("endless", false, "pack the input again and again, until ended from outside")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case command == "decompress":
		return decompress(in, out)
	case *endless:
		return compressForEver(in, out, *level)
	}
	return compress(in, out, *level)
}

func compress(in io.Reader, out io.Writer, level int) error {
	packer, err := gzip.NewWriterLevel(out, level)
	if err != nil {
		return err
	}
	if _, err := io.Copy(packer, in); err != nil {
		return err
	}
	return packer.Close()
}

// compressForEver packs the input over and over. It returns only with an error.
func compressForEver(in io.ReadSeeker, out io.Writer, level int) error {
	for {
		if _, err := in.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if err := compress(in, out, level); err != nil {
			return err
		}
	}
}

func decompress(in io.Reader, out io.Writer) error {
	unpacker, err := gzip.NewReader(in)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, unpacker)
	return err
}

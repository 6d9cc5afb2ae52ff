package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	seed := flag.Uint64("seed", 1, "of the generated workloads")
	workloads := flag.Int("workloads", 20, "how many are generated of each family, and twice as many small ones; at least 1")
	out := flag.String("out", "", "the `file` to write the report to; empty: standard output")
	flag.Parse()
	if flag.NArg() > 0 || *workloads < 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := write(*seed, *workloads, *out); err != nil {
		fmt.Fprintln(os.Stderr, "sim:", err)
		os.Exit(1)
	}
}

// write makes the study and its report.
func write(seed uint64, workloads int, out string) error {
	s, err := conduct(seed, workloads)
	if err != nil {
		return err
	}
	text := s.report()
	if out == "" {
		_, err = os.Stdout.WriteString(text)
		return err
	}
	return os.WriteFile(out, []byte(text), 0o644)
}

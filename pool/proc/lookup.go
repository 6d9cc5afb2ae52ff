package proc

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// lookup finds the file to execute for a command, as seen from the job's working folder.
func lookup(name, dir string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil // exec, which comes after chdir, says what is wrong with it
	}
	path := searchPath(env)
	var denied string
	if name != "" && name != "." && name != ".." {
		for entry := range strings.SplitSeq(path, ":") {
			file := filepath.Join(entry, name)
			if !filepath.IsAbs(entry) {
				file = "./" + file // relative to the working folder; the slash keeps it a path
			}
			seen := fromDir(dir, file)
			if !isFile(seen) {
				continue
			}
			if unix.Access(seen, unix.X_OK) == nil {
				return file, nil
			}
			denied = seen
		}
	}
	if denied != "" {
		return "", fmt.Errorf("command not executable: %q: %w", denied, syscall.EACCES)
	}
	return "", fmt.Errorf("command not found: %q is in no folder of PATH %q", name, path)
}

// fromDir says how this process reaches a file that is relative to a job's working folder.
func fromDir(dir, file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(dir, file)
}

func isFile(path string) bool {
	var st unix.Stat_t
	return unix.Stat(path, &st) == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR
}

// explain turns the bare error number of a failed spawn into words.
func explain(err error, file string, c *Command) error {
	if err := checkDir(c.Dir); err != nil {
		return err
	}
	seen := fromDir(c.Dir, file)
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ENOTDIR):
		return explainMissing(err, seen)
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		if info, e := os.Stat(seen); e == nil && info.IsDir() {
			return fmt.Errorf("command not executable: %q is a folder", seen)
		}
		return fmt.Errorf("command not executable: %q: %w", seen, err)
	case errors.Is(err, syscall.ENOEXEC):
		return fmt.Errorf("exec format error: %q is neither a program for this machine nor a script with #! in its first line", seen)
	case errors.Is(err, syscall.E2BIG):
		return fmt.Errorf("argument list too long: %d arguments of %q, together with the environment, exceed what the kernel takes",
			len(c.Args)-1, c.Args[0])
	case errors.Is(err, syscall.ETXTBSY):
		return fmt.Errorf("command %q is still open for writing by another process: %w", seen, err)
	}
	return fmt.Errorf("execute %q: %w", seen, err)
}

// explainMissing tells a missing command from a missing interpreter.
func explainMissing(err error, file string) error {
	if _, e := os.Stat(file); e != nil {
		return fmt.Errorf("command not found: %q: %w", file, err)
	}
	if script := interpreter(file); script != "" {
		return fmt.Errorf("interpreter not found: %q, named in the first line of the script %q", script, file)
	}
	return fmt.Errorf("interpreter not found: the loader that the program %q needs is not on this machine", file)
}

// interpreter is what the first line of a script names, "" if the file is no script.
func interpreter(file string) string {
	f, err := os.OpenFile(file, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return ""
	}
	defer f.Close()
	line, _ := bufio.NewReaderSize(f, 512).ReadSlice('\n')
	rest, ok := strings.CutPrefix(string(line), "#!")
	if !ok {
		return ""
	}
	rest = strings.Trim(rest, " \t\n")
	if i := strings.IndexAny(rest, " \t"); i >= 0 {
		rest = rest[:i]
	}
	return rest
}

// checkDir says what is wrong with a working folder.
func checkDir(dir string) error {
	if dir == "" {
		return nil
	}
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return fmt.Errorf("working folder %q: %w", dir, errors.Unwrap(err))
	case !info.IsDir():
		return fmt.Errorf("working folder %q: is not a folder", dir)
	}
	if err := unix.Access(dir, unix.X_OK); err != nil {
		return fmt.Errorf("working folder %q: %w", dir, err)
	}
	return nil
}

// validate rejects what can't be passed to exec.
func validate(c *Command) error {
	if len(c.Args) == 0 {
		return errors.New("no command: the list of arguments is empty")
	}
	check := func(what, s string) error {
		if strings.IndexByte(s, 0) >= 0 {
			return fmt.Errorf("%s %q: holds a NUL byte", what, s)
		}
		return nil
	}
	errs := []error{check("working folder", c.Dir), check("stdin", c.Stdin), check("stdout", c.Stdout.Path), check("stderr", c.Stderr.Path)}
	for _, arg := range c.Args {
		errs = append(errs, check("argument", arg))
	}
	for _, entry := range c.Env {
		errs = append(errs, check("environment entry", entry))
		if i := strings.IndexByte(entry, '='); i <= 0 {
			errs = append(errs, fmt.Errorf("environment entry %q: is not of the form NAME=value", entry))
		}
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

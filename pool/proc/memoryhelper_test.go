package proc

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// touch takes memory.
func touch(size int) error {
	if size == 0 {
		return nil
	}
	data, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	for i := 0; i < len(data); i += 4096 {
		data[i] = 1
	}
	return err
}

// helperHold takes memory, says so, and ends with its stdin: BYTES.
func helperHold(args []string) error {
	size, err := strconv.Atoi(args[0])
	if err == nil {
		err = touch(size)
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return err
}

// helperFamily starts programs that hold memory, and ends when all of them have it; with "stay" it never ends: COUNT BYTES [stay].
func helperFamily(args []string) error {
	count, _ := strconv.Atoi(args[0])
	hold := helper("hold", args[1])
	for range count {
		cmd := exec.Command(hold[0], hold[1:]...)
		stdout, err1 := cmd.StdoutPipe()
		stdin, err2 := cmd.StdinPipe()
		if err := errors.Join(err1, err2, cmd.Start()); err != nil {
			return err
		}
		defer cmd.Wait()
		defer stdin.Close()
		_, _ = bufio.NewReader(stdout).ReadString('\n') // or it was killed
	}
	for len(args) > 2 {
		_ = unix.Pause()
	}
	return nil
}

// helperGrow takes memory at 400 MB a second, and writes to a file the time, in Unix microseconds, at which it came to have
// each MB: FILE BYTES.
func helperGrow(args []string) error {
	size, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	log, err := os.Create(args[0])
	if err != nil {
		return err
	}
	tick := time.NewTicker(2500 * time.Microsecond)
	for taken := 0; taken < size; taken += 1 << 20 {
		if err := touch(1 << 20); err != nil {
			return err
		}
		if _, err := log.Write(binary.NativeEndian.AppendUint64(nil, uint64(time.Now().UnixMicro()))); err != nil {
			return err
		}
		<-tick.C
	}
	return nil
}

// helperCache takes memory and writes a file, which it removes or not: MEMORY FILE BYTES keep|remove.
func helperCache(args []string) error {
	size, err1 := strconv.Atoi(args[0])
	length, err2 := strconv.Atoi(args[2])
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if err := touch(size); err != nil {
		return err
	}
	f, err := os.Create(args[1])
	if err != nil {
		return err
	}
	defer f.Close()
	chunk := make([]byte, 1<<20)
	for range length / len(chunk) {
		if _, err := f.Write(chunk); err != nil {
			return err
		}
	}
	if args[3] == "remove" {
		return os.Remove(args[1])
	}
	return nil
}

// helperSettle moves itself into a cgroup of version 2 and hosts something in place of a guardian there, with a controller. It
// prints where it lives then and how many of the controller's files a leaf has. When its stdin ends all goes back: FOLDER CONTROLLER.
func helperSettle(args []string) error {
	own, controller := args[0], args[1]
	if err := join(own, os.Getpid()); err != nil {
		return err
	}
	c := cgroups{controller: controller, memory: memoryHost{version: memoryV2}}
	var err1, err2 error
	c.pool, _, err1 = findPool(own)
	c.memory.home, err2 = findController(own, controller)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	guest := exec.Command("sleep", "1000")
	pid, err := c.host(func() (int, error) { err := guest.Start(); return guest.Process.Pid, err })
	if err != nil {
		return err
	}
	defer guest.Wait()
	defer guest.Process.Kill()
	l := leaf{root: c.pool, name: itoa(pid)}
	if _, ok := l.fd(); !ok || !isMember(c.memory.home, pid) {
		return errors.New("no leaf, or a guest elsewhere")
	}
	files, _ := filepath.Glob(filepath.Join(l.path, controller+".*"))
	fmt.Printf("%s\n%d\n", c.memory.home, len(files))
	_, _ = io.Copy(io.Discard, os.Stdin)
	c.leave(pid)
	if members := otherMembers(own); len(members) != 1 || !isMember(own, os.Getpid()) {
		return fmt.Errorf("%s has members %v", own, members)
	}
	return c.close()
}

func isMember(dir string, pid int) bool { return hasWord(dir, "cgroup.procs", strconv.Itoa(pid)) }

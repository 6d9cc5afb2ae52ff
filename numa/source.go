package numa

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
)

const (
	cpuDir  = "sys/devices/system/cpu"
	nodeDir = "sys/devices/system/node"

	// maxFile bounds one file: far above the mounts of a busy container host.
	maxFile = 4 << 20
	// maxWarnings bounds what a broken tree can say about itself.
	maxWarnings = 20
)

// source reads the small text files of one root.
type source struct {
	fsys     fs.FS
	buf      []byte
	parsed   map[string]CPUSet // by text: thousands of files hold a few texts
	warnings []string
	dropped  int // warnings beyond maxWarnings
}

func newSource(fsys fs.FS) *source {
	return &source{fsys: fsys, buf: make([]byte, 4096), parsed: map[string]CPUSet{}}
}

// warn notes a contradiction or a gap. A tree broken throughout repeats
// itself, so that the first few are enough.
func (s *source) warn(format string, args ...any) {
	if len(s.warnings) >= maxWarnings {
		s.dropped++
		return
	}
	s.warnings = append(s.warnings, fmt.Sprintf(format, args...))
}

// read gives the file's bytes, valid until the next call.
func (s *source) read(path string) ([]byte, error) {
	f, err := s.fsys.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	n := 0
	for {
		if n == len(s.buf) {
			if n >= maxFile {
				return nil, fmt.Errorf("%s: larger than %d bytes", path, maxFile)
			}
			s.buf = append(s.buf, make([]byte, n)...)
		}
		k, err := f.Read(s.buf[n:])
		n += k
		if errors.Is(err, io.EOF) {
			return s.buf[:n], nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// bytes gives the content without padding; ok is false when there is no such
// file. One that is there and cannot be read counts as missing, with a warning.
func (s *source) bytes(path string) (content []byte, ok bool) {
	content, err := s.read(path)
	switch {
	case err == nil:
		return trimPadding(content), true
	case !errors.Is(err, fs.ErrNotExist):
		s.warn("ignored a file: %v", err)
	}
	return nil, false
}

func trimPadding(text []byte) []byte {
	for len(text) > 0 && strings.IndexByte(padding, text[0]) >= 0 {
		text = text[1:]
	}
	for len(text) > 0 && strings.IndexByte(padding, text[len(text)-1]) >= 0 {
		text = text[:len(text)-1]
	}
	return text
}

func (s *source) text(path string) (string, bool) {
	content, ok := s.bytes(path)
	return string(content), ok
}

// number reads a decimal integer.
func (s *source) number(path string) (int, bool) {
	content, ok := s.bytes(path)
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(string(content))
	if err != nil {
		s.warn("ignored %s: %s is not a number", path, clip(string(content)))
		return 0, false
	}
	return n, true
}

// list reads a CPU list and mask a CPU mask; a malformed one counts as
// missing, with a warning.
func (s *source) list(path string) (CPUSet, bool) { return s.set(path, "list:", ParseList) }
func (s *source) mask(path string) (CPUSet, bool) { return s.set(path, "mask:", ParseMask) }

func (s *source) set(path, format string, parse func(string) (CPUSet, error)) (CPUSet, bool) {
	content, ok := s.bytes(path)
	if !ok {
		return CPUSet{}, false
	}
	if set, ok := s.parsed[format+string(content)]; ok {
		return set, true
	}
	set, err := parse(string(content))
	if err != nil {
		s.warn("ignored %s: %v", path, err)
		return CPUSet{}, false
	}
	s.parsed[format+string(content)] = set
	return set, true
}

// names gives the names of a folder's entries; what a broken one still gives
// is used.
func (s *source) names(dir string) []string {
	entries, err := fs.ReadDir(s.fsys, dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.warn("reading folder %s: %v", dir, err)
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// numbered gives N of the entries prefixN.
func (s *source) numbered(dir, prefix string, below int) []int {
	var numbers []int
	for _, name := range s.names(dir) {
		digits, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		n, err := strconv.Atoi(digits)
		if err == nil && n >= 0 && n < below && strconv.Itoa(n) == digits {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// chunkSize is how many CPUs one goroutine reads.
const chunkSize = 256

func chunks(cpus []int) int { return max(1, (len(cpus)+chunkSize-1)/chunkSize) }

// inChunks reads the CPUs of a large machine side by side: nearly all of the
// time goes into opening files. work gets a source of its own for each chunk;
// inChunks returns when all are done, and what they found must not depend on
// which was faster.
func (s *source) inChunks(cpus []int, work func(part *source, chunk int, cpus []int)) {
	if chunks(cpus) == 1 {
		work(s, 0, cpus)
		return
	}
	parts := make([]*source, chunks(cpus))
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	var all sync.WaitGroup
	for i, list := range slices.Collect(slices.Chunk(cpus, chunkSize)) {
		parts[i] = newSource(s.fsys)
		all.Go(func() {
			slots <- struct{}{}
			work(parts[i], i, list)
			<-slots
		})
	}
	all.Wait()
	for _, part := range parts {
		for _, text := range part.warnings {
			s.warn("%s", text)
		}
		s.dropped += part.dropped
	}
}

package proc

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// send writes one or more frames, whose memory is used again for the next ones.
func (g *guardian) send(b []byte) error {
	g.out = b
	return g.write(b)
}

// write may wait for the server, which always reads.
func (g *guardian) write(b []byte) error {
	for len(b) > 0 {
		n, err := unix.Write(guardianReports, b)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("send: %w", err)
		}
		b = b[n:]
	}
	return nil
}

// sendExited sends the end of an attempt behind what is in out, and the captured output from where it was read to. The server makes a pipe narrow
// again that is widened here. From within a memory cgroup of jobs it is not: what it holds would be charged there.
func (g *guardian) sendExited(m *exited) error {
	if m.stdout.size()+m.stderr.size() > pipeSize && (g.mem == nil || g.mem.home() == nil) {
		_ = setPipeSize(guardianReports, reportSize)
	}
	if err := g.send(appendExited(g.out, m)); err != nil {
		return err
	}
	for _, piece := range m.pieces() {
		if err := g.write(piece); err != nil {
			return err
		}
	}
	return nil
}

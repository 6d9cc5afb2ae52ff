package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestALongListStreamsThroughABoundedQueue(t *testing.T) {
	const stubs, queued = 5000, 10
	h := start(t, "--workers=1", fmt.Sprintf("--max-queued=%d", queued))
	gate := filepath.Join(t.TempDir(), "gate")
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		t.Fatal(err)
	}
	lines := make([]string, stubs)
	for i := range lines {
		lines[i] = fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"execute","params":{"name":"stub","args":null}}`+"\n", i+2)
	}
	h.call(1, "execute", fmt.Sprintf(`{"name":"first","args":["cat",%q],"stdout":"pipe"}`, gate))
	go func() {
		h.stdin.Write([]byte(strings.Join(lines, "")))
		h.stdin.Close()
	}()
	h.reply(1 + queued) // the last one that is read while the first job runs
	if err := os.WriteFile(gate, []byte("open"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.finished(1)
	accepted := 0
	for _, m := range h.seen {
		if m.Method == "" {
			accepted++
		}
	}
	if accepted != 1+queued {
		t.Errorf("%d jobs were accepted while the first one ran, want %d", accepted, 1+queued)
	}
	if status := h.exit(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	finished := 0
	for _, m := range h.seen {
		if m.Method == "onfinish" {
			finished++
		}
	}
	if finished != 1+stubs {
		t.Errorf("%d jobs finished", finished)
	}
}

func TestABoundedQueueGoesOnAfterRefusedAndCancelledJobs(t *testing.T) {
	h := start(t, "--workers=1", "--max-queued=3")
	h.call(1, "execute", `{"name":"a","args":["true"],"task":77}`)
	h.failure(1, -32002)
	h.call(2, "execute", `{"jobs":[{"name":"a","args":["true"],"task":77},{"name":"b","args":["true"]},{"name":"c","args":["true"]}]}`)
	h.failure(2, -32002)
	h.call(3, "execute", `{"name":"a","args":["true"],"confirm":true}`)
	h.failure(3, -32602)
	h.call(4, "execute", `{"jobs":[{"name":"a","args":["true"]},{"name":"a","args":["true"],"confirm":true}]}`)
	if text := h.failure(4, -32602); !strings.Contains(text, "jobs[1].confirm") {
		t.Error(text)
	}
	h.call(5, "task", `{"name":"t"}`)
	h.call(6, "execute", `{"name":"long","args":["sleep","1000"],"stdout":null}`)
	h.call(7, "execute", `{"jobs":[{"name":"x","args":null,"task":1},{"name":"y","args":null,"task":1}]}`)
	h.call(8, "cancel", `{"task":1}`)
	h.call(9, "execute", `{"jobs":[{"name":"x","args":null},{"name":"y","args":null}]}`)
	h.call(10, "terminate", "")
	h.reply(10)
	h.call(11, "clear", "") // refused until the ends of all are told
	h.reply(11)
	if status := h.end(); status != 1 {
		t.Errorf("exit status %d", status)
	}
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"time"
)

// errServerGone says that the server ended while something was still expected of it.
var errServerGone = errors.New("the server ended under way")

// lastWait is how long the server has to end all jobs after an interrupt, before it is killed itself.
const lastWait = 10 * time.Second

// client is a running server and the conversation with it. It is not for use by several goroutines.
type client struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout io.ReadCloser
	reader *json.Decoder
	lastID int
	// notify takes the notifications, in order, while a call waits for its reply.
	notify func(method string, n notification)
}

// dial starts the server; what it has to say on its standard error goes to ours. When ctx ends, so does the server's input, and
// with that the server and all its jobs. Call close at the end.
func dial(ctx context.Context, server string) (*client, error) {
	cmd := exec.CommandContext(ctx, server, "--on-eof=terminate")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Cancel = stdin.Close
	cmd.WaitDelay = lastWait
	if err := cmd.Start(); err != nil {
		return nil, startError(server, err)
	}
	ignore := func(string, notification) {}
	return &client{cmd: cmd, stdin: stdin, stdout: stdout, reader: json.NewDecoder(stdout), notify: ignore}, nil
}

func startError(server string, err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("there is no server %s: run `make build` first, or name another with -server", server)
	}
	return fmt.Errorf("starting the server %s: %w", server, err)
}

// call sends a request and waits for its reply, which it puts into result. Notifications that come before are handed to notify.
func (c *client) call(method string, params, result any) error {
	c.lastID++
	line, err := json.Marshal(request{Version: "2.0", ID: c.lastID, Method: method, Params: params})
	if err != nil {
		return fmt.Errorf("calling %s: %w", method, err)
	}
	if _, err := c.stdin.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("calling %s: %w", method, errServerGone)
	}
	reply, err := c.awaitReply()
	if err != nil {
		return fmt.Errorf("waiting for the reply to %s: %w", method, err)
	}
	if err := json.Unmarshal(reply, result); err != nil {
		return fmt.Errorf("reading the reply to %s, %s: %w", method, reply, err)
	}
	return nil
}

// awaitReply reads messages up to the reply to the last request, and gives its result.
func (c *client) awaitReply() (json.RawMessage, error) {
	for {
		var m message
		err := c.reader.Decode(&m)
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return nil, errServerGone
		case err != nil:
			return nil, err
		case m.Method != "":
			err = c.notified(m)
		case m.Error != nil: // with our id or, if the server could not read that, with none
			return nil, m.Error
		case m.ID != nil && *m.ID == c.lastID:
			return m.Result, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (c *client) notified(m message) error {
	var n notification
	if err := json.Unmarshal(m.Params, &n); err != nil {
		return fmt.Errorf("reading the notification %s, %s: %w", m.Method, m.Params, err)
	}
	c.notify(m.Method, n)
	return nil
}

// close ends the server, and with it all jobs that are left, and waits for that. Given what went wrong in the conversation, it
// returns what is to be said of the whole: that, with the server's own end if that was the cause, or else what went wrong at last.
func (c *client) close(err error) error {
	c.stdin.Close()               // fails only if it is closed already
	io.Copy(io.Discard, c.stdout) // so that the server can write to its end
	exit := c.cmd.Wait()
	switch {
	case errors.Is(err, errServerGone):
		return fmt.Errorf("%w (%v)", err, c.cmd.ProcessState)
	case err == nil && exit != nil:
		return fmt.Errorf("ending the server: %w", exit)
	}
	return err
}

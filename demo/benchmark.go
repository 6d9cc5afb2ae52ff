package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// result is a measurement with what came of it.
type result struct {
	*measurement
	finished bool
	end      record
	bytes    int64 // size of the output; 0 if it did not succeed
}

// outcome is all that the report tells.
type outcome struct {
	server  serverInfo
	input   input
	results []*result // in the order of the plan
	tasks   []record
	total   joinReply
}

// measure makes the input and runs the benchmark, all in a temporary folder that is gone when it returns.
func measure(ctx context.Context, o options, stderr io.Writer) (out *outcome, err error) {
	if _, err := exec.LookPath(o.server); err != nil {
		return nil, startError(o.server, err) // before the work on the input
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program, to run it as a compressor: %w", err)
	}
	folder, err := os.MkdirTemp("", "expool-demo-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for the input and the results: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	in, err := assemble(ctx, o, folder)
	if err != nil {
		return nil, err
	}
	found := func(name string) bool { _, err := exec.LookPath(name); return err == nil }
	return converse(ctx, o, in, makePlan(found, self, folder), stderr)
}

// converse starts the server, has it run the plan, and ends it.
func converse(ctx context.Context, o options, in input, plan []*group, stderr io.Writer) (*outcome, error) {
	server, err := dial(ctx, o.server)
	if err != nil {
		return nil, err
	}
	b := &benchmark{server: server, outcome: outcome{input: in}, stderr: stderr}
	if err := server.close(b.run(o.workers, plan)); err != nil {
		return nil, err
	}
	return &b.outcome, nil
}

// benchmark is a run under way.
type benchmark struct {
	outcome
	server   *client
	stderr   io.Writer
	progress *progress
}

// run is the conversation: settings, one task for each compressor, all jobs at once, and the wait for their end.
func (b *benchmark) run(workers int, plan []*group) error {
	settings := initializeParams{Name: "compressors", Workers: workers, Protocol: 1}
	if err := b.server.call("initialize", settings, &b.outcome.server); err != nil {
		return err
	}
	for _, warning := range b.outcome.server.Warnings {
		fmt.Fprintln(b.stderr, "expool-rpc:", warning)
	}
	jobs, err := b.schedule(plan)
	if err != nil {
		return err
	}
	b.progress = newProgress(b.stderr, len(jobs))
	defer b.progress.close()
	b.server.notify = b.notified
	if err := b.server.call("execute", executeParams{Jobs: jobs}, &struct{}{}); err != nil {
		return err
	}
	return b.server.call("join", struct{}{}, &b.total)
}

// schedule makes the tasks, and gives their jobs.
func (b *benchmark) schedule(plan []*group) ([]jobParams, error) {
	var jobs []jobParams
	for _, g := range plan {
		var task taskReply
		if err := b.server.call("task", taskParams{Name: g.name}, &task); err != nil {
			return nil, err
		}
		for _, m := range g.measurements {
			jobs = append(jobs, m.job(task.Task, b.input.path, len(b.results)))
			b.results = append(b.results, &result{measurement: m})
		}
	}
	return jobs, nil
}

// job says what the server is to run. Notifications of the job carry index.
func (m *measurement) job(task int64, input string, index int) jobParams {
	return jobParams{
		Name: m.name(), Args: m.args, Task: task,
		Category: m.compressor, Size: m.size, Timeout: m.timeout,
		Stdin: input, Stdout: toFile{m.output}, Stderr: "pipe",
		Params: index,
	}
}

// notified keeps the records, and tells of the progress.
func (b *benchmark) notified(method string, n notification) {
	switch {
	case n.Kind == kindTask && method == onFinish:
		b.tasks = append(b.tasks, n.record)
	case n.Kind == kindJob && method == onStart:
		b.progress.started(n)
	case n.Kind == kindJob && method == onFinish:
		if n.Params != nil && *n.Params >= 0 && *n.Params < len(b.results) {
			b.results[*n.Params].finish(n.record)
		}
		b.progress.finished(n)
	}
}

// finish keeps a job's end, and the size of its output while that is there.
func (r *result) finish(end record) {
	r.finished, r.end = true, end
	if !toSucceed.met(end) {
		return
	}
	if info, err := os.Stat(r.output); err == nil {
		r.bytes = info.Size()
	}
}

// surprises are the ways in which the benchmark did not go as planned; none if all is well.
func (o *outcome) surprises() (list []string) {
	for _, r := range o.results {
		switch {
		case !r.finished:
			list = append(list, fmt.Sprintf("%s: no end was reported", r.name()))
		case !r.expected.met(r.end):
			list = append(list, fmt.Sprintf("%s: %s", r.name(), r.ending()))
		case r.expected == toSucceed && r.bytes == 0:
			list = append(list, fmt.Sprintf("%s: succeeded without a result", r.name()))
		}
	}
	if !o.total.Completed || o.total.Done+o.total.Failed != len(o.results) {
		list = append(list, fmt.Sprintf("join counts %d done and %d failed, completed: %v, of %d jobs",
			o.total.Done, o.total.Failed, o.total.Completed, len(o.results)))
	}
	return list
}

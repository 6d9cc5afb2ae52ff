"""Jobs whose output is captured: a line, and a megabyte."""

from __future__ import annotations

import functools

from harness import programs
from harness.lab import Lab
from harness.programs import Program
from harness.row import Row

WIDTH = 2
CAPTURED = Program("expool-rpc, captured", functools.partial(programs.ours, stdout="pipe", stderr="pipe"))
DISCARDED = Program("expool-rpc, discarded", programs.ours, own=True)
GO_LOOP = Program("os/exec loop in Go, captured", lambda *run: programs.go_loop(*run, "-capture"))
FUTURES = Program("concurrent.futures with subprocess, captured", programs.library("futures", "--capture"))
PARALLEL = Program("GNU parallel, captured", programs.parallel, few=40, peer=True)


def line(lab: Lab) -> tuple[str, ...]:
    return ("/bin/echo", "a line of output")


def megabyte(lab: Lab) -> tuple[str, ...]:
    return (lab.tool("work"), "print", "1000000")


def row(name: str, title: str, n: int, command, bound: str) -> Row:
    sides = tuple(programs.side(p, n, WIDTH, lambda n, seconds: n / seconds, command) for p in (CAPTURED, DISCARDED, GO_LOOP, FUTURES, PARALLEL))
    return Row(name=name, title=title, unit="jobs/s", sides=sides, bound=bound, short=True,
               about=f"{WIDTH} workers. What is captured comes back in the record, as JSON; the server writes it to /dev/null.")


ROWS = (
    row("capture-line", "Jobs with a captured line of output", 800, line,
        "fork and exec, as with no-op jobs; two pipes for each job, and a poll more in the guardian."),
    row("capture-megabyte", "Jobs with a captured megabyte of output", 80, megabyte,
        "copying: through the job's pipe, from the guardian to the server, and into JSON, where each byte is looked at. The rivals hand on no JSON."),
)

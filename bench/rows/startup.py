"""How long a host waits for a server that it starts."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from harness.lab import Lab
from harness.row import Goal, Row, Side
from harness.server import job, request

STARTS = 20


def first_line(command: list[str], line: str = "", awaited: bytes = b"") -> float:
    """Milliseconds from the start of a process to its first line, or the first with what is awaited."""
    start = time.monotonic()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        process.stdin.write(line.encode())
        process.stdin.flush()
        if not any(awaited in answer for answer in process.stdout):
            raise RuntimeError(f"{command[0]} ended without an answer")
        took = time.monotonic() - start
        process.stdin.close()
        process.stdout.read()
    return 1000 * took


def often(lab: Lab, *first: object) -> float:
    return statistics.median(first_line(*first) for _ in range(lab.size(STARTS)))


def first_reply(lab: Lab) -> float:
    return often(lab, [lab.server], request(1, "status"))


def first_job(lab: Lab) -> float:
    return often(lab, [lab.server], request(1, "execute", **job("/bin/true")), b"onfinish")


REPLY = "expool-rpc, its first reply"
ROWS = (Row(
    name="startup",
    title="From the start of the server to its first reply",
    unit="ms",
    less=True,
    sides=(
        Side(REPLY, first_reply),
        Side("expool-rpc, the end of its first job", first_job, own=True),
        Side("a Go program that prints a line", lambda lab: often(lab, [lab.tool("spawn-go"), "hello"])),
        Side("Python that prints a line", lambda lab: often(lab, [sys.executable, "-S", "-c", "print()"])),
    ),
    goals=(Goal(REPLY, at_most=10),),
    about=f"A client writes `status` and reads a line; each sample is the median of {STARTS} starts.",
    bound="fork and exec of the client, the Go runtime's start, and looking at what the host gives (cgroups, topology).",
    short=True,
),)

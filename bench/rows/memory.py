"""Memory for each job that is queued, running, or finished and kept."""

from __future__ import annotations

import time

from harness.lab import Lab
from harness.row import Goal, Row, Side
from harness.server import Server, job, pss

QUEUED, RUNNING, FINISHED = 100_000, 64, 50_000
SETTLED, PATIENCE = 3, 60  # seconds


def settled(server: Server) -> int:
    """The memory of the server and its guardians when it has not changed by a thousandth for a while."""
    last, since = pss(server.processes()), time.monotonic()
    end = since + PATIENCE
    while time.monotonic() < min(since + SETTLED, end):
        time.sleep(0.2)
        now = pss(server.processes())
        if abs(now - last) > last / 1000:
            last, since = now, time.monotonic()
    return last


def queued(lab: Lab) -> float:
    with Server(lab, "--workers=1") as server:
        server.execute(1, job("/bin/sleep", "1000"))
        before = settled(server)
        server.execute(QUEUED, job("/bin/true"))
        return (settled(server) - before) / QUEUED


def running(lab: Lab) -> float:
    with Server(lab, f"--workers={RUNNING}") as server:
        server.call("status")
        before = settled(server)
        server.execute(RUNNING, job("/bin/sleep", "1000"))
        server.until("running", RUNNING)
        return (settled(server) - before) / RUNNING


def finished(lab: Lab) -> float:
    with Server(lab, "--workers=1", f"--history={FINISHED}") as server:
        before = settled(server)
        server.execute(FINISHED, job())
        server.call("join")
        return (settled(server) - before) / FINISHED


ROWS = (Row(
    name="memory",
    title="Memory for each job",
    unit="bytes",
    compare=False,
    sides=(
        Side(f"queued, of {QUEUED:,}", queued, rounds=3),
        Side(f"running, of {RUNNING}, with its guardian", running, rounds=3),
        Side(f"finished and kept, of {FINISHED:,}, with its events", finished, rounds=3),
    ),
    goals=(Goal(f"queued, of {QUEUED:,}", at_most=1000),),
    about="The proportional set size (PSS) of the server and its guardians, once it has settled, less that before; the jobs' own processes do not count.",
    bound="For a queued job what was asked for, and the slack of Go's garbage collector, which keeps up to as much again; for a running job its guardian, a process with the Go runtime in it.",
),)

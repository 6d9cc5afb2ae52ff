"""What a server does while nothing happens."""

from __future__ import annotations

import time

from harness.lab import Lab
from harness.row import Goal, Row, Side
from harness.server import Server, activity, job

QUEUED, RUNNING = 100_000, 16
QUIET, STRETCH = 2, 10  # seconds: before the measurement, and of it

CPU, WAKES = "CPU, µs in a second", "wake-ups in a second"


def stretch(server: Server, name: str) -> dict[str, float]:
    """What the server and its guardians do in a while in which nobody asks anything."""
    time.sleep(QUIET)
    cpu, wakes = activity(server.processes())
    start = time.monotonic()
    time.sleep(STRETCH)
    seconds = time.monotonic() - start
    cpu_after, wakes_after = activity(server.processes())
    return {f"{name}: {CPU}": (cpu_after - cpu) * 1e6 / seconds, f"{name}: {WAKES}": (wakes_after - wakes) / seconds}


def queued(lab: Lab) -> dict[str, float]:
    with Server(lab, "--workers=1") as server:
        server.execute(QUEUED, job("/bin/sleep", "1000"))
        return stretch(server, QUEUE)


def limited(lab: Lab) -> dict[str, float]:
    with Server(lab, f"--workers={RUNNING}", "--memlimit=1GB") as server:
        server.execute(RUNNING, job("/bin/sleep", "1000", memlim="100MB"))
        server.until("running", RUNNING)
        return stretch(server, LIMIT)


QUEUE, LIMIT = f"{QUEUED:,} queued, 1 running", f"{RUNNING} running under memory limits"
ROWS = (Row(
    name="idle",
    title="An idle server",
    unit="",
    compare=False,
    rounds=6,
    sides=(Side(QUEUE, queued), Side(LIMIT, limited)),
    goals=(Goal(f"{QUEUE}: {CPU}", at_most=1000), Goal(f"{QUEUE}: {WAKES}", at_most=1), Goal(f"{LIMIT}: {CPU}", at_most=1000)),
    about=f"CPU time (the scheduler's account, in ns) and voluntary context switches of all threads of the server and its guardians in {STRETCH} s without a "
    "message. A thousand µs in a second, a tenth of a percent of a CPU, is taken as the least that can be measured from outside.",
    bound="Nothing is polled while nothing is limited: what is left is the Go runtime's own. Under memory limits each job is looked at every half a second, or when its growth asks for it.",
),)

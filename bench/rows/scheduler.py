"""The scheduler alone, without processes, the wire or the clock."""

from __future__ import annotations

import re
import subprocess

from harness.lab import Lab
from harness.row import Row, Side

SIZES = (1_000, 10_000, 100_000, 1_000_000)


def events(lab: Lab) -> dict[str, float]:
    """Events in a second, from Go's own benchmark of the package, by the number of jobs."""
    sizes = SIZES[:3] if lab.short else SIZES
    wanted = "^BenchmarkEvent$/^jobs=(" + "|".join(map(str, sizes)) + ")$"
    command = [lab.tool("sched.test"), "-test.run=^$", f"-test.bench={wanted}", f"-test.benchtime={'0.05s' if lab.short else '0.3s'}"]
    out = subprocess.run(command, check=True, text=True, capture_output=True, cwd=lab.scratch).stdout
    costs = {int(jobs): float(cost) for jobs, cost in re.findall(r"jobs=(\d+)\S*\s.*?([\d.]+) ns/event", out)}
    return {figure(n): 1e9 / costs[n] for n in sizes}


def figure(jobs: int) -> str:
    return f"{jobs:,} jobs"


ROWS = (Row(
    name="scheduler",
    title="The scheduler alone",
    unit="events/s",
    sides=(Side("go test", events, rounds=5),),
    ours=figure(SIZES[2]),
    about="`go test -bench Event ./pool/sched`: all jobs are queued, started and ended in virtual time, on 10,000 workers, with timeouts and categories; a tenth of them break "
    "their timeouts.",
    bound="Heaps and maps that no longer fit into the caches: the cost of an event depends on the number of jobs by its logarithm.",
    short=True,
),)

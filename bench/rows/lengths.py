"""Jobs of 1, 10 and 100 ms: how much of the time they leave to the pool is lost."""

from __future__ import annotations

import os
from typing import Callable

from harness import programs
from harness.lab import Lab
from harness.row import Row

CPUS = len(os.sched_getaffinity(0))
PROGRAMS = (programs.EXPOOL, programs.C_LOOP, programs.GO_LOOP, programs.XARGS, programs.FUTURES, programs.PARALLEL,
            programs.PYEXPOOL_TUNED, programs.PYEXPOOL)


def efficiency(milliseconds: int, width: int) -> Callable[[int, float], float]:
    return lambda n, seconds: 100 * n * milliseconds / 1000 / width / seconds


def command(kind: str, milliseconds: int) -> Callable[[Lab], tuple[str, ...]]:
    return lambda lab: (lab.tool("work"), kind, str(milliseconds))


def row(kind: str, milliseconds: int, width: int, jobs: int, bound: str) -> Row:
    sides = tuple(programs.side(p, jobs * width, width, efficiency(milliseconds, width), command(kind, milliseconds)) for p in PROGRAMS)
    verb = {"burn": "use a CPU for", "sleep": "sleep for"}[kind]
    return Row(name=f"{kind}-{milliseconds}", title=f"Jobs that {verb} {milliseconds} ms, {width} at once", unit="% of the ideal", sides=sides,
               about="The ideal is the number of jobs x their length / workers: starting a process takes no time in it.", bound=bound,
               short=(kind, milliseconds) == ("burn", 10))


BURN = "the CPUs: what starting a process takes (see the C loop), and what the pool takes, is added to each job."
SLEEP = "the CPUs, as long as starting 8 processes takes longer than a job; else the timer, and the latency of each start."
ROWS = tuple(row(kind, length, width, jobs, bound) for kind, width, bound in (("burn", CPUS, BURN), ("sleep", 8, SLEEP))
             for length, jobs in ((1, 400), (10, 120), (100, 12)))

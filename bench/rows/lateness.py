"""How late jobs end after their deadlines."""

from __future__ import annotations

import os
import subprocess

from harness.lab import Lab
from harness.row import Goal, Row, Side
from harness.server import Server, job

JOBS, WORKERS = 200, 8


def deadlines(lab: Lab, name: str) -> dict[str, float]:
    """Milliseconds from the timeout to the end of the main process: half, 99% and all of the jobs are not later."""
    with Server(lab, f"--workers={WORKERS}") as server:
        jobs = [job("/bin/sleep", "1000", timeout=(50 + i % 50) / 1000) for i in range(JOBS)]
        server.call("execute", jobs=jobs)
        server.call("join")
        records = server.records
    if {r["reason"] for r in records} != {"timeout"} or len(records) != JOBS:
        raise RuntimeError("not all jobs broke their timeouts")
    late = sorted(1000 * (r["duration"] - jobs[r["job"] - 1]["timeout"]) for r in records)
    return {f"{name}: p50": late[JOBS // 2], f"{name}: p99": late[JOBS * 99 // 100 - 1], f"{name}: max": late[-1]}


def loaded(lab: Lab) -> dict[str, float]:
    burn = [lab.tool("work"), "burn", "1000000"]
    burners = [subprocess.Popen(burn) for _ in range(len(os.sched_getaffinity(0)))]
    try:
        return deadlines(lab, LOADED)
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


IDLE, LOADED = "idle machine", "all CPUs busy"
ROWS = (Row(
    name="lateness",
    title="Lateness of deadlines",
    unit="ms",
    compare=False,
    sides=(Side(IDLE, lambda lab: deadlines(lab, IDLE)), Side(LOADED, loaded)),
    goals=(Goal(f"{LOADED}: p99", at_most=20),),
    about=f"{JOBS} jobs that sleep, {WORKERS} at once, with timeouts from 50 to 99 ms: the duration in the record less the timeout. For the load, a process for "
    "each CPU that does nothing but count.",
    bound="The kernel's scheduler: a deadline takes the server, the guardian and the job, one after the other, each of which has to get a CPU.",
),)

"""What the server's presence does to a job that is measured: one that notices whatever shares its caches."""

from __future__ import annotations

import subprocess

from harness.lab import Lab
from harness.machine import cache_sizes
from harness.row import Missing, Row, Side
from harness.server import Server, job

MILLISECONDS = 300


def command(lab: Lab, size: int) -> list[str]:
    return [lab.tool("chase"), str(size), str(lab.size(MILLISECONDS))]


def working_set(level: int) -> int:
    """Half of a cache: what fits if nobody else uses it."""
    sizes = cache_sizes()
    if level not in sizes:
        raise Missing(f"the kernel tells of no L{level} cache")
    return sizes[level] // 2


def alone(lab: Lab, level: int) -> float:
    return float(subprocess.run(command(lab, working_set(level)), check=True, text=True, capture_output=True).stdout)


def as_job(lab: Lab, level: int, *flags: str, beside: bool = False) -> float:
    with Server(lab, "--workers=2", *flags) as server:
        if beside:
            server.execute(1, job("/bin/sleep", "1000", memlim="100MB"))
            server.until("running", 1)
        return float(server.call("execute", **job(*command(lab, working_set(level)), stdout="pipe", wait=True))["stdout"])


ALONE = "alone"
LIMITED = "as a job, beside one under memory limits"


def row(level: int, **more) -> Row:
    return Row(
        name=f"presence-l{level}",
        title=f"A measured job that uses half of the L{level} cache",
        unit="steps/µs",
        ours=LIMITED,
        only_compare=(ALONE,),
        sides=(
            Side(ALONE, lambda lab: alone(lab, level)),
            Side("as a job", lambda lab: as_job(lab, level)),
            Side(LIMITED, lambda lab: as_job(lab, level, "--memlimit=4GB", beside=True)),
        ),
        about="A program that follows pointers in random order, measures itself, and starts after its memory is warm; alone, and run by the server with its output captured.",
        bound="Looks at memory, each half a second, of a few dozen µs; the server and its guardians sleep otherwise.",
        **more,
    )


ROWS = (row(2, short=True), row(3))

"""What accounting, affinity and memory limits cost, as no-op jobs per second with them and without."""

from __future__ import annotations

import os
from typing import Callable

from harness.lab import Lab
from harness.row import Goal, Row, Side
from harness.server import filtered, job, need_cgroups, plain_user, timed, write

JOBS, WIDTH = 800, min(2, len(os.sched_getaffinity(0)))


def rate(*flags: str, need: Callable[[Lab], None] = lambda lab: None, plain: bool = False, **fields: object) -> Callable[[Lab], float]:
    def run(lab: Lab) -> float:
        need(lab)
        n = lab.size(JOBS)
        return n / filtered(lab, write(lab, n, job("/bin/true", **fields)), f"--workers={WIDTH}", *flags, **(plain_user() if plain else {}))
    return run


def c_loop(*flags: str) -> Callable[[Lab], float]:
    def run(lab: Lab) -> float:
        n = lab.size(JOBS)
        return n / timed([lab.tool("spawn"), *flags, str(n), str(WIDTH), "/bin/true"], **plain_user())
    return run


def row(name: str, title: str, sides: tuple[Side, ...], ours: str, **more) -> Row:
    return Row(name=name, title=title, unit="jobs/s", rounds=25, sides=sides, ours=ours, short=True, **more)


USAGE, NO_USAGE = "C loop, wait4 with the usage added up", "C loop, waitpid"
CGROUPS, NO_CGROUPS = "in cgroups", "without cgroups (--no-cgroup)"
ROWS = (
    row("accounting-user", "Accounting as a plain user", (Side(USAGE, c_loop("-a")), Side(NO_USAGE, c_loop()),
                                                         Side("expool-rpc, which always accounts", rate(plain=True))), USAGE,
        only_compare=(NO_USAGE,), goals=(Goal(NO_USAGE, at_least=0.97, ratio=True),),
        about="As a plain user, without cgroups. The server can't be told not to account: what it tells of CPU time, memory and I/O comes with the exit status from wait4. So it is the C loop that does so, or does not.",
        bound="wait4 copies 144 bytes more than waitpid."),
    row("accounting-cgroups", "Accounting with cgroups", (Side(CGROUPS, rate(need=need_cgroups)), Side(NO_CGROUPS, rate("--no-cgroup")),
                                                         Side("in cgroups, with the memory of the whole tree (memkind 2, a limit)",
                                                              rate(need=need_cgroups, memkind=2, memlim="1GB"))), CGROUPS,
        only_compare=(NO_CGROUPS,), goals=(Goal(NO_CGROUPS, at_least=0.85, ratio=True),),
        about="As the user who runs the benchmark, where the host gives cgroups to that user.",
        bound="The kernel: a fork into a cgroup takes its locks, and looks at more controllers."),
    row("affinity", "Affinity", (Side("a thread for each job", rate("--affinity=thread")), Side("without affinity", rate())), "a thread for each job",
        about="`--affinity=thread`: each worker's jobs stay on a CPU of their own.",
        bound="Two jobs on different CPUs can't make place for each other or for the server: what is lost is balance; setting the mask takes a microsecond."),
    row("memory-limits", "Memory limits", (Side("a limit for the pool and each job", rate("--memlimit=4GB", memlim="100MB")), Side("without limits", rate())),
        "a limit for the pool and each job", about="`--memlimit=4GB`, and `memlim` 100 MB for each job (memkind 1: the heaviest of its processes).",
        bound="A look at /proc for those that live long enough to be looked at, and the bookkeeping of what a category uses."),
)

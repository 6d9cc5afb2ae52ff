"""Programs that run a command many times: expool-rpc, and those that it is compared with.

Command-line programs are timed from their start to their exit. Libraries are timed by a small loop (bench/peers) from the first submission to the last
end, so that starting Python does not count.
"""

from __future__ import annotations

import functools
import subprocess
from typing import IO, Callable, NamedTuple, Tuple

from .lab import Lab
from .row import Side
from .server import filtered, job, timed, write

# The seconds that a program takes for n runs of a command, so many at once.
Seconds = Callable[[Lab, int, int, Tuple[str, ...]], float]


class Program(NamedTuple):
    name: str
    seconds: Seconds
    few: int = 0  # at most so many jobs for each worker, for a slow one; 0: no bound
    peer: bool = False
    rounds: int = 0
    own: bool = False


def ours(lab: Lab, n: int, width: int, command: tuple[str, ...], *flags: str, listed: bool = False, **fields: object) -> float:
    return filtered(lab, write(lab, n, job(*command, **fields), listed), f"--workers={width}", *flags)


def without_cgroups(lab: Lab, n: int, width: int, command: tuple[str, ...]) -> float:
    return ours(lab, n, width, command, "--no-cgroup")


def c_loop(lab: Lab, n: int, width: int, command: tuple[str, ...]) -> float:
    return timed([lab.tool("spawn"), str(n), str(width), *command])


def go_loop(lab: Lab, n: int, width: int, command: tuple[str, ...], *first: str) -> float:
    return timed([lab.tool("spawn-go"), *first, str(n), str(width), *command])


def guardians(lab: Lab, n: int, width: int, command: tuple[str, ...]) -> float:
    return timed([lab.tool("guardians"), str(n), str(width), *command])


def items(lab: Lab, n: int) -> IO[str]:
    """A file with a line for each run; the programs that read it add nothing of it to the command."""
    path = lab.scratch / f"items-{n}"
    path.write_text("x\n" * n)
    return open(path)


def xargs(lab: Lab, n: int, width: int, command: tuple[str, ...]) -> float:
    with items(lab, n) as lines:
        return timed(["xargs", "-I", "{}", "-P", str(width), *command], stdin=lines)


def parallel(lab: Lab, n: int, width: int, command: tuple[str, ...]) -> float:
    with items(lab, n) as lines:
        return timed([lab.command("parallel"), "-N0", f"-j{width}", *command], stdin=lines)


def runexec(lab: Lab, n: int, width: int, command: tuple[str, ...]) -> float:
    program = lab.python("benchexec").replace("/python", "/runexec")
    return c_loop(lab, n, width, (program, "--no-container", "--quiet", "--output", "/dev/null", "--", *command))


def library(peer: str, *first: str) -> Seconds:
    """A loop of bench/peers, which prints the seconds that it took as its last line."""
    def seconds(lab: Lab, n: int, width: int, command: tuple[str, ...]) -> float:
        done = subprocess.run([*lab.peer(peer), *first, str(n), str(width), *command], check=True, text=True, capture_output=True,
                              stdin=subprocess.DEVNULL, cwd=lab.scratch)
        return float(done.stdout.split()[-1])
    return seconds


EXPOOL = Program("expool-rpc, a request for each job", ours)
EXPOOL_LIST = Program("expool-rpc, one list of jobs", functools.partial(ours, listed=True), own=True)
EXPOOL_PLAIN = Program("expool-rpc --no-cgroup, as for a plain user", without_cgroups, own=True)
GUARDIANS = Program("its guardians alone, in a loop in Go", guardians, own=True)
C_LOOP = Program("posix_spawn loop in C", c_loop)
GO_LOOP = Program("bare spawn loop in Go", go_loop)
XARGS = Program("xargs -P", xargs)
FUTURES = Program("concurrent.futures with subprocess", library("futures"))
PARALLEL = Program("GNU parallel", parallel, few=40, peer=True)
HYPERQUEUE = Program("HyperQueue, a local server and worker", library("hyperqueue"), few=250, peer=True, rounds=3)
PYEXPOOL_TUNED = Program("PyExPool, latency 1 ms", library("pyexpool", "0.001"), few=200, peer=True)
PYEXPOOL = Program("PyExPool, its defaults", library("pyexpool", "0"), few=4, peer=True, rounds=3)
BENCHEXEC = Program("BenchExec's RunExecutor, in one process", library("benchexec"), few=8, peer=True, rounds=3)
RUNEXEC = Program("BenchExec's runexec, a command for each job", runexec, few=2, peer=True, rounds=3)

ALL = (EXPOOL, EXPOOL_LIST, EXPOOL_PLAIN, GUARDIANS, C_LOOP, GO_LOOP, XARGS, FUTURES, PARALLEL, HYPERQUEUE, PYEXPOOL_TUNED, PYEXPOOL, BENCHEXEC, RUNEXEC)


def side(program: Program, n: int, width: int, figure: Callable[[int, float], float], command: Callable[[Lab], Tuple[str, ...]]) -> Side:
    """A side of a row that turns the time for some jobs into a figure."""
    def run(lab: Lab) -> float:
        jobs = lab.size(n)
        if program.few:
            jobs = min(jobs, program.few * width)
        return figure(jobs, program.seconds(lab, jobs, width, command(lab)))
    return Side(program.name, run, peer=program.peer, rounds=program.rounds, own=program.own)

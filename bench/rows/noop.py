"""No-op jobs per second: what a pool costs, since /bin/true costs next to nothing itself."""

from harness import programs
from harness.row import Goal, Row


def rate(n: int, seconds: float) -> float:
    return n / seconds


def row(width: int) -> Row:
    return Row(
        name=f"noop-{width}",
        title=f"No-op jobs, {width} at once",
        unit="jobs/s",
        rounds=25,  # short ones: machines change their speed within seconds
        sides=tuple(programs.side(p, 1000, width, rate, lambda lab: ("/bin/true",)) for p in programs.ALL),
        goals=(
            Goal(programs.GO_LOOP.name, at_least=0.95, ratio=True),
            Goal(programs.XARGS.name, at_least=1, ratio=True),
            Goal(programs.PARALLEL.name, at_least=5, ratio=True),
            Goal(programs.PYEXPOOL.name, at_least=300, ratio=True, limit=programs.C_LOOP.name),
        ),
        about="`/bin/true` with its output discarded. The server reads its requests from a file and writes to /dev/null; its start and end count.",
        bound="fork, exec and exit in the kernel, and the dynamic loader: the C loop does nothing else. All of it takes the CPUs that the jobs need, so "
        "what the server and its guardians use is lost to the jobs where there are as many workers as CPUs. With one worker a job waits for the server's work on the one "
        "before it, which runs on the same CPU, with caches that the job has filled: the side with the guardians alone has no scheduler and no protocol, and is what remains. "
        "The loops keep no account of a tree. What a cgroup for the jobs of each worker costs is the row accounting-cgroups. PyExPool's defaults end a job a second for each "
        "worker: with 8 workers 300 times that is 2,400 jobs/s, which needs a machine whose bare loops reach it.",
        short=width == 2,
    )


ROWS = tuple(row(width) for width in (1, 2, 8))

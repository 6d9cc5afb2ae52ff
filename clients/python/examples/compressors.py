"""A small but real benchmark: compressors at several levels, on the sources of the Go toolchain.

    python3 examples/compressors.py [--workers N] [--bytes N] [--source FOLDER]

Each compressor is a task. Two jobs fail on purpose, so that the table shows how that looks: one that would work for
ever breaks its timeout, and one unpacks what was never packed. The exit status is 0 if exactly these two failed, else
1.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import multiprocessing
import shutil
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from expool_rpc import PIPE, ExecPool, Job, PoolError, Task, progress

PATIENCE = 300  # seconds for a job
IMPATIENCE = 1  # seconds for the one that would work for ever

# The slowest first: a long job that starts last would run alone at the end. Each keeps to one thread.
COMPRESSORS = {
    "xz": (["-T1"], [6, 3, 0]),
    "bzip2": ([], [9, 1]),
    "brotli": ([], [9, 5, 1]),
    "zstd": (["-q", "-T1"], [12, 3, 1]),
    "lz4": (["-q"], [12, 9, 1]),
    "gzip": ([], [9, 6, 1]),
}


@dataclasses.dataclass
class Measurement:
    """What the params of a job are: a row of the table."""

    compressor: str
    variant: str
    output: Path
    expected: str = "exited 0"

    def ended(self, job: Job) -> str:
        """How the job ended, as expected says it."""
        record = job.record
        assert record is not None
        return record.reason or "" if record.reason != "exited" else f"exited {record.code}"


def main() -> int:
    options = arguments()
    if options.act:
        return act(options.act, options.level, options.file)
    with tempfile.TemporaryDirectory(prefix="expool-demo-") as folder:
        source = Path(folder) / "input"
        files = assemble(options.source or go_sources(), source, options.bytes)
        size = source.stat().st_size
        print(f"input: {size:,} bytes of {files:,} Go files", flush=True)
        try:
            with ExecPool(options.workers, name="compressors") as pool:
                jobs = list(plan(source, Path(folder)))
                finished = list(progress(pool.run(jobs), total=len(jobs)))
                pool.join()  # nothing is left, but the tasks finish
        except PoolError as error:
            print(error, file=sys.stderr)
            return 1
        print_table(sorted(finished, key=jobs.index), size)
        print_tasks(pool.tasks)
    surprises = [job for job in finished if job.params.ended(job) != job.params.expected]
    print(f"{len(finished) - len(pool.failures)} done, {len(pool.failures)} failed, 2 of them on purpose")
    for job in surprises:
        print(f"NOT AS EXPECTED: {job}: {job.params.ended(job)}, {job.pipederr}", file=sys.stderr)
    return 1 if surprises else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=max(multiprocessing.cpu_count() - 1, 1))
    parser.add_argument("--bytes", type=int, default=8 << 20, help="the size of the input (8 MiB)")
    parser.add_argument("--source", type=Path, help="a folder with .go files (Go's own sources)")
    parser.add_argument("--act", choices=["pack", "pack-for-ever", "unpack"], help=argparse.SUPPRESS)
    parser.add_argument("--level", type=int, default=6, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def plan(source: Path, folder: Path) -> Iterator[Job]:
    """The jobs: those of the compressors that this machine has, and those of this program as one."""
    for name, (flags, levels) in COMPRESSORS.items():
        if shutil.which(name):
            task = Task(name)
            for level in levels:
                yield measure(task, folder, str(level), level, [name, *flags, "-c", f"-{level}", str(source)])
    task = Task("zlib")
    this = [sys.executable, __file__, "--file", str(source), "--act"]
    for level in (9, 6, 1):
        yield measure(task, folder, str(level), level, [*this, "pack", "--level", str(level)])
    # Chained termination ends those at least as heavy as the one that broke its timeout: this one is the heaviest.
    endless = measure(task, folder, "endless", 20, [*this, "pack-for-ever"])
    endless.timeout, endless.params.expected = IMPATIENCE, "timeout"
    yield endless
    unpack = measure(task, folder, "unpack", 1, [*this, "unpack"])
    unpack.params.expected = "exited 1"
    yield unpack


def measure(task: Task, folder: Path, variant: str, level: int, command: list[str]) -> Job:
    """A job whose output is measured."""
    measurement = Measurement(task.name, variant, folder / f"{task.name}-{variant}")
    return Job(
        f"{task.name} {variant}",
        args=command,
        timeout=PATIENCE,
        task=task,
        params=measurement,
        category=task.name,
        size=level + 1,
        stdout=str(measurement.output),
        stderr=PIPE,
    )


def print_table(jobs: list[Job], size: int) -> None:
    row = "{:<10} {:>8} {:>8} {:>8} {:>9} {:<10} {:>13} {:>6}".format
    print(row("compressor", "level", "wall s", "CPU s", "peak MiB", "ended", "result bytes", "ratio"))
    for job in jobs:
        record, measurement = job.record, job.params
        assert record is not None
        packed = measurement.output.stat().st_size if job.succeeded else 0
        cpu = (record.cputime.user or 0) + (record.cputime.sys or 0)
        mark = "" if measurement.expected == "exited 0" else "*"
        print(
            row(
                measurement.compressor,
                mark + measurement.variant,
                f"{record.duration or 0:.2f}",
                f"{cpu:.2f}",
                f"{(record.mempeak.bytes or 0) / (1 << 20):.1f}",
                measurement.ended(job),
                f"{packed:,}" if packed else "-",
                f"{size / packed:.2f}" if packed else "-",
            )
        )
    print("* fails on purpose\n")


def print_tasks(tasks: set[Task]) -> None:
    for task in sorted(tasks, key=lambda task: task.name):
        spent = (task.tstop or 0) - (task.tstart or 0)
        print(f"{task.name:<10} {task.numdone} of {task.numadded} in {spent:.2f} s")


def go_sources() -> Path:
    """The folder of the Go toolchain's own sources."""
    try:
        root = subprocess.run(["go", "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"asking go env GOROOT where Go's sources are: {error}; name a folder with --source") from None
    return Path(root) / "src"


def assemble(source: Path, target: Path, limit: int) -> int:
    """Write the .go files of a folder into one file, up to limit bytes; how many there were."""
    files = 0
    with target.open("wb") as out:
        for path in sorted(source.rglob("*.go")):
            if out.tell() >= limit:
                break
            out.write(path.read_bytes()[: limit - out.tell()])
            files += 1
    if not files:
        raise SystemExit(f"there are no .go files in {source}: name another folder with --source")
    return files


def act(what: str, level: int, file: Path) -> int:
    """Be the compressor that every machine has."""
    data = file.read_bytes()
    if what == "unpack":
        try:
            zlib.decompress(data)
        except zlib.error as error:
            print(f"unpacking {file}: {error}", file=sys.stderr)
            return 1
    for _ in itertools.count() if what == "pack-for-ever" else range(1):
        packed = zlib.compress(data, level)
    sys.stdout.buffer.write(packed)
    return 0


if __name__ == "__main__":
    sys.exit(main())

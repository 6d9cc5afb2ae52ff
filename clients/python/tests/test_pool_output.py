"""Where the output of jobs goes."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from expool_rpc import DEVNULL, PIPE, STDOUT, ExecPool, Job
from support import run_python

BOTH = ("sh", "-c", "echo out; echo err >&2")


@pytest.fixture
def pool() -> Iterator[ExecPool]:
    with ExecPool(1) as pool:
        yield pool


def executed(pool: ExecPool, job: Job) -> Job:
    pool.execute(job)
    assert pool.join()
    return job


def test_pipes_are_captured_as_text(pool: ExecPool) -> None:
    seen = []
    job = executed(pool, Job("a", args=BOTH, stdout=PIPE, stderr=PIPE, ondone=lambda job: seen.append(job.pipedout)))
    assert (job.pipedout, job.pipederr, seen) == ("out\n", "err\n", ["out\n"])
    assert job.proc
    assert job.proc.communicate() == (b"out\n", b"err\n")


def test_the_error_goes_where_the_output_goes(pool: ExecPool) -> None:
    assert executed(pool, Job("a", args=BOTH, stdout=PIPE, stderr=STDOUT)).pipedout == "out\nerr\n"


def test_output_is_discarded(pool: ExecPool) -> None:
    job = executed(pool, Job("a", args=BOTH, stdout=DEVNULL, stderr=os.devnull))
    assert (job.pipedout, job.pipederr) == (None, None)


def test_files_are_appended_after_a_line_with_the_time(pool: ExecPool, tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "log"
    for _ in range(2):
        executed(pool, Job("a", args=("echo", "text"), stdout=str(path)))
    first, time, second = path.read_text().splitlines()
    assert (first, time[:2], second) == ("text", "# ", "text")


def test_open_files_are_written_to(pool: ExecPool, tmp_path: Path) -> None:
    with open(tmp_path / "log", "w", encoding="utf-8") as file:
        executed(pool, Job("a", args=("echo", "text"), stdout=file))
    assert (tmp_path / "log").read_text() == "text\n"


def test_captured_output_is_logged(pool: ExecPool, tmp_path: Path) -> None:
    for _ in range(2):
        log, errors = str(tmp_path / "new" / "log"), str(tmp_path / "errors")
        executed(pool, Job("a", args=("echo", "text"), stdout=PIPE, stderr=PIPE, poutlog=log, perrlog=errors))
    first, time, second = Path(log).read_text().splitlines()
    assert (first, time[:2], second) == ("text", "# ", "text")
    assert not Path(errors).exists()


def test_the_hosts_own_streams_are_inherited_even_when_redirected(tmp_path: Path) -> None:
    script = """
        import contextlib, io, sys
        from expool_rpc import ExecPool, Job
        print("host")
        with ExecPool(1) as pool:
            pool.execute(Job("default", args=("echo", "default")))
            pool.execute(Job("none", args=("echo", "none"), stdout=None))
            with contextlib.redirect_stdout(io.StringIO()):
                pool.execute(Job("string", args=("echo", "string"), stdout=sys.stdout))
            with open(sys.argv[1], "w") as file, contextlib.redirect_stdout(file):
                pool.execute(Job("file", args=("echo", "file"), stdout=sys.stdout))
                pool.join()
    """
    out = run_python(script, str(tmp_path / "file"))
    assert out.splitlines() == ["host", "default", "none", "string"]
    assert (tmp_path / "file").read_text() == "file\n"


def test_a_lot_of_captured_output_does_not_grow_the_host(pool: ExecPool) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    job = executed(pool, Job("a", args=("head", "-c", "1000000000", "/dev/zero"), stdout=PIPE))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert job.record
    assert job.record.truncated
    assert job.record.truncated.stdout > 900_000_000
    assert grown < 200_000  # kB; the first and the last MiB, of which JSON makes more

"""Where the output of jobs goes."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import socket
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Callable

import pytest

from expool_rpc import DEVNULL, PIPE, STDOUT, ExecPool, InvalidParams, Job, PoolError, ServerDied, Task
from support import run_python, until

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


def test_an_open_file_has_what_the_program_writes_before_meanwhile_and_after(pool: ExecPool, tmp_path: Path) -> None:
    path, go = tmp_path / "log", tmp_path / "go"
    script = f"echo job; while [ ! -e '{go}' ]; do sleep 0.01; done; echo end"
    with open(path, "w", encoding="utf-8") as file:
        file.write("header\n")
        pool.execute(Job("a", args=("sh", "-c", script), stdout=file))
        until(lambda: "job" in path.read_text(), "what the job writes first")
        file.write("meanwhile\n")
        file.flush()
        go.touch()
        assert pool.join()
        file.write("footer\n")
        file.flush()
        lines = path.read_text().splitlines()
        file.seek(0)
        file.write("HEADER\n")
    assert (lines.pop(1)[:2], lines) == ("# ", ["header", "job", "meanwhile", "end", "footer"])
    assert path.read_text().startswith("HEADER\n# ")  # it does not append for ever


def test_an_open_file_that_stays_empty_is_kept(pool: ExecPool, tmp_path: Path) -> None:
    with open(tmp_path / "log", "w", encoding="utf-8") as file:
        executed(pool, Job("a", args=("true",), stdout=file))
        file.write("text\n")
    assert (tmp_path / "log").read_text() == "text\n"


@pytest.mark.parametrize("of_task", [False, True])
def test_a_file_that_is_closed_before_the_job_starts_gets_its_output(
    pool: ExecPool, tmp_path: Path, of_task: bool
) -> None:
    go = tmp_path / "go"
    pool.execute(Job("before", args=("sh", "-c", f"while [ ! -e '{go}' ]; do sleep 0.01; done")))
    with tempfile.TemporaryFile("w+") as file, open(os.dup(file.fileno()), encoding="utf-8") as twin:
        number = file.fileno()
        outputs: dict[str, Any] = {"task": Task("t", stdout=file)} if of_task else {"stdout": file}
        jobs = [Job(text, args=("echo", text), **outputs) for text in ("one", "two")]
        for job in jobs:
            pool.execute(job)
        file.close()
        with open(tmp_path / "precious", "w", encoding="utf-8") as other:
            assert other.fileno() == number
            go.touch()
            assert pool.join()
        twin.seek(0)
        lines = twin.read().splitlines()
    assert (lines.pop(1)[:2], lines) == ("# ", ["one", "two"])
    assert (tmp_path / "precious").read_text() == ""


def test_a_pipe_is_held_until_the_end_of_the_job(pool: ExecPool) -> None:
    reading, writing = os.pipe()
    pool.execute(Job("before", args=("true",)))
    pool.execute(Job("a", args=("echo", "text"), stdout=writing))
    os.close(writing)
    with open(reading, encoding="utf-8") as file:
        assert file.read() == "text\n"
    assert pool.join()


def test_one_duplicate_of_an_open_file_is_held_however_many_jobs_need_it(pool: ExecPool) -> None:
    with tempfile.TemporaryFile("w+") as file:
        before = set(os.listdir("/proc/self/fd"))
        jobs = [Job(str(n), args=("sleep", "1000"), stdout=file, stderr=file) for n in range(10)]
        for job in jobs:
            pool.execute(job)
        assert len(set(os.listdir("/proc/self/fd")) - before) == 1
        pool.cancel(jobs[0])
        until(lambda: jobs[0].finished, "the end of the first")
        assert set(os.listdir("/proc/self/fd")) > before
        pool.terminate()
        assert set(os.listdir("/proc/self/fd")) == before


def refuse(pool: ExecPool, file: IO[str]) -> None:
    pool.execute(Job("a", args=("true",), timeout=1e12, stdout=file))  # which only the server refuses
    with pytest.raises(ValueError, match="timeout"):
        pool.join()


def refuse_here(pool: ExecPool, file: IO[str]) -> None:
    with pytest.raises(ValueError, match="stderr is -77"):
        pool.execute(Job("a", args=("true",), stdout=file, stderr=-77))


def refuse_again(pool: ExecPool, file: IO[str]) -> None:
    job = Job("a", args=("sleep", "1000"), stdout=file)
    pool.execute(job)
    with pytest.raises(ValueError, match="scheduled already"):
        pool.execute(job)
    pool.cancel(job)
    pool.join()


def interrupt(pool: ExecPool, file: IO[str]) -> None:
    job = Job("a", args=("true",), stdout=file, task=Task("t"))
    assert pool._session
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool._session.connection, "call", raise_interrupt)
        with pytest.raises(KeyboardInterrupt):
            pool.execute(job)
    until(lambda: not pool._jobs, "the answer to a later call")


def raise_interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def lose(pool: ExecPool, file: IO[str]) -> None:
    pool.execute(Job("a", args=("sleep", "1000"), stdout=file))
    assert pool._session
    os.kill(pool._session.connection.pid, signal.SIGKILL)
    with pytest.raises(ServerDied):
        pool.join()


@pytest.mark.parametrize("end", [refuse, refuse_here, refuse_again, interrupt, lose])
def test_an_open_file_is_let_go_of_whatever_the_end(pool: ExecPool, end: Callable[[ExecPool, IO[str]], None]) -> None:
    with tempfile.TemporaryFile("w+") as file:
        end(pool, file)
        inode = os.fstat(file.fileno()).st_ino
        until(lambda: numbers_of(inode) == [file.fileno()], "the end of the duplicate")


def numbers_of(inode: int) -> list[int]:
    """The descriptors of this process that are open for a file."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            if os.fstat(int(name)).st_ino == inode:
                found.append(int(name))
    return found


def test_a_forked_process_closes_the_duplicates(pool: ExecPool) -> None:
    reading, writing = os.pipe()
    pool.execute(Job("a", args=("true",), stdout=writing))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks with threads
        child = os.fork()
    if child == 0:
        os._exit(len(numbers_of(os.fstat(writing).st_ino)))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2  # both ends
    os.close(reading)
    os.close(writing)
    assert pool.join()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change its user")
def test_open_files_of_a_process_that_has_changed_its_user_are_written_to(server: str) -> None:
    script = """
        import os, sys
        from expool_rpc import ExecPool, Job
        file = open("log", "w")
        os.chown("log", 65534, -1)
        os.chdir("/")
        os.setuid(65534)
        with ExecPool(1) as pool, file:
            pool.execute(Job("a", args=("echo", "text"), stdout=file))
            pool.join()
    """
    with tempfile.TemporaryDirectory() as folder:  # other users can't enter tmp_path
        os.chmod(folder, 0o755)
        run_python(script, cwd=folder, env={"EXPOOL_RPC": shutil.copy(server, folder)})
        assert (Path(folder) / "log").read_text() == "text\n"


def test_what_jobs_cannot_open_is_refused(pool: ExecPool) -> None:
    with (
        socket.socket() as sock,
        pytest.raises(InvalidParams, match=r"stderr is \d+, a socket .*: give a file or a pipe"),
    ):
        pool.execute(Job("a", args=("true",), stderr=sock.fileno()))


def test_too_many_open_files_are_an_error_that_says_so(pool: ExecPool) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with tempfile.TemporaryFile("w+") as file:
        resource.setrlimit(resource.RLIMIT_NOFILE, (file.fileno() + 1, hard))
        try:
            with pytest.raises(PoolError, match=r"stdout: .*Too many open files.*ulimit"):
                pool.execute(Job("a", args=("true",), stdout=file))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    executed(pool, Job("b", args=("true",)))


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

"""Wrong arguments are ValueErrors that name the argument and say what to give."""

from __future__ import annotations

import datetime
import functools
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Callable

import pytest

from expool_rpc import PIPE, AffinityMask, ExecPool, InvalidParams, Job, Task, progress, ramfracs, secondsToHms

INF, NAN = float("inf"), float("nan")


class Index:
    """An integer that is no int, like those of numpy."""

    def __init__(self, value: int) -> None:
        self._value = value

    def __index__(self) -> int:
        return self._value


class BytesPath:
    """A path in bytes, as os.scandir(b".") gives."""

    def __fspath__(self) -> bytes:
        return b"ls"

    def __repr__(self) -> str:
        return "BytesPath"


class Array(list):  # type: ignore[type-arg]
    """A sequence without a truth, like numpy's."""

    def __bool__(self) -> bool:
        raise ValueError("the truth value of an array is ambiguous")


@pytest.fixture(scope="module")
def pool() -> Iterator[ExecPool]:
    with ExecPool(2) as pool:
        yield pool


def refused(call: Callable[..., Any], name: str, problem: str = "is ") -> None:
    with pytest.raises(InvalidParams, match=f"^invalid params: {re.escape(name)} {re.escape(problem)}"):
        call()


@pytest.mark.parametrize("name", ["timeout", "startdelay", "size", "memlim", "slowdown", "memkind"])
@pytest.mark.parametrize("value", ["x", None, -1, INF, NAN, datetime.timedelta(1), [1]])
def test_a_job_refuses_what_is_no_number(name: str, value: Any) -> None:
    refused(lambda: Job("a", **{name: value}), name)


@pytest.mark.parametrize("name", ["memlimit", "vmlimit", "latency", "wksnum", "afnmask"])
@pytest.mark.parametrize("value", [b"x", -1, INF, NAN, [1]])
def test_a_pool_refuses_what_is_no_number(name: str, value: Any) -> None:
    refused(lambda: ExecPool(**{name: value}), name)


def test_a_pool_names_its_own_arguments_in_what_the_server_refuses() -> None:
    refused(lambda: ExecPool(10**9), "wksnum", "must be from 1 to")
    refused(lambda: ExecPool(1, "bogus"), "afnmask", "must be one of")
    refused(lambda: ExecPool(latency=5e9), "latency", "must be less than")  # the grace, which is three times that
    refused(lambda: AffinityMask("bogus")(0), "afnstep", "must be one of")


@pytest.mark.parametrize("step", [None, NAN, INF, [1], 0])
def test_a_mask_refuses_what_is_no_step(step: Any) -> None:
    refused(lambda: AffinityMask(step), "afnstep")


@pytest.mark.parametrize("name", ["onstart", "ondone", "onfinish"])
@pytest.mark.parametrize("value", [5, "abc", [print], False])
def test_a_callback_that_cannot_be_called_is_refused(name: str, value: Any) -> None:
    for kind in (Job, Task):
        refused(lambda kind=kind: kind("a", **{name: value}), name)


@pytest.mark.parametrize("name", ["workdir", "poutlog", "perrlog"])
@pytest.mark.parametrize("value", [5, b"/tmp", "a\0", ["x"], Path("a\0")])
def test_a_path_that_is_none_is_refused(name: str, value: Any) -> None:
    refused(lambda: Job("a", **{name: value}), name)


@pytest.mark.parametrize(
    ("args", "name", "problem"),
    [
        (5, "args", "is 5: give a list or tuple of str"),
        (b"ls", "args", "is bytes b'ls': give a list or tuple of str"),
        ((arg for arg in ["echo", 5]), "args[1]", "is 5: give a str, as in str(5)"),
        (("echo", "a\0b"), "args[1]", "is 'a\\x00b': no command can receive a NUL character"),
        ("a\0b", "args[0]", "is 'a\\x00b': no command"),
        ((Path("a\0b"),), "args[0]", "is PosixPath('a\\x00b'): no command"),
        (("", "x"), "args[0]", "is empty: give a command"),
        ([BytesPath()], "args[0]", "is BytesPath"),
    ],
)
def test_args_that_are_no_command_are_refused(pool: ExecPool, args: Any, name: str, problem: str) -> None:
    refused(lambda: pool.execute(Job("a", args=args)), name, problem)


def test_args_of_an_iterator_can_be_executed_twice(pool: ExecPool) -> None:
    job = Job("a", args=(arg for arg in ["echo", "x"]), stdout=PIPE)  # type: ignore[arg-type]
    for _ in range(2):
        pool.execute(job)
        assert pool.join()
        assert job.pipedout == "x\n"


@pytest.mark.parametrize("wrong", [["ls"], "ls", None, Task("t")])
def test_what_is_no_job_is_refused(pool: ExecPool, wrong: Any) -> None:
    for call in (pool.execute, pool.submit, pool.explain):
        refused(lambda call=call: call(wrong), "job")
    refused(lambda: list(pool.run([wrong])), "job")


def test_what_no_method_takes_is_refused(pool: ExecPool) -> None:
    wrong: Any
    for wrong in (None, "5", -1, NAN, INF):
        refused(lambda wrong=wrong: pool.join(wrong), "timeout")
        refused(lambda wrong=wrong: pool.process_events(wrong), "timeout")
    for wrong in (None, "x", ["ls"]):
        refused(lambda wrong=wrong: pool.cancel(wrong), "member", "is")
        refused(lambda wrong=wrong: pool.close(wrong), "task", "is")
    wrong = Job("a")
    refused(lambda: pool.close(wrong), "task", "is Job")
    wrong = 5
    refused(lambda: list(pool.run(wrong)), "jobs", "is 5: give")
    wrong = "x"
    refused(lambda: list(pool.run([], ahead=wrong)), "ahead", "is str 'x': give")
    refused(lambda: list(progress([], style=wrong)), "style", "is str 'x': give 'tqdm', 'rich', 'plain', or None")


def test_what_is_no_measure_is_refused() -> None:
    wrong: Any
    for wrong in (-1, "x", None, NAN):
        refused(lambda wrong=wrong: ramfracs(wrong), "fracsize")
        refused(lambda wrong=wrong: secondsToHms(wrong), "seconds")


def test_the_type_of_what_is_no_number_is_told() -> None:
    wrong: Any = "5"
    refused(lambda: Job("a", timeout=wrong), "timeout", "is str '5': give seconds, or 0 for none")
    refused(lambda: Job("a", timeout=-1), "timeout", "is -1: give")


def test_numbers_of_other_libraries_are_taken() -> None:
    number: Any = Index(2)
    job = Job("a", args=("true",), timeout=number, memkind=number, memlim=number, size=Fraction(1, 2))  # type: ignore[arg-type]
    assert (job.timeout, job.memkind, job.memlim, job.size) == (2, 2, 2, 0.5)
    with ExecPool(number, latency=number) as pool:
        assert pool._wkslim == 2
        pool.execute(job)
        assert pool.join(number)
        pool.process_events(Index(0))  # type: ignore[arg-type]


def test_a_log_that_cannot_be_written_is_reported_and_callbacks_are_called(
    pool: ExecPool, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    finished = []
    wrong: Any
    for wrong in (str(tmp_path), "\udcff\0", 5):
        job = Job("a", args=("echo", "x"), stdout=PIPE, onfinish=lambda job: finished.append(job.name))
        job.poutlog = wrong  # after it was checked
        pool.execute(job)
    assert pool.join()
    assert finished == ["a", "a", "a"]
    told = capsys.readouterr().err
    assert f'logging the output of "a" to {str(tmp_path)!r}: Is a directory' in told
    assert told.count("ERROR on logging") == 3


def test_a_name_cannot_break_the_line_of_the_progress(capsys: pytest.CaptureFixture[str]) -> None:
    jobs = [Job("a\nb\033[2J\udcff ä")]
    assert list(progress(jobs, style="plain")) == jobs
    assert "last: a\\nb\\x1b[2J\\udcff ä\n" in capsys.readouterr().err


@pytest.mark.parametrize("style", ["rich", "tqdm"])
def test_a_name_is_no_markup(style: str) -> None:
    jobs = [Job("[/x] [bold]")]
    assert list(progress(jobs, total=1, style=style)) == jobs


async def nothing(_: object) -> None: ...


@pytest.mark.parametrize("name", ["onstart", "ondone", "onfinish"])
@pytest.mark.parametrize("callback", [nothing, functools.partial(nothing)])
def test_a_coroutine_function_is_refused_as_a_callback(name: str, callback: Any) -> None:
    for kind in (Job, Task):
        with pytest.raises(InvalidParams, match=f"{name} is .*, which nothing would await: give a plain function"):
            kind("a", **{name: callback})


def test_args_without_a_truth_are_taken(pool: ExecPool) -> None:
    job, stub = Job("a", args=Array(("sh", "-c", "exit 3"))), Job("b", args=Array())
    for one in (job, stub):
        pool.execute(one)
    assert pool.join()
    assert (job.proc and job.proc.returncode, stub.proc, stub.reason) == (3, None, "exited")

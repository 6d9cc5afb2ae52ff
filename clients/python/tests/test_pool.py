"""ExecPool as PyExPool has it: execute, join, callbacks, limits."""

from __future__ import annotations

import errno
import functools
import io
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from expool_rpc import AffinityMask, ExecPool, InvalidParams, Job, Task, inGigabytes
from support import until

FOREVER = ("sleep", "1000")
TOO_LONG = 1e12  # seconds, which only the server refuses


@pytest.fixture
def pool() -> Iterator[ExecPool]:
    with ExecPool(2, latency=0.05) as pool:
        yield pool


class Calls(list[Any]):
    """Callbacks that note what was called."""

    def on(self, name: str) -> Any:
        return lambda owner: self.append((name, owner.name))


def test_a_job_runs_and_its_callbacks_are_called_in_order_in_the_thread_of_the_caller(pool: ExecPool) -> None:
    calls, threads = Calls(), set()

    def onstart(job: Job) -> None:
        threads.add(threading.get_ident())
        assert job.proc is None
        assert job.tstart is not None
        calls.append(("start", job.name))

    job = Job("a", args=("true",), onstart=onstart, ondone=calls.on("done"), onfinish=calls.on("finish"))
    assert pool.execute(job) == 0
    assert pool.join()
    assert calls == [("start", "a"), ("done", "a"), ("finish", "a")]
    assert threads == {threading.get_ident()}
    assert job.proc and job.proc.pid and job.proc.returncode == 0
    assert job.tstart and job.tstop and job.tstart < job.tstop
    assert (pool.jobsdone, pool.failures, job.terminates) == (1, [], 0)


def test_onstart_of_a_job_that_starts_at_once_is_called_by_execute(pool: ExecPool) -> None:
    calls = Calls()
    pool.execute(Job("a", args=FOREVER, onstart=calls.on("start")))
    assert calls == [("start", "a")]


def test_execute_does_not_wait_for_a_job_that_is_queued(pool: ExecPool) -> None:
    jobs = [Job(name, args=FOREVER, onstart=lambda _: None) for name in "abc"]
    for job in jobs:
        pool.execute(job)
    assert [job.state for job in jobs] == ["running", "running", "queued"]


def test_a_queued_job_starts_when_a_worker_is_free(pool: ExecPool, tmp_path: Path) -> None:
    calls, go = Calls(), tmp_path / "go"
    wait = ("sh", "-c", f"while [ ! -e '{go}' ]; do sleep 0.01; done")
    for name in "abc":
        pool.execute(Job(name, args=wait, onstart=calls.on("start")))
    assert len(pool._workers) == 2
    assert [job.name for job in pool._jobs] == ["c"]
    go.touch()
    assert pool.join()
    assert [name for _, name in calls] == ["a", "b", "c"]
    assert not pool._workers
    assert not pool._jobs


def test_ondone_is_called_after_success_only(pool: ExecPool) -> None:
    calls = Calls()
    for name, args in (("good", ("true",)), ("bad", ("false",)), ("missing", ("no such command",))):
        pool.execute(Job(name, args=args, ondone=calls.on("done"), onfinish=calls.on("finish")))
    assert pool.join()
    assert [name for call, name in calls if call == "done"] == ["good"]
    assert sorted(name for call, name in calls if call == "finish") == ["bad", "good", "missing"]
    assert {info.name: (info.code, info.reason) for info in pool.failures} == {
        "bad": (1, "exited"),
        "missing": (None, "start_failed"),
    }


def test_an_exception_in_onstart_discards_the_job(pool: ExecPool, capsys: pytest.CaptureFixture[str]) -> None:
    calls = Calls()

    def onstart(job: Job) -> None:
        raise RuntimeError("not today")

    job = Job("a", args=("true",), onstart=onstart, ondone=calls.on("done"), onfinish=calls.on("finish"))
    assert pool.execute(job) == -1
    assert pool.join()
    assert (job.reason, job.proc, calls) == ("rejected", None, [("finish", "a")])
    told = capsys.readouterr().err
    assert 'ERROR in onstart() of "a", the job is discarded' in told
    assert "RuntimeError: not today" in told


def test_an_exception_in_other_callbacks_is_reported_and_discarded(
    pool: ExecPool, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = Calls()

    def ondone(job: Job) -> None:
        raise RuntimeError("oh no")

    pool.execute(Job("a", args=("true",), ondone=ondone, onfinish=calls.on("finish")))
    assert pool.join()
    assert (pool.jobsdone, calls) == (1, [("finish", "a")])
    assert "RuntimeError: oh no" in capsys.readouterr().err


def test_a_callback_may_schedule_jobs_which_the_same_join_awaits(pool: ExecPool) -> None:
    names = []

    def ondone(job: Job) -> None:
        names.append(job.name)
        if len(names) < 5:
            pool.execute(Job(f"{job.name}+", args=("true",), onstart=lambda _: None, ondone=ondone))

    pool.execute(Job("a", args=("true",), ondone=ondone))
    assert pool.join(60)
    assert names == ["a", "a+", "a++", "a+++", "a++++"]


def test_join_in_a_callback_is_refused(pool: ExecPool, capsys: pytest.CaptureFixture[str]) -> None:
    pool.execute(Job("a", args=("true",), ondone=lambda _: pool.join()))
    assert pool.join()
    assert "join() in a callback would wait for itself" in capsys.readouterr().err


def test_a_timeout_ends_a_job_however_long_a_callback_takes(pool: ExecPool) -> None:
    late = Job("late", args=FOREVER, timeout=0.1)
    seen = []

    def slow(_: Job) -> None:
        until(lambda: late.finished, "the timeout, while a callback is busy")
        seen.append(late.reason)

    pool.execute(late)
    pool.execute(Job("quick", args=("true",), ondone=slow))
    assert pool.join()
    assert seen == ["timeout"]
    assert late.terminates == 1
    assert late.proc and late.proc.returncode == -15
    assert late.tstop and late.tstart and late.tstop - late.tstart >= 0.1


def test_a_job_restarts_on_timeout_and_calls_onstart_each_time(pool: ExecPool, tmp_path: Path) -> None:
    calls, flag = Calls(), tmp_path / "second"
    command = ("sh", "-c", f"[ -e '{flag}' ] && exit; touch '{flag}'; exec sleep 1000")
    job = Job("a", args=command, timeout=0.5, rsrtonto=True, onstart=calls.on("start"), onfinish=calls.on("finish"))
    pool.execute(job)
    assert pool.join()
    assert calls[0] == calls[1] == ("start", "a")
    assert calls.count(("finish", "a")) == 1
    assert job.succeeded


def test_join_ends_all_jobs_when_its_timeout_has_passed(pool: ExecPool) -> None:
    calls = Calls()
    for name in "abc":
        pool.execute(Job(name, args=FOREVER, onfinish=calls.on("finish")))
    assert pool.join(0.2) is False
    assert len(calls) == 3
    assert {info.reason for info in pool.failures} == {"pool_timeout"}
    assert not pool.alive
    assert pool.execute(Job("late", args=("true",))) == errno.EINTR


def test_a_terminated_pool_is_used_again_after_clear_or_alive(pool: ExecPool) -> None:
    pool.execute(Job("a", args=FOREVER))
    pool.terminate()
    assert not pool.alive
    pool.alive = True
    assert pool.execute(Job("b", args=("true",))) == 0
    assert pool.join()
    assert [info.reason for info in pool.failures] == ["terminated"]
    pool.alive = False
    pool.clear()
    assert (pool.alive, pool.failures, pool.jobsdone) == (True, [], 0)


def test_clear_while_jobs_run_is_refused(pool: ExecPool) -> None:
    pool.execute(Job("a", args=FOREVER))
    with pytest.raises(ValueError, match="1 jobs are under way"):
        pool.clear()


def test_join_without_jobs_is_false_as_in_pyexpool(pool: ExecPool) -> None:
    assert pool.join() is False
    pool.execute(Job("a", args=("true",)))
    assert pool.join() is True
    assert pool.join() is False


def test_a_synchronous_job_starts_beside_the_workers_and_gives_its_code(pool: ExecPool) -> None:
    calls = Calls()
    for name in "ab":
        pool.execute(Job(name, args=FOREVER))
    command = ("sh", "-c", "exit 7")
    job = Job("now", args=command, onstart=calls.on("start"), onfinish=calls.on("finish"))
    assert pool.execute(job, concur=False) == 7
    assert calls == [("start", "now"), ("finish", "now")]
    assert pool.execute(Job("v2", args=("true",)), **{"async": False}) == 0
    assert pool.execute(Job("missing", args=("no such command",)), False) == -1


def test_a_job_without_args_only_calls_its_callbacks(pool: ExecPool) -> None:
    for args in (None, ()):
        calls = Calls()
        pool.execute(Job("a", args=args, onstart=calls.on("start"), ondone=calls.on("done")))
        assert pool.join()
        assert calls == [("start", "a"), ("done", "a")]


def test_chained_jobs_end_with_the_one_that_broke_its_timeout(pool: ExecPool) -> None:
    lead = Job("lead", args=FOREVER, category="c", size=2, timeout=0.3)
    heavier = Job("heavier", args=FOREVER, category="c", size=3)
    lighter = Job("lighter", args=("true",), category="c", size=1)
    for job in (lead, heavier, lighter):
        pool.execute(job)
    assert pool.join()
    assert (lead.reason, heavier.reason, lighter.reason) == ("timeout", "chained_timeout", "exited")
    assert heavier.chtermtime is True


def test_a_job_that_exceeds_its_memory_is_ended(pool: ExecPool) -> None:
    job = Job("a", args=("sh", "-c", "x=$(head -c 200000000 /dev/zero | tr '\\0' x); sleep 1000"), memlim=0.1)
    pool.execute(job)
    assert pool.join()
    assert job.reason == "memlimit"
    assert job.mem > 0.05


def test_gigabytes_are_those_of_pyexpool() -> None:
    with ExecPool(2, memlimit=0.25) as pool:
        assert pool.memlimit == 0.25
        assert pool.status().memory.limit == 256 << 20
    with ExecPool(1, vmlimit=0.5) as pool:
        assert pool.memlimit == 0.5
    assert inGigabytes(1 << 30) == 1


def test_the_memory_of_a_running_job_can_be_measured(pool: ExecPool, tmp_path: Path) -> None:
    job = Job("a", args=("sh", "-c", f"touch '{tmp_path}/up'; exec sleep 1000"))
    with pytest.raises(AttributeError, match="has not started"):
        job._updateMem()
    pool.execute(job)
    until((tmp_path / "up").exists, "the job's start")
    assert 0 < until(job._updateMem, "a figure") < 1


def test_the_process_of_a_running_job_can_be_asked_waited_for_and_ended(pool: ExecPool) -> None:
    job = Job("a", args=FOREVER, onstart=lambda _: None)
    pool.execute(job)
    assert job.proc
    assert job.proc.pid
    assert job.proc.poll() is None
    job.proc.kill()
    assert job.proc.wait(60) == -9
    assert job.reason == "signaled"


def test_several_threads_schedule_and_join(pool: ExecPool) -> None:
    finished: list[str] = []

    def schedule(number: int) -> None:
        for index in range(20):
            name = f"{number}.{index}"
            pool.execute(Job(name, args=("true",), onfinish=lambda job: finished.append(job.name)))
        pool.join()

    threads = [threading.Thread(target=schedule, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pool.join()
    assert sorted(finished) == sorted(f"{number}.{index}" for number in range(4) for index in range(20))


def test_what_the_host_changes_after_the_start_holds_for_jobs(
    pool: ExecPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPOOL_TEST", "here")
    monkeypatch.chdir(tmp_path)
    pool.execute(Job("a", args=("sh", "-c", "echo $EXPOOL_TEST; pwd"), stdout="out.txt"))
    pool.execute(Job("b", workdir="/", args=("pwd",), stdout=str(tmp_path / "b")))
    assert pool.join()
    assert (tmp_path / "out.txt").read_text() == f"here\n{tmp_path}\n"
    assert (tmp_path / "b").read_text() == "/\n"


def test_each_job_gets_cpus_of_its_own() -> None:
    with ExecPool(1, AffinityMask(1)) as pool:
        job = Job("a", args=("sh", "-c", "grep Cpus_allowed_list /proc/self/status"))
        pool.execute(job)
        assert pool.join()
        assert job.record and job.record.cpus is not None and len(job.record.cpus) == 1
    with ExecPool(1, 1) as pool:  # the step as a number, as PyExPool's examples have it
        assert pool._wkslim == 1


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"wksnum": 0}, "wksnum"),
        ({"wksnum": 1.5}, "wksnum"),
        ({"memlimit": -1}, "memlimit"),
        ({"latency": float("nan")}, "latency"),
        ({"name": 5}, "name"),
    ],
)
def test_wrong_arguments_of_a_pool_are_named(arguments: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidParams, match=field):
        ExecPool(**arguments)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"name": 5}, "name"),
        ({"name": "a", "timeout": -1}, "timeout"),
        ({"name": "a", "timeout": "soon"}, "timeout"),
        ({"name": "a", "task": "t"}, "task"),
        ({"name": "a", "size": -1}, "size"),
        ({"name": "a", "slowdown": 0}, "slowdown"),
        ({"name": "a", "memkind": 3}, "memkind"),
        ({"name": "a", "memlim": -0.5}, "memlim"),
        ({"name": "a", "startdelay": -1}, "startdelay"),
    ],
)
def test_wrong_arguments_of_a_job_are_named(arguments: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        Job(**arguments)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"args": ("echo", 5)}, r"args\[1\]"),
        ({"args": ("true",), "timeout": float("inf")}, "timeout"),
        ({"args": ("true",), "stdout": -77}, "stdout"),
        ({"args": ("echo", "\udcff")}, r"args\[1\]"),
    ],
)
def test_what_cannot_be_executed_is_refused_and_leaves_no_trace(
    pool: ExecPool, arguments: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValueError, match=field):
        pool.execute(Job("a", **arguments))
    assert not pool._jobs
    assert not pool._workers
    pool.execute(Job("b", args=("true",)))
    assert pool.join()


def test_what_only_the_server_refuses_is_raised_later_and_the_job_is_reported(pool: ExecPool) -> None:
    calls = Calls()
    job = Job("a", args=("true",), timeout=TOO_LONG, onfinish=calls.on("finish"))
    pool.execute(job)
    with pytest.raises(ValueError, match='job "a"'):
        pool.join()
    assert (job.reason, calls) == ("refused", [("finish", "a")])
    pool.execute(Job("b", args=("true",)))
    assert pool.join()


def test_a_job_that_is_scheduled_is_not_scheduled_again_before_its_end(pool: ExecPool) -> None:
    job = Job("a", args=FOREVER)
    pool.execute(job)
    with pytest.raises(ValueError, match="scheduled already"):
        pool.execute(job)
    pool.cancel(job)
    pool.join()
    job.args = ("true",)
    assert pool.execute(job) == 0
    assert pool.join()
    assert job.succeeded


def test_an_unknown_argument_of_execute_is_refused(pool: ExecPool) -> None:
    with pytest.raises(TypeError, match="concurrent"):
        pool.execute(Job("a", args=("true",)), concurrent=True)


def test_times_are_those_of_perf_counter(pool: ExecPool) -> None:
    before = time.perf_counter()
    job = Job("a", args=("true",))
    pool.execute(job)
    pool.join()
    after = time.perf_counter()
    assert job.tstart and job.tstop
    assert before < job.tstart < job.tstop < after


@pytest.mark.parametrize("onstart", [None, lambda _: None])
def test_a_refused_job_is_not_raised_by_the_execute_of_another(pool: ExecPool, onstart: Any) -> None:
    bad, good = Job("bad", args=("true",), timeout=TOO_LONG), Job("good", args=("true",), onstart=onstart)
    pool.execute(bad)
    until(lambda: bad.finished, "the refusal")
    assert pool.execute(good) == 0
    assert pool.execute(Job("now", args=("true",)), concur=False) == 0
    with pytest.raises(ValueError, match='job "bad"'):
        pool.join()
    assert good.succeeded


@pytest.mark.parametrize("timeout", [0, 1000])
def test_join_awaits_the_jobs_of_its_thread_while_others_join(pool: ExecPool, timeout: float) -> None:
    unfinished: list[Any] = []

    def work() -> None:
        try:
            for _ in range(500):
                job = Job("a", args=None)
                pool.execute(job)
                pool.join(timeout)
                if not job.finished:
                    unfinished.append(job)
        except Exception as error:
            unfinished.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not unfinished


def test_a_synchronous_job_calls_onstart_before_each_attempt(pool: ExecPool, tmp_path: Path) -> None:
    calls, flag = Calls(), tmp_path / "second"
    command = ("sh", "-c", f"[ -e '{flag}' ] && exit; touch '{flag}'; exec sleep 1000")
    job = Job("a", args=command, timeout=0.5, rsrtonto=True, onstart=calls.on("start"))
    assert pool.execute(job, concur=False) == 0
    assert calls[:2] == [("start", "a"), ("start", "a")]


def discarded_by_onstart(calls: Calls) -> Job:
    def onstart(job: Job) -> None:
        raise RuntimeError("not today")

    return Job("a", args=("true",), onstart=onstart, ondone=calls.on("done"), onfinish=calls.on("finish"))


@pytest.mark.parametrize("in_callback", [False, True])
def test_a_synchronous_job_that_onstart_discards_is_reported_like_others(pool: ExecPool, in_callback: bool) -> None:
    calls, results = Calls(), []
    job = discarded_by_onstart(calls)

    def execute(*_: object) -> None:
        results.append(pool.execute(job, concur=False))

    if in_callback:
        pool.execute(Job("b", args=("true",), onfinish=execute))
    else:
        execute()
    pool.join()
    assert (results, job.reason, calls) == ([-1], "rejected", [("finish", "a")])
    assert [(info.name, info.reason) for info in pool.failures] == [("a", "rejected")]


def test_a_submitted_job_that_onstart_discards_is_reported_like_others(pool: ExecPool) -> None:
    calls = Calls()
    job = discarded_by_onstart(calls)
    with pytest.raises(RuntimeError, match="not today"):
        pool.submit(job)
    assert pool.join()
    assert (job.reason, calls) == ("rejected", [("finish", "a")])
    assert [info.reason for info in pool.failures] == ["rejected"]


def test_onstart_of_submitted_jobs_is_called_one_at_a_time(pool: ExecPool) -> None:
    assert pool._session
    callbacks = pool._session.callbacks
    inside: list[str] = []
    overlaps: list[str] = []

    def onstart(job: Job) -> None:
        overlaps.extend(inside)
        inside.append(job.name)
        if job.name == "first":
            other.start()
            until(lambda: overlaps or callbacks._eager, "the other thread's submit")
        inside.remove(job.name)

    other = threading.Thread(target=lambda: pool.submit(Job("second", onstart=onstart)))
    pool.submit(Job("first", onstart=onstart))
    other.join()
    assert not overlaps
    assert pool.join()


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_an_exception_in_onstart_that_cannot_be_shown_discards_the_job_too(pool: ExecPool) -> None:
    def onstart(job: Job) -> None:
        raise Unspeakable

    job = Job("a", args=("true",), onstart=onstart)
    assert pool.execute(job) == -1
    assert pool.join()
    assert job.record and "Unspeakable" in job.record.warnings[0]


class Broken:
    """A standard error whose disk is full, say."""

    def write(self, _: str) -> int:
        raise OSError("full")


def closed() -> Any:
    file = io.StringIO()
    file.close()
    return file


@pytest.mark.parametrize("stderr", [None, closed(), Broken()])
def test_without_a_standard_error_no_callback_is_lost(
    pool: ExecPool, stderr: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls()
    task = Task("t", onfinish=calls.on("finish"))
    monkeypatch.setattr(sys, "stderr", stderr)
    pool.execute(Job("a", args=("/nonexistent",), task=task, onfinish=calls.on("finish")))
    pool.execute(Job("b", args=("true",), task=task, ondone=lambda _: 1 / 0, onfinish=calls.on("finish")))
    assert pool.join()
    assert sorted(name for _, name in calls) == ["a", "b", "t"]


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_in_a_callback_loses_no_other(pool: ExecPool, interrupt: type[BaseException]) -> None:
    calls = Calls()

    def ondone(owner: Any) -> None:
        calls.append(("done", owner.name))
        raise interrupt

    outer = Task("outer", ondone=calls.on("done"), onfinish=calls.on("finish"))
    inner = Task("inner", task=outer, ondone=ondone, onfinish=calls.on("finish"))
    job = Job("a", args=("true",), task=inner, ondone=ondone, onfinish=calls.on("finish"))
    pool.execute(job)
    with pytest.raises(interrupt):
        pool.join()
    pool.join()
    assert calls == [(call, name) for name in ("a", "inner", "outer") for call in ("done", "finish")]


def test_a_callback_that_is_set_later_and_has_no_name_is_reported(
    pool: ExecPool, capsys: pytest.CaptureFixture[str]
) -> None:
    job = Job("a", args=("true",))
    job.onfinish = functools.partial(int, "x")
    pool.execute(job)
    assert pool.join()
    assert "ERROR in partial()" in capsys.readouterr().err

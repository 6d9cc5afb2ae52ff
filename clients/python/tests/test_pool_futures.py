"""What ExecPool has beyond PyExPool: futures, iteration, cancellation, questions, progress."""

from __future__ import annotations

import concurrent.futures
import gc
import threading
import weakref
from collections.abc import Iterator
from typing import Callable

import pytest

from expool_rpc import ExecPool, Job, NotAlive, PoolError, progress
from support import PATIENCE, until

FOREVER = ("sleep", "1000")


@pytest.fixture
def pool() -> Iterator[ExecPool]:
    with ExecPool(2, latency=0.05) as pool:
        yield pool


def test_a_future_gives_the_record_whatever_the_end_was(pool: ExecPool) -> None:
    good = pool.submit(Job("good", args=("true",), params={"any": object}))
    bad = pool.submit(Job("bad", args=("sh", "-c", "exit 3")))
    assert good.result(PATIENCE).ok
    assert good.result().params == {"any": object}
    assert bad.result(PATIENCE).code == 3
    assert bad.exception() is None


def test_futures_are_completed_without_a_join(pool: ExecPool) -> None:
    futures = [pool.submit(Job(str(number), args=("true",))) for number in range(20)]
    done, pending = concurrent.futures.wait(futures, PATIENCE)
    assert not pending
    assert {future.result().name for future in done} == {str(number) for number in range(20)}
    assert {future.job.name for future in concurrent.futures.as_completed(futures)} == {str(n) for n in range(20)}


def test_callbacks_of_submitted_jobs_are_called_in_the_thread_of_the_caller(pool: ExecPool) -> None:
    calls: list[tuple[str, int]] = []

    def noting(name: str) -> object:
        return lambda _: calls.append((name, threading.get_ident()))

    future = pool.submit(Job("a", args=("true",), onstart=noting("start"), onfinish=noting("finish")))
    assert [name for name, _ in calls] == ["start"]
    assert future.result(PATIENCE).ok
    pool.process_events()
    assert [name for name, _ in calls] == ["start", "finish"]
    assert {thread for _, thread in calls} == {threading.get_ident()}


def test_cancelling_a_future_ends_its_job(pool: ExecPool) -> None:
    running = pool.submit(Job("running", args=FOREVER))
    until(running.running, "the start")
    assert running.cancel()
    assert running.cancelled()
    with pytest.raises(concurrent.futures.CancelledError):
        running.result()
    until(lambda: running.job.reason == "cancelled", "the end of the job")
    assert not running.job.succeeded
    done = pool.submit(Job("done", args=("true",)))
    done.result(PATIENCE)
    assert not done.cancel()


def test_waiting_for_a_future_times_out(pool: ExecPool) -> None:
    with pytest.raises(concurrent.futures.TimeoutError):
        pool.submit(Job("a", args=FOREVER)).result(0.01)


def test_submit_raises_when_the_pool_is_not_alive(pool: ExecPool) -> None:
    pool.terminate()
    with pytest.raises(NotAlive, match="clear"):
        pool.submit(Job("a", args=("true",)))


def test_run_yields_jobs_as_they_finish_and_takes_them_as_needed(pool: ExecPool) -> None:
    taken = 0

    def jobs() -> Iterator[Job]:
        nonlocal taken
        for number in range(50):
            taken += 1
            yield Job(str(number), args=("true",))

    names = set()
    for job in pool.run(jobs(), ahead=5):
        assert job.succeeded
        names.add(job.name)
        assert taken <= len(names) + 10
    assert names == {str(number) for number in range(50)}


def test_cancel_ends_queued_and_running_jobs(pool: ExecPool) -> None:
    jobs = [Job(str(number), args=FOREVER) for number in range(4)]
    for job in jobs:
        pool.execute(job)
    assert [pool.cancel(job) for job in reversed(jobs)] == [1, 1, 1, 1]
    assert pool.join()
    assert {job.reason for job in jobs} == {"cancelled"}
    assert pool.cancel(jobs[0]) == 0


def test_explain_says_why_a_job_does_not_run(pool: ExecPool) -> None:
    jobs = [Job(str(number), args=FOREVER) for number in range(3)]
    for job in jobs:
        pool.execute(job)
    explanation = pool.explain(jobs[2])
    assert explanation.constraint == "workers"
    assert len(explanation.waits_for) == 2
    with pytest.raises(PoolError, match="not scheduled"):
        pool.explain(Job("x"))


def test_the_pool_tells_of_itself_and_of_the_machine(pool: ExecPool) -> None:
    pool.execute(Job("a", args=FOREVER))
    assert pool.status().workers == 2
    assert pool.topology().cores


def test_progress_passes_jobs_on_and_ends_with_the_count(pool: ExecPool, capsys: pytest.CaptureFixture[str]) -> None:
    jobs = [Job("good", args=("true",)), Job("bad", args=("false",))]
    passed = {job.name for job in progress(pool.run(jobs), total=2, style="plain")}
    assert passed == {"good", "bad"}
    assert "2/2 jobs, 1 failed" in capsys.readouterr().err


@pytest.mark.parametrize("style", ["tqdm", "rich"])
def test_progress_is_shown_by_what_is_installed(style: str, pool: ExecPool, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip(style, reason=f"{style} is an extra, which is not installed here")
    jobs = [Job(str(number), args=("true",)) for number in range(3)]
    assert len(list(progress(pool.run(jobs), total=3, style=style))) == 3
    assert capsys.readouterr().err


def test_a_job_that_its_callback_executes_again_is_yielded_by_run_after_its_last_end(pool: ExecPool) -> None:
    tries = []

    def again(job: Job) -> None:
        tries.append(job.reason)
        if len(tries) < 3:
            pool.execute(job)

    jobs = [Job("a", args=("false",), onfinish=again), Job("b", args=("true",))]
    assert sorted(job.name for job in pool.run(jobs)) == ["a", "b"]
    assert tries == ["exited"] * 3


def test_run_in_a_callback_is_refused(pool: ExecPool, capsys: pytest.CaptureFixture[str]) -> None:
    pool.execute(Job("a", args=("true",), onfinish=lambda _: list(pool.run([Job("b", args=("true",))]))))
    assert pool.join()
    assert "run() in a callback would wait for itself" in capsys.readouterr().err


def test_waiting_for_a_future_in_a_callback_is_refused_unless_it_is_done(pool: ExecPool) -> None:
    seen = []

    def look(_: Job) -> None:
        pending, done = pool.submit(Job("b", args=FOREVER)), pool.submit(Job("c", args=("true",)))
        until(done.done, "the end of the job")
        seen.append(done.result().ok)
        with pytest.raises(concurrent.futures.TimeoutError):
            pending.result(0)
        with pytest.raises(RuntimeError, match='waiting for job "b" in a callback'):
            pending.result()
        seen.append(pending.cancel())

    pool.execute(Job("a", args=("true",), onfinish=look))
    assert pool.join()
    assert seen == [True, True]


def in_done_callback(pool: ExecPool, act: Callable[[], object]) -> object:
    """What act returns, or raises, in the done callback of a future."""
    outcomes: list[object] = []
    go, future = threading.Event(), pool.submit(Job("a", args=("sleep", "0.01")))

    def callback(_: object) -> None:
        assert go.wait(PATIENCE)
        try:
            outcomes.append(act())
        except Exception as error:
            outcomes.append(error)

    future.add_done_callback(callback)
    go.set()
    return until(lambda: outcomes, "the done callback")[0]


def test_a_done_callback_of_a_future_schedules_jobs_but_may_not_wait(pool: ExecPool) -> None:
    started: list[str] = []
    job = Job("b", args=("true",), onstart=lambda job: started.append(job.name))
    assert in_done_callback(pool, lambda: pool.execute(job)) == 0
    waits: list[Callable[[], object]] = [
        lambda: pool.submit(Job("c", args=("true",))).result(),
        lambda: pool.execute(Job("d", args=("true",)), concur=False),
        pool.join,
        pool.terminate,
        lambda: list(pool.run([Job("e", args=("true",))])),
    ]
    for wait in waits:
        assert isinstance(in_done_callback(pool, wait), RuntimeError)
    assert pool.alive
    assert pool.join()
    assert job.succeeded


def test_a_done_callback_of_a_future_cancels_another(pool: ExecPool) -> None:
    other = pool.submit(Job("b", args=FOREVER))
    assert in_done_callback(pool, other.cancel) is True
    until(lambda: other.job.reason == "cancelled", "the end of the job")


def test_a_done_callback_that_takes_long_does_not_hold_up_others(pool: ExecPool) -> None:
    begun, go = threading.Event(), threading.Event()
    held: list[bool] = []

    def callback(_: object) -> None:
        begun.set()
        held.append(go.wait(PATIENCE))

    pool.submit(Job("a", args=("sleep", "0.01"))).add_done_callback(callback)
    assert begun.wait(PATIENCE)
    pool.process_events()
    go.set()
    assert pool.join()
    assert held == [True]


def test_cancelling_what_was_never_scheduled_ends_nothing(pool: ExecPool) -> None:
    refused = Job("a", args=("echo", "\udcff"))
    with pytest.raises(ValueError, match="args"):
        pool.execute(refused)
    assert [pool.cancel(Job("b", args=("true",))), pool.cancel(refused)] == [0, 0]
    with pytest.raises(PoolError, match="not scheduled"):
        pool.explain(refused)


def test_what_run_has_shown_to_be_refused_is_not_raised_again(pool: ExecPool) -> None:
    assert [job.reason for job in pool.run([Job("a", args=("echo", "\0"))])] == ["refused"]
    job = Job("b", args=("true",))
    assert pool.execute(job) == 0
    assert pool.join()
    assert job.succeeded


def test_a_pending_future_keeps_its_pool_alive_and_no_longer() -> None:
    pool = ExecPool(1)
    reference, future = weakref.ref(pool), pool.submit(Job("a", args=("sh", "-c", "sleep 0.1; exit 3")))
    del pool
    gc.collect()
    record = future.result(PATIENCE)
    assert (record.reason, record.code) == ("exited", 3)
    until(lambda: reference() is None, "the end of the pool")

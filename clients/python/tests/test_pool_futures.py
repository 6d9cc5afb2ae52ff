"""What ExecPool has beyond PyExPool: futures, iteration, cancellation, questions, progress."""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Iterator

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

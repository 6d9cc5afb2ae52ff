"""What ExecPool has beyond PyExPool: futures, iteration, cancellation, questions, progress."""

from __future__ import annotations

import concurrent.futures
import gc
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest

from expool_rpc import ExecPool, Job, NotAlive, PoolError, Task, progress
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
    assert [job.reason for job in pool.run([Job("a", timeout=1e12)])] == ["refused"]
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


def test_a_done_callback_schedules_while_a_thread_schedules_in_a_new_task(
    pool: ExecPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pool._session
    connection, call = pool._session.connection, pool._session.connection.call
    go, scheduled, waits = tmp_path / "go", threading.Event(), []

    def done(_: object) -> None:
        pool.execute(Job("follow-up", args=("true",)))
        scheduled.set()

    def slowly(method: str, *params: Any) -> Any:
        if method == "task":  # is asked for while a future is completed
            go.touch()
            waits.append(scheduled.wait(PATIENCE))
        return call(method, *params)

    wait = ("sh", "-c", f"while [ ! -e '{go}' ]; do sleep 0.01; done")
    pool.submit(Job("a", args=wait)).add_done_callback(done)
    monkeypatch.setattr(connection, "call", slowly)
    pool.execute(Job("b", args=("true",), task=Task("t")))
    assert waits == [True]
    assert pool.join()
    assert pool.jobsdone == 3


def test_done_callbacks_schedule_in_tasks_while_threads_and_join_do() -> None:
    calls: list[str] = []
    with ExecPool(2) as pool:
        shared = Task("shared", onfinish=lambda _: calls.append("shared"))

        def done(future: Any) -> None:
            inner = Task("inner", task=shared)
            for task in (shared, inner):
                pool.execute(Job("follow-up", args=("true",), task=task))

        for number in range(50):
            task = Task(str(number))
            for _ in range(2):
                pool.submit(Job("a", args=("true",), task=task)).add_done_callback(done)
        while pool.join():
            pass
        assert (pool.jobsdone, pool.failures, shared.numdone) == (300, [], 200)
        assert calls


def test_a_done_callback_schedules_in_a_new_task(pool: ExecPool) -> None:
    outer = Task("outer")
    job = Job("b", args=("true",), task=Task("inner", task=outer))
    assert in_done_callback(pool, lambda: pool.execute(job)) == 0
    assert pool.join()
    assert (job.reason, outer.numdone) == ("exited", 1)


def test_what_the_server_refuses_of_a_done_callback_is_raised_by_join(pool: ExecPool) -> None:
    job = Job("b", args=("true",), task=Task("t", timeout=1e12))
    assert in_done_callback(pool, lambda: pool.execute(job)) == 0
    until(lambda: job.finished, "the refusal")
    with pytest.raises(ValueError, match='job "b": invalid params: timeout'):
        pool.join()
    assert job.reason == "refused"


def test_a_done_callback_cancels_jobs_and_tasks(pool: ExecPool) -> None:
    task = Task("t")
    jobs = [Job(name, args=FOREVER, task=task) for name in "abc"]
    pool.execute(jobs[0])
    assert in_done_callback(pool, lambda: pool.cancel(jobs[0])) == 1
    until(lambda: jobs[0].finished, "the end of the first")
    pool.execute(jobs[1])

    def execute_and_cancel() -> int:
        pool.execute(jobs[2])  # the server has not answered yet
        return pool.cancel(task)

    assert in_done_callback(pool, execute_and_cancel) == 2
    assert pool.join(PATIENCE)
    assert {job.reason for job in jobs} == {"cancelled"}


def test_a_done_callback_that_asks_the_server_is_told_what_to_do_instead(pool: ExecPool) -> None:
    asks: list[Callable[[], object]] = [pool.status, pool.topology, pool.clear]
    for ask in asks:
        error = in_done_callback(pool, ask)
        assert isinstance(error, RuntimeError)
        assert "use onfinish, or another thread" in str(error)


def test_a_future_that_only_its_done_callback_refers_to_is_completed(tmp_path: Path) -> None:
    codes: list[int | None] = []
    go = tmp_path / "go"

    def start() -> None:
        pool = ExecPool(1)
        future = pool.submit(Job("a", args=("sh", "-c", f"while [ ! -e '{go}' ]; do sleep 0.01; done; exit 3")))
        future.add_done_callback(lambda future: codes.append(future.result().code))
        assert pool._session
        pool._session.await_taken(future.job)

    start()
    gc.collect()
    go.touch()
    until(lambda: codes == [3], "the completion of the future")


def test_join_waits_for_the_job_that_another_thread_is_about_to_send(
    pool: ExecPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pool._session
    connection, callbacks = pool._session.connection, pool._session.callbacks
    call, send, joins, held = connection.call, connection.send, [], threading.Event()

    def slowly(method: str, *params: Any) -> Any:
        held.set()
        until(lambda: len(joins) > 5 or (joins and callbacks._eager), "the join waits, or asks again and again")
        return call(method, *params)

    def counting(method: str, *params: Any) -> Any:
        joins.extend([method] if method == "join" else [])
        return send(method, *params)

    monkeypatch.setattr(connection, "call", slowly)
    monkeypatch.setattr(connection, "send", counting)
    job = Job("a", args=("true",), task=Task("t"))
    thread = threading.Thread(target=pool.execute, args=(job,))
    thread.start()
    assert held.wait(PATIENCE)
    assert pool.join()
    thread.join()
    assert job.succeeded
    assert len(joins) <= 5

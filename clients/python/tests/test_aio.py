"""The pool for asyncio, on the real server."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from expool_rpc import (
    AsyncExecPool,
    Busy,
    ConnectionClosed,
    EventsLost,
    InvalidParams,
    JobDone,
    JobFinished,
    JobQueued,
    JobStarted,
    NotAlive,
    PoolError,
    ServerDied,
    TaskFinished,
    TaskStarted,
)
from expool_rpc._aio_events import Inbox
from support import gone, until

T = TypeVar("T")
SLEEP = ["sleep", "1000"]


def run(test: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(test, 120))


async def failure(awaitable: Any) -> BaseException:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the caller looks at it
        await awaitable
    return caught.value


async def running(pool: AsyncExecPool, count: int) -> None:
    while (await pool.status()).running != count:
        await asyncio.sleep(0.01)


def test_run_gives_the_record_of_a_job() -> None:
    async def test() -> None:
        async with AsyncExecPool(workers=2) as pool:
            assert pool.initialized["workers"] == 2
            record = await pool.run(["sh", "-c", "echo $X; exit 3"], env={"X": "hi"}, stdout="pipe", params=[1])
            assert (record.name, record.code, record.reason, record.stdout) == ("sh", 3, "exited", "hi\n")
            assert (record.params, record.ok) == ([1], False)
            assert (await pool.run("true", name="t")).name == "t"
            assert (await pool.run(None)).pid is None
            assert (await pool.run(SLEEP, timeout=0.05)).reason == "timeout"

    run(test())


def test_many_jobs_are_gathered() -> None:
    async def test() -> None:
        async with AsyncExecPool(workers=2) as pool:
            records = await asyncio.gather(*[pool.run(None, name=str(i)) for i in range(500)])
        assert [record.name for record in records] == [str(i) for i in range(500)]

    run(test())


def test_leaving_the_block_waits_for_all_jobs() -> None:
    async def test() -> None:
        async with AsyncExecPool(workers=2) as pool:
            futures = [pool.submit([sys.executable, "-c", "pass"]) for _ in range(4)]
        assert [future.result().ok for future in futures] == [True] * 4

    run(test())


def test_leaving_the_block_by_an_exception_ends_all_jobs() -> None:
    async def test() -> None:
        with pytest.raises(KeyError):
            async with AsyncExecPool(workers=1) as pool:
                futures = [pool.submit(SLEEP) for _ in range(3)]
                await running(pool, 1)
                raise KeyError
        await asyncio.wait(futures)
        for future in futures:  # those that the server could still tell of have their records
            error = future.exception()
            assert isinstance(error, ConnectionClosed) if error else future.result().reason == "terminated"

    run(test())


def test_cancelling_the_awaiting_task_cancels_the_job() -> None:
    async def test() -> None:
        async with AsyncExecPool(workers=1) as pool:
            task = asyncio.create_task(pool.run(SLEEP))
            await running(pool, 1)
            task.cancel()
            assert isinstance(await _outcome(task), asyncio.CancelledError)
            joined = await pool.join()
            assert [record.reason for record in joined.failures] == ["cancelled"]

    run(test())


async def _outcome(task: asyncio.Task[Any]) -> BaseException | None:
    await asyncio.wait([task])
    return asyncio.CancelledError() if task.cancelled() else task.exception()


def test_a_job_can_be_cancelled_before_the_server_has_taken_it() -> None:
    async def test() -> None:
        async with AsyncExecPool(workers=1) as pool:
            future = pool.submit(SLEEP)
            future.cancel()
            assert future.job is None
            assert (await pool.join()).failed == 1

    run(test())


def test_a_cancelled_job_gives_its_record() -> None:
    async def test() -> None:
        async with AsyncExecPool(workers=1) as pool:
            first, second = pool.submit(SLEEP), pool.submit(SLEEP)
            await running(pool, 1)
            explanation = await pool.explain(second)
            assert (explanation.constraint, explanation.waits_for) == ("workers", (first.job,))
            assert await pool.cancel(first) + await pool.cancel(second.job) == 2
            assert {(await first).reason, (await second).reason} == {"cancelled"}

    run(test())


def test_what_the_server_refuses_fails_the_future() -> None:
    async def test() -> None:
        async with AsyncExecPool(workers=1) as pool:
            error = await failure(pool.run(None, timeuot=1))  # type: ignore[call-arg]
            assert isinstance(error, InvalidParams)
            assert error.field == "timeuot"
            assert isinstance(await failure(pool.run(None, timeout=float("inf"))), InvalidParams)
            assert isinstance(await failure(pool.run(None, wait=True)), InvalidParams)  # type: ignore[call-arg]

    run(test())


def test_each_attempt_waits_for_onstart_and_an_error_there_rejects_the_job() -> None:
    async def test() -> None:
        seen = []

        async def look(event: JobStarted) -> None:
            await asyncio.sleep(0)
            seen.append((event.name, event.attempt))

        def refuse(event: JobStarted) -> None:
            raise RuntimeError(f"not {event.name}")

        async with AsyncExecPool(workers=1) as pool:
            assert (await pool.run(["true"], onstart=look)).ok
            record = await pool.run(["true"], onstart=refuse)
            assert record.reason == "rejected"
            assert "onstart raised RuntimeError: not true" in record.warnings[0]
        assert seen == [("true", 1)]

    run(test())


def test_tasks_group_jobs() -> None:
    async def test() -> None:
        async with AsyncExecPool(workers=2) as pool:
            events = pool.events()
            outer = await pool.task("outer", params=7)
            inner = await pool.task("inner", task=outer)
            assert (await pool.run(None, task=inner)).task == inner
            await pool.close_task(outer)
            names = []
            async for event in events:
                if isinstance(event, (TaskStarted, TaskFinished)):
                    names.append((type(event).__name__, event.name))
                if names and names[-1] == ("TaskFinished", "outer"):
                    break
            assert [name for _, name in names] == ["outer", "inner", "inner", "outer"]
            assert [task.numdone for task in await pool.tasks(state="done")] == [1, 1]
            assert [record.task for record in await pool.jobs(task=inner)] == [inner]

    run(test())


def test_events_are_typed_and_in_order_and_end_with_the_pool() -> None:
    async def test() -> None:
        async with AsyncExecPool(workers=1) as pool:
            events = pool.events()
            record = await pool.run(["true"], params="p")
            log = await pool.log()
        seen = [event async for event in events]
        assert [type(event) for event in seen] == [JobStarted, JobDone, JobFinished]
        assert isinstance(seen[2], JobFinished)
        assert (seen[2].record, seen[2].params) == (record, "p")
        assert isinstance(log[0], JobQueued)
        assert [event for event in log if event in seen] == seen

    run(test())


def test_a_slow_reader_of_events_is_told_how_many_it_lost() -> None:
    async def test() -> None:
        async with AsyncExecPool(workers=1) as pool:
            events = pool.events(limit=4)
            await asyncio.gather(*[pool.run(None, name=str(i)) for i in range(10)])
        seen = [event async for event in events]
        assert isinstance(seen[0], EventsLost)
        assert (seen[0].count, len(seen)) == (26, 5)
        assert isinstance(seen[-1], JobFinished)
        assert seen[-1].name == "9"

    run(test())


def test_a_terminated_pool_can_be_cleared() -> None:
    async def test() -> None:
        async with AsyncExecPool(workers=1, grace=0) as pool:
            future = pool.submit(SLEEP)
            await running(pool, 1)
            assert isinstance(await failure(pool.clear()), Busy)
            assert await pool.terminate() == 1
            assert (await future).reason == "terminated"
            assert isinstance(await failure(pool.run(None)), NotAlive)
            await pool.clear()
            assert (await pool.run(None)).ok

    run(test())


def test_a_timeout_of_join_ends_the_pool() -> None:
    async def test() -> None:
        async with AsyncExecPool(workers=1, grace=0) as pool:
            future = pool.submit(SLEEP)
            assert not (await pool.join(timeout=0.05)).completed
            assert (await future).reason == "pool_timeout"

    run(test())


def test_when_the_server_dies_every_future_fails_and_nothing_hangs() -> None:
    async def test() -> None:
        pool = await AsyncExecPool(workers=2).__aenter__()
        events = pool.events()
        futures = [pool.submit(SLEEP) for _ in range(5)]
        await running(pool, 2)
        assert pool._connection is not None
        os.kill(pool._connection.pid, signal.SIGKILL)
        errors = await asyncio.gather(*futures, return_exceptions=True)
        assert [type(error) for error in errors] == [ServerDied] * 5
        assert isinstance(await failure(pool.run(None)), ServerDied)
        started = [await events.__anext__() for _ in range(2)]
        assert [type(event) for event in started] == [JobStarted] * 2
        assert isinstance(await failure(events.__anext__()), ServerDied)
        await pool.aclose()

    run(test())


def test_a_pool_that_was_not_entered_says_so() -> None:
    with pytest.raises(ConnectionClosed, match="async with"):
        AsyncExecPool(workers=1).submit(None)


def test_an_interrupted_program_ends() -> None:
    async def test() -> None:
        async with AsyncExecPool(workers=1) as pool:
            pool.submit(SLEEP)
            await running(pool, 1)
            signal.raise_signal(signal.SIGINT)
            await pool.join()

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(test())


def test_the_topology_is_that_of_the_machine() -> None:
    async def test() -> None:
        async with AsyncExecPool() as pool:
            assert len((await pool.topology()).cpus) == pool.initialized["topology"]["cpus"]

    run(test())


def test_cancel_and_explain_wait_until_the_server_has_the_job() -> None:
    async def test() -> None:
        async with AsyncExecPool(workers=1) as pool:
            first, second = pool.submit(SLEEP), pool.submit(SLEEP)
            assert (await pool.explain(second)).constraint == "workers"
            third = pool.submit(SLEEP)
            assert await pool.cancel(third) == 1
            assert (await third).reason == "cancelled"
            refused = pool.submit(None, timeuot=1)  # type: ignore[call-arg]
            assert await pool.cancel(refused) == 0
            assert isinstance(await failure(pool.explain(refused)), PoolError)
            assert isinstance(await failure(refused), InvalidParams)
            assert await pool.cancel(first) + await pool.cancel(second) == 2

    run(test())


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_of_events_that_takes_none_is_refused(limit: int) -> None:
    async def test() -> None:
        async with AsyncExecPool(workers=1) as pool:
            with pytest.raises(InvalidParams, match="limit"):
                pool.events(limit=limit)
            assert (await pool.run(["true"])).ok

    run(test())


def test_an_exception_in_the_loop_does_not_hold_up_what_came_with_it() -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        handled: list[Any] = []
        loop.set_exception_handler(lambda _, context: handled.append(context["exception"]))
        taken: list[int] = []
        inbox = Inbox(loop, lambda item: taken.append(1 // item))
        for item in (1, 0, 1):
            inbox.put(item)
        while len(taken) < 2:
            await asyncio.sleep(0)
        assert [type(error) for error in handled] == [ZeroDivisionError]

    run(test())


def test_a_pool_whose_loop_was_closed_ends_its_server_when_it_is_dropped() -> None:
    loop = asyncio.new_event_loop()
    pool = AsyncExecPool(workers=1)
    loop.run_until_complete(pool.__aenter__())
    pool.submit(SLEEP)
    loop.run_until_complete(running(pool, 1))
    loop.close()
    assert pool._connection is not None
    server, reader = pool._connection.pid, pool._connection._link._reader
    del pool
    gc.collect()
    until(lambda: gone(server) and not reader.is_alive(), "the end of the server")


def test_a_stream_of_events_keeps_its_pool_alive() -> None:
    async def test() -> None:
        events = (await AsyncExecPool(workers=1).__aenter__()).events()
        gc.collect()
        pool = events._pool
        assert isinstance(pool, AsyncExecPool)
        assert (await pool.run(["true"])).ok
        assert isinstance(await events.__anext__(), JobStarted)
        await pool.aclose()

    run(test())

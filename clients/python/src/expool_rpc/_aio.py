"""The pool for asyncio."""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
import weakref
from collections.abc import Awaitable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Optional

from ._aio_events import EventStream, Inbox
from ._connection import Connection, weakly
from ._errors import ConnectionClosed, PoolError, copy_error, invalid_params
from ._events import Event, JobStarted, event_from
from ._process import Stream
from ._records import Explanation, JobRecord, JoinResult, Status, TaskRecord, Topology

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._options import Command, Filter, JobOptions, Settings, TaskOptions

OnStart = Callable[[JobStarted], Optional[Awaitable[object]]]


class AsyncJobFuture(asyncio.Future[JobRecord]):
    """The record of a job that was submitted, when it has finished. To cancel it cancels the job."""

    job: int | None = None  # the id, once the server has taken the job
    onstart: OnStart | None = None


class AsyncExecPool:
    """A pool of workers for commands, for use with asyncio::

        async with AsyncExecPool(workers=4, memlimit="8GiB") as pool:
            record = await pool.run(["gzip", "-9", "-k", path], timeout=10)

    Leaving the block waits for all jobs; leaving it by an exception ends them. All names and units are those of the
    protocol: seconds and bytes. It belongs to the event loop that it was entered in. What the server refuses is raised
    as a `CallError`; when it dies, every future fails with `ServerDied`. A pool that is dropped without being left, as
    when its loop is closed early, ends its server.

    :param stdout: what jobs inherit as standard output: a file, a descriptor, or None for this process's own.
    :param stderr: the same for their standard error.
    :param binary: path of the server, or command on PATH; the default is described at `find_binary`.
    :param flags: further flags of the server.
    :param settings: ``workers``, ``memlimit`` and so on; see `Settings`.
    """

    def __init__(
        self,
        *,
        stdout: Stream = None,
        stderr: Stream = None,
        binary: str | None = None,
        flags: Sequence[str] = (),
        **settings: Unpack[Settings],
    ) -> None:
        self._start = functools.partial(
            Connection, stdout=stdout, stderr=stderr, binary=binary, flags=flags, settings=dict(settings)
        )
        self._connection: Connection | None = None
        self._jobs: dict[int, AsyncJobFuture] = {}
        self._streams: weakref.WeakSet[EventStream] = weakref.WeakSet()
        self._confirming: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> AsyncExecPool:
        self._loop = asyncio.get_running_loop()
        self._inbox = Inbox(self._loop, lambda take: take())
        start = functools.partial(self._start, on_message=weakly(self._on_message), on_closed=weakly(self._on_closed))
        self._connection = await self._loop.run_in_executor(None, start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                await self.join()
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """End all jobs, and the server. Closing again does nothing more."""
        if self._connection is not None:
            await asyncio.shield(self._loop.run_in_executor(None, self._connection.close))

    @property
    def initialized(self) -> dict[str, Any]:
        """What is in effect, and what the host can do: the server's answer to ``initialize``."""
        return self._open().initialized

    async def run(
        self, args: Command, *, name: str | None = None, onstart: OnStart | None = None, **options: Unpack[JobOptions]
    ) -> JobRecord:
        """Run a command and return its record, however it ended. To cancel the awaiting task cancels the job.

        Takes what `submit` takes.
        """
        return await self.submit(args, name=name, onstart=onstart, **options)

    def submit(
        self, args: Command, *, name: str | None = None, onstart: OnStart | None = None, **options: Unpack[JobOptions]
    ) -> AsyncJobFuture:
        """Queue a command, without waiting, and return the future of its record.

        :param args: the command and its arguments; a single text is a command without arguments, None runs nothing.
        :param name: the name of the job; else that of the command.
        :param onstart: called before each attempt; the attempt waits for it, and if it raises, the job is rejected.
        :param options: see `JobOptions`.
        :raises InvalidParams: an option is of a type that can't be sent; what the server refuses fails the future.
        """
        if "wait" in options or "confirm" in options:
            raise invalid_params("wait or confirm", "is not for submit: await the future, or give onstart")
        params = {"name": name or _name_of(args), "args": args, **options}
        if onstart is not None:
            params["confirm"] = True
        connection = self._open()
        future = AsyncJobFuture(loop=self._loop)
        future.onstart = onstart
        future.add_done_callback(self._forward_cancel)
        connection.ask("execute", params, functools.partial(self._on_answer, future))
        return future

    async def cancel(self, job: int | AsyncJobFuture | None = None, *, task: int | None = None) -> int:
        """End a job, or a task with all that is in it; return how many jobs that ends. Their futures get records."""
        if isinstance(job, AsyncJobFuture):
            job = await self._id(job)
            if job is None:
                return 0
        params = {"task": task} if job is None else {"job": job}
        return int((await self._call("cancel", params))["cancelled"])

    async def join(self, timeout: float = 0) -> JoinResult:
        """Wait until nothing is queued or running; after timeout seconds (0: never) since the first job, end it all."""
        return JoinResult.from_wire(await self._call("join", {"timeout": timeout}))

    async def terminate(self) -> int:
        """End everything; return how many jobs that ends. The pool takes nothing more until `clear`."""
        return int((await self._call("terminate"))["terminated"])

    async def clear(self) -> None:
        """Make an idle pool ready for reuse: forget its records, tasks and counts.

        :raises Busy: jobs are queued, running or ending.
        """
        await self._call("clear")

    async def task(self, name: str, **options: Unpack[TaskOptions]) -> int:
        """Make a task, and return its id, for the option ``task`` of jobs. It finishes after `close_task` or `join`."""
        return int((await self._call("task", {"name": name, **options}))["task"])

    async def close_task(self, task: int) -> None:
        """Say that nothing more will be added to a task."""
        await self._call("close", {"task": task})

    async def explain(self, job: int | AsyncJobFuture) -> Explanation:
        """Why a job is not running.

        :raises PoolError: the server refused the job, or its record is no longer kept.
        """
        id = await self._id(job) if isinstance(job, AsyncJobFuture) else job
        if id is None:
            raise PoolError("the server refused the job: await its future for the reason")
        return Explanation.from_wire(await self._call("explain", {"job": id}))

    async def status(self) -> Status:
        """How the pool is."""
        return Status.from_wire(await self._call("status"))

    async def topology(self) -> Topology:
        """The machine."""
        return Topology.from_wire(await self._call("topology"))

    async def jobs(self, **only: Unpack[Filter]) -> list[JobRecord]:
        """The records of jobs that live or are still kept, by id, 1000 of them unless ``limit`` says otherwise."""
        return list(map(JobRecord.from_wire, (await self._call("jobs", only))["jobs"]))

    async def tasks(self, **only: Unpack[Filter]) -> list[TaskRecord]:
        """The records of tasks, as `jobs`."""
        return list(map(TaskRecord.from_wire, (await self._call("tasks", only))["tasks"]))

    async def log(self, after: int = 0, limit: int = 1000) -> list[Event]:
        """Entries of the server's event log after a sequence number. Every change of state is one."""
        entries = (await self._call("events", {"after": after, "limit": limit}))["events"]
        return [event_from(entry["event"], entry) for entry in entries]

    def events(self, *, limit: int = 100_000) -> EventStream:
        """What happens from now on: starts, successes and ends of jobs and tasks::

            async for event in pool.events():
                if isinstance(event, JobFinished):
                    print(event.record.name, event.record.reason)

        :param limit: how many events may wait for a slow reader before the oldest are dropped, 1 or more; see
            `EventStream`.
        :raises InvalidParams: the limit is wrong.
        """
        self._open()
        stream = EventStream(limit, self)
        self._streams.add(stream)
        return stream

    def _open(self) -> Connection:
        if self._connection is None:
            raise ConnectionClosed("the pool was not started: use it in `async with AsyncExecPool(...) as pool`")
        return self._connection

    async def _call(self, method: str, params: Any = None) -> Any:
        return await asyncio.wrap_future(self._open().send(method, params))

    async def _id(self, future: AsyncJobFuture) -> int | None:
        """The id of a job that was submitted; None if the server refused it."""
        if future.job is None:
            await self._call("status")  # whose answer comes after the one to the submission
        return future.job

    # What follows up to the rule runs in the reading thread, and what it puts into the inbox in the loop.

    def _on_message(self, message: dict[str, Any]) -> None:
        self._inbox.put(functools.partial(self._told, message))

    def _on_answer(self, future: AsyncJobFuture, taken: dict[str, Any], error: PoolError | None) -> None:
        self._inbox.put(functools.partial(self._taken, future, taken, error))

    def _on_closed(self, error: PoolError | None) -> None:
        self._inbox.put(functools.partial(self._ended, error))

    # ----

    def _taken(self, future: AsyncJobFuture, taken: dict[str, Any], error: PoolError | None) -> None:
        """The server has answered to a submission."""
        if error is None:
            future.job = job = taken["job"]
            self._jobs[job] = future
            self._forward_cancel(future)
        elif not future.done():
            future.set_exception(error)

    def _forward_cancel(self, future: asyncio.Future[JobRecord]) -> None:
        if future.cancelled() and isinstance(future, AsyncJobFuture) and future.job in self._jobs:
            self._open().send("cancel", {"job": future.job})

    def _told(self, message: dict[str, Any]) -> None:
        params = message["params"]
        event = event_from(message["method"], params) if self._streams or "id" in message else None
        if event is not None:
            for stream in self._streams:
                stream.put(event)
        if "id" in message:
            self._ask(message["id"], event)
        elif message["method"] == "onfinish" and params["kind"] == "job":
            future = self._jobs.pop(params["job"], None)
            if future is not None and not future.done():
                future.set_result(JobRecord.from_wire(params))

    def _ask(self, id: str, event: Event | None) -> None:
        """The server asks whether it may start a job."""
        task = self._loop.create_task(self._confirm(id, event))
        self._confirming.add(task)
        task.add_done_callback(self._confirming.discard)

    async def _confirm(self, id: str, event: Event | None) -> None:
        refusal = "the start was not confirmed"
        try:
            if isinstance(event, JobStarted):
                onstart = self._jobs[event.job].onstart
                answer = onstart(event) if onstart else None
                if inspect.isawaitable(answer):
                    await answer
                refusal = ""
        except Exception as error:
            refusal = f"onstart raised {type(error).__name__}: {error}"
        finally:
            if refusal:
                self._open().refuse(id, refusal)
            else:
                self._open().reply(id)

    def _ended(self, error: PoolError | None) -> None:
        for stream in self._streams:
            stream.end(error)
        jobs, self._jobs = self._jobs, {}
        for future in jobs.values():
            if not future.done():
                future.set_exception(copy_error(error or ConnectionClosed("the pool was closed")))


def _name_of(args: Command) -> str:
    command = args if args is None or isinstance(args, str) else next(iter(args), "")
    return os.path.basename(command or "") or "job"

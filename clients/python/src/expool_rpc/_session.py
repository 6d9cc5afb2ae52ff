"""A server under a pool: the jobs that it has, and what it tells of them.

The thread that reads from the server notes facts in the jobs, completes futures, and queues callbacks. All else runs in
the threads of the host. A session refers to nothing of its pool, so that a pool that is dropped ends its server.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, Callable

from ._callbacks import CallbackQueue
from ._connection import Connection
from ._errors import CallError, ConnectionClosed, PoolError, copy_error
from ._future import JobFuture
from ._held import HeldFile, release
from ._host import Host
from ._info import JobInfo, Tally
from ._job import Job
from ._owner import call, report, report_onstart
from ._task import Task


class Session:
    """A running server, and the jobs that it has."""

    def __init__(self, settings: dict[str, Any], flags: Sequence[str], tally: Tally, limits: bool) -> None:
        self.callbacks = CallbackQueue()
        self.tally = tally
        self.live: dict[int, Job] = {}  # by the number that the server echoes as params
        self.refusals: deque[CallError] = deque()  # of jobs that no caller waited for
        self._limits = limits
        self._chained = settings["chained"]
        self._numbers = itertools.count(1)
        self._unconfirmed: dict[str, Job] = {}  # by the requests to confirm their starts that are not answered yet
        self._order = threading.RLock()  # held to send what must arrive in a certain order
        self._phase = object()  # the time between two joins, which close all tasks
        self._joining = 0
        self._owner = os.getpid()
        self._host = Host()
        streams = self._host.streams.files
        self.connection = Connection(
            flags=flags,
            stdout=streams["stdout"],
            stderr=streams["stderr"],
            settings={**settings, "notify": ["onstart", "onfinish"]},
            on_message=self._on_message,
            on_pause=self.callbacks.tell,
            on_closed=self._on_closed,
        )
        self.workers: int = self.connection.initialized["workers"]

    # What the host asks for

    def execute(
        self,
        job: Job,
        *,
        wait: bool = False,
        confirm: bool = True,
        future: JobFuture | None = None,
        collector: deque[Job] | None = None,
    ) -> None:
        """Schedule a job.

        :param wait: it starts at once, beside the workers.
        :param confirm: what is to be called before it starts has not been called yet.
        :param future: to be completed at its end.
        :param collector: to be given the job, after its callbacks.
        :raises InvalidParams: the job can't be executed like that.
        """
        number = next(self._numbers)
        held: list[HeldFile] = []
        try:
            params = self._host.job(job, held, limits=self._limits, chained=self._chained)
            params["params"] = number
            if wait:
                params["wait"] = True
            if confirm and job._waits_to_be_announced():
                params["confirm"] = True
            self._admit(job, number, held, future, collector)
            with self._order:
                if job.task:
                    params["task"] = self._task_id(job.task)
                self.connection.ask("execute", params, functools.partial(self._answered, number))
        except (PoolError, ValueError):  # nothing was sent
            self._withdraw(number, held)
            raise
        except BaseException:  # an interrupt, maybe after it was sent; the answer to a later call will tell
            self.connection.ask("status", None, lambda *_: self._withdraw(number, held))
            raise

    @property
    def idle(self) -> bool:
        """Whether a worker seems to be free."""
        return len(self.live) < self.workers

    def check_new(self, job: Job) -> None:
        """Refuse a job that is scheduled already."""
        if job.state is not None and not job.finished:
            raise ValueError(f'job "{job}" is scheduled already: make another Job to execute the command twice')

    def await_start(self, job: Job) -> None:
        """Have the callbacks before its start called, if a job starts at once.

        :raises CallError: the server refuses the job.
        """
        self.await_taken(job)
        if job.state == "queued":
            return
        self.callbacks.serve_until(lambda: job.state not in ("queued", "starting"))
        self.raise_refusal()

    def await_taken(self, job: Job) -> None:
        """Wait until the server has a scheduled job, or it is known that it will not have it."""
        self.callbacks.wait(lambda: job._id is not None or job.state is None)

    def raise_refusal(self) -> None:
        """Raise that the server refused a job, if nobody knows yet."""
        if self.refusals:
            raise self.refusals.popleft()

    def rest(self, timeout: float, since: float) -> float:
        """What is left of a timeout, from the moment when the first of the present jobs was scheduled."""
        first = min((job._tscheduled for job in list(self.live.values())), default=time.perf_counter())
        return max(0.001, timeout - (first - since)) if timeout else 0

    def join(self, timeout: float) -> bool:
        """Serve callbacks until all jobs have finished; False if the timeout or a termination ended them."""
        self._joining += 1
        try:
            with self._order:
                self._phase = object()
                reply = self.connection.send("join", {"timeout": timeout} if timeout else None)
            reply.add_done_callback(lambda _: self.callbacks.changed())
            for request in list(self._unconfirmed):  # an interrupt may have cut what would have answered it
                self.callbacks.put(functools.partial(self._confirm, request))
            self.callbacks.put(self._finish_tasks)
            self.callbacks.serve_until(lambda: reply.done() and (not self.live or self.connection.alive), eager=False)
        finally:
            self._joining -= 1
        completed: bool = reply.result()["completed"]
        return completed

    def close_task(self, task: Task) -> None:
        """Nothing more will be added to the task."""
        with self._order:
            task._closed = True
            if task._wire and task._wire[0] is self._phase:
                self.connection.call("close", {"task": task._wire[1]})
        self.callbacks.put(lambda: task._finish(closing=False))
        self.callbacks.serve()

    def terminate(self) -> None:
        """End everything, and serve callbacks until it has ended."""
        self._joining += 1
        try:
            self.connection.call("terminate")
            self.callbacks.serve_until(lambda: not self.live)
            self.callbacks.put(self._finish_tasks)
            self.callbacks.serve_until(lambda: True)
        finally:
            self._joining -= 1

    def finish(self) -> None:
        """End all that is left, and serve the callbacks that are; in a forked process nothing."""
        if os.getpid() == self._owner:
            with contextlib.suppress(PoolError):
                if self.live:
                    self.terminate()
            self.callbacks.serve_until(lambda: not self.live)

    def check_owner(self) -> None:
        """Refuse to be used in a forked process: nothing here would ever come to pass.

        :raises ConnectionClosed: it is one.
        """
        if os.getpid() != self._owner:
            made = f"the pool was made by process {self._owner}, which this one was forked from"
            raise ConnectionClosed(f"{made}: make a pool of its own here")

    def raise_death(self) -> None:
        """Raise what the server died of, if it did."""
        if self.connection.error is not None:
            raise copy_error(self.connection.error)

    def cancel(self, member: Job | Task) -> int:
        """End a job, or all of a task; the number of jobs that this ends."""
        if isinstance(member, Task):
            current = member._wire and member._wire[0] is self._phase
            return self._cancel({"task": member._wire[1]}) if current and member._wire else 0
        if member._session is not self:
            return 0
        self.check_owner()
        self.await_taken(member)
        return 0 if member.finished or member._id is None else self._cancel({"job": member._id})

    def forward_cancel(self, job: Job) -> None:
        """Have the server end the job of a future that was cancelled; if it has no id yet, its answer does that."""
        if job._id is not None and not job.finished:
            self.connection.send("cancel", {"job": job._id})

    def _cancel(self, params: dict[str, Any]) -> int:
        cancelled: int = self.connection.call("cancel", params)["cancelled"]
        return cancelled

    def running(self) -> list[Job]:
        """The jobs that workers are busy with."""
        return [job for job in list(self.live.values()) if job.state != "queued"]

    def queued(self) -> list[Job]:
        """The jobs that have not started, in the order in which they were scheduled."""
        return [job for job in list(self.live.values()) if job.state == "queued"]

    # Jobs come and go

    def _admit(
        self,
        job: Job,
        number: int,
        held: list[HeldFile],
        future: JobFuture | None,
        collector: deque[Job] | None,
    ) -> None:
        with self.callbacks.lock:  # which is held while the end of an execution before this one is noted
            self.check_new(job)
            job._reset()
            self.live[number] = job
            job._session = self
            job._held = held
            job._future = future
            if collector is not None:  # else one that a callback executes again stays with the `run` that it came from
                job._collector = collector
            job._tscheduled = time.perf_counter()
            job.state = "queued"
        if job.task:
            job.task._add(job)
            task: Task | None = job.task
            while task is not None:
                self.tally.tasks.add(task)
                task = task.task

    def _withdraw(self, number: int, held: list[HeldFile]) -> None:
        """Undo _admit, as far as it came, for a job that the server does not have."""
        with self.callbacks.lock:
            job = self.live.get(number)
            if job is not None and job._id is not None:
                return
            release(held)
            if job is None:
                return
            del self.live[number]
            job.state = job._future = None
        if job.task:
            job.task._withdraw(job)
        self.callbacks.changed()

    def _task_id(self, task: Task) -> int:
        """The server's id of a task; it gets a new one when a join has closed it there."""
        if task._wire and task._wire[0] is self._phase:
            return task._wire[1]
        params: dict[str, Any] = {"name": task.name}
        if task.task:
            params["task"] = self._task_id(task.task)
        if task.timeout:
            params["timeout"] = task._remaining()
        id: int = self.connection.call("task", params)["task"]
        task._wire = (self._phase, id)
        return id

    # What the server tells, in the thread that reads

    def _on_message(self, message: dict[str, Any]) -> None:
        params = message["params"]
        if params["kind"] != "job":
            return  # tasks are counted here, since jobs may join them for as long as callbacks are called
        if message["method"] == "onfinish":
            self._ended(params["params"], params)
        elif message["method"] == "onstart":
            self._starts(params, message.get("id"))

    def _starts(self, params: dict[str, Any], request: str | None) -> None:
        job = self.live.get(params["params"])
        if job is None:
            if request is not None:
                self.connection.refuse(request, "the job is not known")
            return
        with self.callbacks.lock:
            job._started(params, confirmed=request is None)
        if request is not None:
            self._unconfirmed[request] = job
            self.callbacks.put(functools.partial(self._confirm, request))
        else:
            self.callbacks.changed(always=False)

    def _answered(self, number: int, taken: dict[str, Any], error: PoolError | None) -> None:
        job = self.live.get(number)
        if job is None:
            return
        if error is None:
            job._taken(taken)
            if job._future is not None and job._future.cancelled():
                self.forward_cancel(job)
            self.callbacks.changed(always=False)
        elif isinstance(error, CallError):
            if job._future is None and job._collector is None:
                self.refusals.append(_about(job, error))
            self._lose(number, "refused", error)
        else:  # the connection is over
            self._lose(number, "lost" if self.connection.error else "terminated", error)

    def _on_closed(self, error: PoolError | None) -> None:
        for number in list(self.live):
            self._lose(number, "lost" if error else "terminated", error or PoolError("the pool was closed"))
        self.callbacks.changed()
        self.callbacks.tell(more=False)

    def _lose(self, number: int, reason: str, error: PoolError) -> None:
        self._settle(number, lambda job: job._failed(reason, str(error)), error)

    def _ended(self, number: int, record: dict[str, Any]) -> None:
        self._settle(number, lambda job: job._ended(record), None)

    def _settle(self, number: int, end: Callable[[Job], None], error: PoolError | None) -> None:
        """Note the end of a job, count it, and have its callbacks called."""
        job = self.live.get(number)
        if job is None:
            return
        with self.callbacks.lock:
            end(job)
            future, record = job._future, job.record if job._future else None
            if job.succeeded:
                self.tally.done += 1
            else:
                self.tally.failures.append(JobInfo(job))
            if job._has_followers():
                self.callbacks.put(functools.partial(self._follow, job))
            del self.live[number]
            self.callbacks.changed(always=not self.live)
        if future is not None:  # its done callbacks are called here, and may take a while
            future._complete(record, error)
            self.callbacks.changed()

    # What is done in the threads that serve

    def _confirm(self, request: str) -> None:
        """Call what is to be called before a job starts, and have it start, or not."""
        job = self._unconfirmed.get(request)
        try:
            if job is not None and not job.finished:  # as it is if it was ended while it waited
                job._announce()
                with self.callbacks.lock:
                    job._confirmed()
                self.connection.reply(request)
        except BaseException as error:  # maybe an interrupt after the reply, and then the server ignores the refusal
            self.connection.refuse(request, f"{type(error).__name__}: {error}")
            if not isinstance(error, Exception) or job is None or job.onstart is None:
                raise
            report_onstart(job)
        finally:
            self._unconfirmed.pop(request, None)

    def _follow(self, job: Job) -> None:
        """Do what follows from the end of a job. Its callbacks may execute it again."""
        end, succeeded = job._end, job.succeeded
        if job.task:
            job.task._count(job, succeeded)  # first, so that it is added again if it is executed again
        try:
            job._log_output()
            if succeeded:
                call(job.ondone, job)
            elif job.reason in ("start_failed", "refused"):
                report(f'WARNING, "{job}" did not start: {"; ".join(job.record.warnings if job.record else ())}')
            call(job.onfinish, job)
            if job.task:
                job.task._finish(closing=self._joining > 0)
        finally:  # also after an interrupt, for another thread may wait for the job in `run`
            if job._collector is not None and job._end is end:
                job._collector.append(job)
                job._collector = None

    def _finish_tasks(self) -> None:
        for task in list(self.tally.tasks):
            task._finish(closing=True)


def _about(job: Job, error: CallError) -> CallError:
    return type(error)(error.code, f'job "{job}": {error.message}', error.field, error.problem)

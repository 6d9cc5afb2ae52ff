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
import traceback
from collections import deque
from collections.abc import Sequence
from typing import Any

from ._callbacks import CallbackQueue
from ._connection import Connection
from ._errors import CallError, ConnectionClosed, PoolError
from ._future import JobFuture
from ._host import Host
from ._info import JobInfo
from ._job import Job
from ._owner import call, callback_name, report
from ._task import Task


class Tally:
    """What came of the jobs of a pool."""

    def __init__(self) -> None:
        self.done = 0
        self.failures: list[JobInfo] = []
        self.tasks: set[Task] = set()


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
        params = self._host.job(job, limits=self._limits, chained=self._chained)
        number = params["params"] = next(self._numbers)
        if wait:
            params["wait"] = True
        if confirm and self.confirms(job):
            params["confirm"] = True
        self._admit(job, number)
        job._future, job._collector = future, collector
        try:
            with self._order:
                if job.task:
                    params["task"] = self._task_id(job.task)
                self.connection.ask("execute", params, functools.partial(self._answered, number))
        except BaseException:
            self._withdraw(job, number)
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
        self.callbacks.wait(lambda: job._id is not None or job.finished)
        if job.state == "queued":
            return
        self.callbacks.serve_until(lambda: job.state not in ("queued", "starting"))
        self.raise_refusal()

    def raise_refusal(self) -> None:
        """Raise that the server refused a job, if nobody knows yet."""
        if self.refusals:
            raise self.refusals.popleft()

    def rest(self, timeout: float, since: float) -> float:
        """What is left of a timeout, from the moment when the first of the present jobs was scheduled."""
        first = min((job._tscheduled for job in list(self.live.values())), default=time.perf_counter())
        return max(0.001, timeout - (first - since)) if timeout else 0

    def confirms(self, job: Job) -> bool:
        """Whether callbacks are to be called before the job starts."""
        return bool(job.onstart) or bool(job.task and job.task._waits_to_be_announced())

    def join(self, timeout: float) -> bool:
        """Serve callbacks until all jobs have finished; False if the timeout or a termination ended them."""
        self._joining += 1
        try:
            with self._order:
                self._phase = object()
                reply = self.connection.send("join", {"timeout": timeout} if timeout else None)
            reply.add_done_callback(lambda _: self.callbacks.changed())
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

    def cancel(self, member: Job | Task) -> int:
        """End a job, or all of a task; the number of jobs that this ends."""
        if isinstance(member, Task):
            current = member._wire and member._wire[0] is self._phase
            return self._cancel({"task": member._wire[1]}) if current and member._wire else 0
        self.callbacks.wait(lambda: member._id is not None or member.finished)
        if member.finished or member._session is not self:
            return 0
        return self._cancel({"job": member._id})

    def _cancel(self, params: dict[str, Any]) -> int:
        cancelled: int = self.connection.call("cancel", params)["cancelled"]
        return cancelled

    def find_pid(self, job: Job) -> int | None:
        """The process id of a job that runs, once it has one."""
        while job._id is not None and not job.finished:
            try:
                records = self.connection.call("jobs", {"after": job._id - 1, "limit": 1})["jobs"]
            except PoolError:
                return None
            if not records or records[0]["job"] != job._id:
                return None
            if records[0]["pid"] is not None or records[0]["state"] not in ("starting", "running"):
                pid: int | None = records[0]["pid"]
                return pid
            self.callbacks.wait(lambda: job.finished, 0.001)
        return None if job.record is None else job.record.pid

    def running(self) -> list[Job]:
        """The jobs that workers are busy with."""
        return [job for job in list(self.live.values()) if job.state != "queued"]

    def queued(self) -> list[Job]:
        """The jobs that have not started, in the order in which they were scheduled."""
        return [job for job in list(self.live.values()) if job.state == "queued"]

    def announce(self, job: Job) -> None:
        """Call what is to be called before a job starts; what onstart raises is for the caller to handle."""
        if job.task:
            job.task._announce()
        if job.onstart:
            job.onstart()

    # Jobs come and go

    def _admit(self, job: Job, number: int) -> None:
        self.check_new(job)
        job._reset()
        job._session = self
        job._tscheduled = time.perf_counter()
        job.state = "queued"
        if job.task:
            job.task._add(job)
            task: Task | None = job.task
            while task is not None:
                self.tally.tasks.add(task)
                task = task.task
        self.live[number] = job

    def _withdraw(self, job: Job, number: int) -> None:
        self.live.pop(number, None)
        job.state = None
        if job.task:
            job.task._withdraw(job)

    def _task_id(self, task: Task) -> int:
        """The server's id of a task; it gets a new one when a join has closed it there."""
        if task._wire and task._wire[0] is self._phase:
            return task._wire[1]
        params = self._host.task(task)
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
            return
        with self.callbacks.lock:
            job._started(params, confirmed=request is None)
        if request is not None:
            self.callbacks.put(functools.partial(self._confirm, job, request))
        else:
            self.callbacks.changed(always=False)

    def _answered(self, number: int, taken: dict[str, Any], error: PoolError | None) -> None:
        job = self.live.get(number)
        if job is None:
            return
        if error is None:
            job._taken(taken)
            self.callbacks.changed(always=False)
        elif isinstance(error, CallError):
            if job._future is None:
                self.refusals.append(_about(job, error))
            self._lose(number, "refused", error)
        else:  # the connection is over
            self._lose(number, "lost" if self.connection.error else "terminated", error)

    def _on_closed(self, error: PoolError | None) -> None:
        for number in list(self.live):
            self._lose(number, "lost" if error else "terminated", error or PoolError("the pool was closed"))
        self.callbacks.changed()
        self.callbacks.tell()

    def _lose(self, number: int, reason: str, error: PoolError) -> None:
        job = self.live.get(number)
        if job is not None:
            job._failed(reason, str(error))
            self._settle(number, job, error)

    def _ended(self, number: int, record: dict[str, Any]) -> None:
        job = self.live.get(number)
        if job is None:
            return
        with self.callbacks.lock:
            job._ended(record)
            self._settle(number, job, None)

    def _settle(self, number: int, job: Job, error: PoolError | None) -> None:
        """Count a job that has ended, and have its callbacks called."""
        with self.callbacks.lock:
            if job.succeeded:
                self.tally.done += 1
            else:
                self.tally.failures.append(JobInfo(job))
            if job._has_followers():
                self.callbacks.put(functools.partial(self._follow, job))
            del self.live[number]
            self.callbacks.changed(always=not self.live)
        if job._future is not None:
            job._future._complete(error)
            self.callbacks.changed()

    # What is done in the threads that serve

    def _confirm(self, job: Job, request: str) -> None:
        """Call what is to be called before a job starts, and have it start, or not."""
        if job.finished:
            return  # it was ended while it waited
        try:
            self.announce(job)
        except BaseException as error:
            self.connection.refuse(request, f"{type(error).__name__}: {error}")
            if not isinstance(error, Exception):
                raise
            report_onstart(job)
        else:
            with self.callbacks.lock:
                job._confirmed()
            self.connection.reply(request)

    def _follow(self, job: Job) -> None:
        """Do what follows from the end of a job."""
        job._log_output()
        if job.succeeded:
            call(job.ondone, job)
        elif job.reason in ("start_failed", "refused"):
            report(f'WARNING, "{job}" did not start: {"; ".join(job.record.warnings if job.record else ())}')
        call(job.onfinish, job)
        if job.task:
            job.task._count(job, job.succeeded)
            job.task._finish(closing=self._joining > 0)
        if job._collector is not None:
            job._collector.append(job)

    def _finish_tasks(self) -> None:
        for task in list(self.tally.tasks):
            task._finish(closing=True)


def _about(job: Job, error: CallError) -> CallError:
    return type(error)(error.code, f'job "{job}": {error.message}', error.field, error.problem)


def report_onstart(job: Job) -> None:
    """Tell of an exception in onstart."""
    name = callback_name(job.onstart)
    report(f'ERROR in {name}() of "{job}", the job is discarded:', traceback.format_exc())

"""A server under a pool: the jobs that it has, and what it tells of them.

The thread that reads from the server notes facts in the jobs, completes futures, and queues callbacks. All else runs in
the threads of the host. That thread keeps no session alive: callbacks of jobs and tasks may refer to the pool, and a
pool that is dropped ends its server all the same.
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
from concurrent.futures import Future
from typing import Any, Callable

from ._callbacks import CallbackQueue
from ._connection import Connection, weakly
from ._errors import CallError, ConnectionClosed, NoSuchJob, PoolError, copy_error
from ._future import JobFuture
from ._held import HeldFile, release
from ._host import Host
from ._info import JobInfo, Tally
from ._job import Job
from ._owner import call, describe, in_turn, report, report_onstart
from ._task import Task


class Session:
    """A running server, and the jobs that it has."""

    def __init__(self, settings: dict[str, Any], flags: Sequence[str], tally: Tally, limits: bool) -> None:
        self.callbacks = CallbackQueue()
        self.tally = tally
        self.live: dict[int, Job] = {}  # by the number that the server echoes as params
        self.refusals: list[tuple[Job, CallError]] = []  # of jobs whose callers do not know
        self.tstart: float | None = None  # when the first job since the last join was scheduled; known while any lives
        self._limits = limits
        self._chained = settings["chained"]
        self._numbers = itertools.count(1)
        self._unconfirmed: dict[str, Job] = {}  # by the requests to confirm their starts that are not answered yet
        self._order = threading.RLock()  # held to send what must arrive in a certain order, and never to wait
        self._tasks: dict[int, tuple[Task, int]] = {}  # those that the server has, with its ids; a new dict for each
        # time between two joins, which close them all
        self._making = threading.RLock()  # held to have the server make tasks
        self._joining = 0
        self._owner = os.getpid()
        self._host = Host()
        streams = self._host.streams.files
        self.connection = Connection(
            flags=flags,
            stdout=streams["stdout"],
            stderr=streams["stderr"],
            settings={**settings, "notify": ["onstart", "onfinish"]},
            on_message=weakly(self._on_message),
            on_pause=weakly(self.callbacks.tell),
            on_closed=weakly(self._on_closed),
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
            job._stub = params["args"] is None
            self._send(number, params, job.task)
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

    def announce(self, job: Job) -> None:
        """Call what is to be called before a job starts, before it is scheduled at all.

        :raises Exception: what its onstart raises; the job is discarded then.
        """
        self.check_new(job)
        if job._waits_to_be_announced():
            try:
                self.callbacks.carry_out(job._announce)
            except Exception as error:
                number = next(self._numbers)
                self._admit(job, number, [], None, None)
                self._lose(number, "rejected", PoolError(describe(error)))
                raise

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
        self.raise_refusal(job)

    def await_taken(self, job: Job) -> None:
        """Wait until the server has a scheduled job, or it is known that it will not have it."""
        self.callbacks.wait(lambda: job._id is not None or job.state is None)

    def raise_refusal(self, of: Job | None = None) -> None:
        """Raise that the server refused a job, that one or any, if nobody knows yet."""
        with self.callbacks.lock:
            for index, (job, error) in enumerate(self.refusals):
                if of is None or job is of:
                    del self.refusals[index]
                    raise error

    def join(self, timeout: float) -> bool:
        """Serve callbacks until all jobs have finished; False if the timeout or a termination ended them."""
        completed = self._join(timeout)
        while completed and self.live:  # scheduled by callbacks, or by other threads, after all else had finished
            self.callbacks.serve_until(self._has_work)  # else it would end at once, and close tasks that were just made
            completed = self._join(self._rest(timeout))
        with self.callbacks.lock:
            if not self.live:
                self.tstart = None
        return completed

    def _has_work(self) -> bool:
        """Whether the server has any of the jobs, or none is left."""
        return not self.live or any(job._id is not None for job in self.live.values())

    def _rest(self, timeout: float) -> float:
        """What is left of a timeout, from the moment when the first of the present jobs was scheduled."""
        with self.callbacks.lock:
            first = min((job._tscheduled for job in self.live.values()), default=time.perf_counter())
            since = first if self.tstart is None else self.tstart
        return max(0.001, timeout - (first - since)) if timeout else 0

    def _join(self, timeout: float) -> bool:
        self._joining += 1
        try:
            with self._order:
                self._tasks = {}
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
        self.check_owner()
        with self._order:
            task._closed = True
            if id(task) in self._tasks:
                self.connection.send("close", {"task": self._tasks[id(task)][1]})
        self.callbacks.put(task._finish_closed)
        self.callbacks.serve()

    def clear(self) -> None:
        """Have the server forget tasks, records and counts."""
        self.callbacks.check_may_wait()
        with self._order:
            self._tasks = {}
            reply = self.connection.send("clear")
        reply.result()
        self.tstart = None

    def call(self, method: str, params: Any = None) -> Any:
        """Ask the server something, as `Connection.call` does.

        :raises RuntimeError: in a done callback of a future.
        """
        self.callbacks.check_may_wait()
        return self.connection.call(method, params)

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
        self.tstart = None

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
        """End a job, or all jobs of this session in a task; the number of jobs that this ends."""
        jobs = [job for job in member._jobs() if job._session is self and not job.finished]
        if not jobs:
            return 0
        self.check_owner()
        jobs.reverse()  # what is queued comes first, so that nothing starts only to be ended
        if self.callbacks.inside_done:
            for job in jobs:
                self.forward_cancel(job)
            return len(jobs)
        for job in jobs:
            self.await_taken(job)
        ids = [{"job": job._id} for job in jobs if job._id is not None]
        return sum(map(_cancelled, self.connection.post("cancel", ids)))

    def forward_cancel(self, job: Job) -> None:
        """Have the server end a job without waiting for its answer; if it has no id yet, it is ended when it has."""
        job._unwanted = True
        if job._id is not None and not job.finished:
            self.connection.send("cancel", {"job": job._id})

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
            if self.tstart is None:
                self.tstart = job._tscheduled
            job.state = "queued"
        if job.task is not None:
            job.task._add(job)
        task = job.task
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
        if job.task is not None:
            job.task._withdraw(job)
        self.callbacks.changed()

    def _send(self, number: int, params: dict[str, Any], task: Task | None) -> None:
        """Send the call that schedules a job, as soon as the server has its task. A done callback of a future can't
        wait for that, so a thread does."""
        while not self._sent(number, params, task):
            assert task is not None
            if self.callbacks.inside_done:
                threading.Thread(target=self._send_later, args=(number, params, task), daemon=True).start()
                return
            self._make_task(task, self._tasks)

    def _send_later(self, number: int, params: dict[str, Any], task: Task) -> None:
        try:
            self._send(number, params, task)
        except PoolError as error:
            self._answered(number, {}, error)

    def _sent(self, number: int, params: dict[str, Any], task: Task | None) -> bool:
        """Send it, unless the server does not have the task; False then."""
        with self._order:  # so that no join closes the task before the job comes
            if task is not None:
                if id(task) not in self._tasks:
                    return False
                params["task"] = self._tasks[id(task)][1]
            self.connection.ask("execute", params, functools.partial(self._answered, number))
            return True

    def _make_task(self, task: Task, tasks: dict[int, tuple[Task, int]]) -> None:
        """Have the server make a task, and those around it, once in the time that ``tasks`` are of."""
        with self._making:
            if id(task) in tasks:
                return
            params: dict[str, Any] = {"name": task.name}
            if task.timeout:
                params["timeout"] = task._remaining()
            try:
                if task.task is not None:
                    self._make_task(task.task, tasks)
                    params["task"] = tasks[id(task.task)][1]
                tasks[id(task)] = task, self.connection.call("task", params)["task"]
            except (CallError, KeyError):
                if tasks is self._tasks:  # else a join has closed the tasks around it meanwhile
                    raise

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
            if job._unwanted:
                self.forward_cancel(job)
            self.callbacks.changed(always=False)
        elif isinstance(error, CallError):
            if job._future is None and job._collector is None:
                with self.callbacks.lock:
                    self.refusals.append((job, _about(job, error)))
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
        with self.callbacks.lock:
            job = self.live.get(number)
            if job is None:
                return
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
            self.connection.refuse(request, describe(error))
            if not isinstance(error, Exception) or job is None or job.onstart is None:
                raise
            report_onstart(job)
        finally:
            self._unconfirmed.pop(request, None)

    def _follow(self, job: Job) -> None:
        """Do what follows from the end of a job. Its callbacks may execute it again."""
        end, succeeded, task = job._end, job.succeeded, job.task
        if task is not None:
            task._count(job, succeeded)  # first, so that it is added again if it is executed again
        if job.reason in ("start_failed", "refused"):
            report(f'WARNING, "{job}" did not start: {"; ".join(job.record.warnings if job.record else ())}')
        in_turn(
            job._log_output,
            lambda: call(job.ondone if succeeded else None, job),
            lambda: call(job.onfinish, job),
            None if task is None else lambda: task._finish(closing=self._joining > 0),
            lambda: self._collect(job, end),  # another thread may wait for it in `run`
        )

    def _collect(self, job: Job, end: dict[str, Any] | None) -> None:
        """Give a job to the `run` that it came from, unless a callback executed it again after that end."""
        if job._collector is not None and job._end is end:
            job._collector.append(job)
            job._collector = None

    def _finish_tasks(self) -> None:
        for task in list(self.tally.tasks):
            task._finish(closing=True)


def _cancelled(reply: Future[Any]) -> int:
    """How many jobs a call ended; none if the job had ended, and its record is no longer kept."""
    try:
        return int(reply.result()["cancelled"])
    except NoSuchJob:
        return 0


def _about(job: Job, error: CallError) -> CallError:
    return type(error)(error.code, f'job "{job}": {error.message}', error.field, error.problem)

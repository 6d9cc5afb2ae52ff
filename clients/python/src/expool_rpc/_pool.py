"""ExecPool: the API of PyExPool, and what goes beyond it."""

from __future__ import annotations

import errno
import multiprocessing
from collections import deque
from collections.abc import Iterable, Iterator, MutableSet
from typing import Any

from . import _checks as checks
from ._affinity import AffinityMask
from ._errors import InvalidParams, NotAlive, PoolError, ServerDied, renamed
from ._future import JobFuture
from ._identity import IdentitySet
from ._info import JobInfo, Tally
from ._job import Job
from ._owner import report, report_onstart
from ._records import Explanation, Status, Topology
from ._run import run
from ._session import Session
from ._task import Task
from ._units import inGigabytes, whole_bytes


class ExecPool:
    """A pool that executes jobs, at most ``wksnum`` at a time, in a server process of its own.

    Callbacks of jobs and tasks are called in the threads that call `join`, `execute`, `process_events` and the like,
    one at a time. Timeouts and memory limits are kept meanwhile, however long a callback takes. The pool may be used
    from several threads. In a forked process it is inert. With the pool, or the program, all jobs end, in whatever way
    that is.

    :param wksnum: how many jobs run at once, 1 or more; the default leaves one CPU to the host.
    :param afnmask: CPUs for each job: an `AffinityMask`, or its step. Workers beyond the groups are left out.
    :param memlimit: the GB that all jobs together may use; 0 for no limit. One above what the machine can give is
        reduced.
    :param latency: the longest time in seconds between two looks at memory that is limited; 0 for automatic. The time
        from the soft signal to the hard kill of a job is three times that, as in PyExPool; without it 2 s.
    :param name: a name for people.
    :param webuiapp: taken as PyExPool takes it; there is no page yet.
    :param vmlimit: what PyExPool 2 calls ``memlimit``.
    :raises ValueError: an argument is wrong; it is named.
    :raises PoolError: the server can't be started; the error says why, and what to do.

    ``failures`` are `JobInfo` of all failed jobs, and ``jobsdone`` counts the others, since the start or the last
    `clear`; ``tasks`` is the set of tasks that jobs were scheduled in.
    """

    _KILLDELAY = 3
    """The time from the soft signal to the hard kill, in units of latency."""

    def __init__(
        self,
        wksnum: int | None = None,
        afnmask: AffinityMask | int | str | None = None,
        memlimit: float = 0.0,
        latency: float = 0.0,
        name: str | None = None,
        webuiapp: Any = None,
        *,
        vmlimit: float = 0.0,
    ) -> None:
        self._session: Session | None = None
        self._tally = Tally()
        if wksnum is None:
            wksnum = max(multiprocessing.cpu_count() - 1, 1)
        checks.kind("name", name, (str, type(None)), "a str, or None")
        memlimit, vmlimit = checks.gigabytes("memlimit", memlimit), checks.gigabytes("vmlimit", vmlimit)
        self.name = name
        self.latency = checks.seconds("latency", latency)
        self.webuiapp = webuiapp
        self._limits, self._chained = self._switches()
        self._settings: dict[str, Any] = {
            "workers": checks.whole("wksnum", wksnum, "a whole number of workers, 1 or more"),
            "memlimit": whole_bytes(memlimit or vmlimit) if self._limits else 0,
            "latency": self.latency,
            "affinity": _affinity(afnmask),
            "chained": self._chained,
            **({"name": name} if name is not None else {}),
            **({"grace": self._KILLDELAY * self.latency} if self.latency else {}),
        }
        self._alive = True
        self._open()

    def _switches(self) -> tuple[bool, bool]:
        """Whether memory is limited, and whether chains are ended, at all."""
        return True, True

    def _open(self) -> None:
        """Start a server."""
        try:
            self._session = Session(self._settings, (), self._tally, self._limits)
        except InvalidParams as error:
            raise renamed(error, _ARGUMENTS) from None
        for warning in self._session.connection.initialized.get("warnings") or ():
            report(f"WARNING, {self}: {warning}")

    def __str__(self) -> str:
        return self.name if self.name is not None else repr(self)

    # PyExPool's methods

    def execute(self, job: Job, concur: bool = True, **v2: bool) -> int:
        """Schedule a job; as soon as a worker is free, it starts.

        If it starts at once, its onstart is called here.

        :param concur: False starts it at once, beside the workers, and waits for its end. (PyExPool 2 calls it
            ``async``.)
        :return: 0; for a job that onstart discarded at once -1; with ``concur=False`` its exit code or negative
            signal, -1 if it did not run; errno.EINTR if the pool is not alive (which is said on the standard error).
        :raises ValueError: the job can't be executed like that, or is scheduled already.
        """
        concur = v2.pop("async", concur)
        if v2:
            raise TypeError(f"execute() got an unexpected keyword argument {next(iter(v2))!r}")
        _check_job(job)
        session = self._live_session()
        if session is None:
            self._raise_if_unusable()
            report(f'WARNING, scheduling of the job "{job}" is cancelled: {self} is not alive; call clear() first')
            return errno.EINTR
        if not concur:
            return self._execute_now(session, job)
        starts = job._waits_to_be_announced() and session.idle and not session.callbacks.inside
        self._schedule(session, job)
        if starts:
            session.await_start(job)
        session.callbacks.serve()
        return -1 if job.reason == "rejected" else 0

    def join(self, timeout: float = 0.0) -> bool:
        """Serve callbacks until all jobs have finished, and tasks with them.

        :param timeout: seconds since the first job was scheduled after the last join, after which all jobs are ended;
            0 for none. The pool is not alive then until `clear`, or until ``alive`` is set.
        :return: whether all jobs came to their ends by themselves, by their own constraints, or by `cancel`; False
            also if nothing was scheduled.
        :raises ValueError: the timeout is wrong, or the server had to refuse a job.
        :raises ServerDied: the server died; its jobs have been reported before.
        """
        timeout = checks.seconds("timeout", timeout)
        session = self._session
        if session is None or session.tstart is None:
            return False
        session.check_owner()
        if session.callbacks.inside:
            raise RuntimeError("join() in a callback would wait for itself: let the callback return")
        completed = session.join(timeout)
        self._alive = self._alive and completed
        session.raise_refusal()
        return completed

    def clear(self) -> None:
        """Make an idle pool, alive or not, ready for reuse: failures, counts and tasks are forgotten.

        :raises ValueError: jobs are queued, running or ending.
        """
        session = self._session
        if session is not None and session.live:
            raise ValueError(f"clear() while {len(session.live)} jobs are under way: call join() or terminate() first")
        self._revive()
        self._tally.done = 0
        self._tally.failures.clear()
        self._tally.tasks.clear()

    @property
    def alive(self) -> bool:
        """Whether jobs can be scheduled. Setting it to True makes a terminated pool ready for reuse, but keeps
        failures and counts; setting it to False ends all jobs."""
        return self._live_session() is not None

    @alive.setter
    def alive(self, value: bool) -> None:
        if value and not self.alive:
            self._revive()
        elif not value and self.alive:
            self.terminate()

    @property
    def failures(self) -> list[JobInfo]:
        """The jobs that failed, in the order of their ends, since the start or the last `clear`."""
        return self._tally.failures

    @property
    def jobsdone(self) -> int:
        """How many jobs succeeded, since the start or the last `clear`."""
        return self._tally.done

    @property
    def tasks(self) -> MutableSet[Task]:
        """The tasks that jobs were scheduled in, since the start or the last `clear`, told apart by identity."""
        return self._tally.tasks

    @property
    def memlimit(self) -> float:
        """The GB that all jobs together may use, after what the machine can give; 0 for no limit."""
        return inGigabytes(self._session.connection.initialized["memlimit"]) if self._session else 0.0

    @property
    def _wkslim(self) -> int:
        return self._session.workers if self._session else int(self._settings["workers"])

    @property
    def _workers(self) -> MutableSet[Job]:
        return IdentitySet(self._session.running() if self._session else ())

    @property
    def _jobs(self) -> deque[Job]:
        return deque(self._session.queued() if self._session else ())

    # Beyond PyExPool

    def submit(self, job: Job) -> JobFuture:
        """Schedule a job; the future is of its `JobRecord`.

        Its onstart, and that of its tasks, is called here, once, before it is scheduled; its other callbacks as always.
        What its onstart raises discards the job, and is raised here.

        :raises NotAlive: the pool was terminated.
        :raises ValueError: the job can't be executed like that, or is scheduled already.
        """
        _check_job(job)
        session = self._need_session()
        session.announce(job)
        future = JobFuture(job, session, self)
        self._schedule(session, job, future=future, confirm=False)
        future._keep()
        return future

    def run(self, jobs: Iterable[Job], ahead: int = 1000) -> Iterator[Job]:
        """Execute jobs, and yield each when it has finished and its callbacks have been called.

        Jobs are taken as they are needed, so that there may be millions of them. A job that its own callbacks execute
        again is yielded after its last end.

        :param ahead: how many are scheduled and not yet yielded.
        :raises RuntimeError: in a callback.
        :raises ServerDied: the server died; the jobs that it had have been yielded before, with the reason ``"lost"``.
        :raises NotAlive: the pool was terminated before all jobs were taken; those that were have been yielded before.
        """
        checks.items("jobs", jobs, "a list of Jobs, or whatever gives them")
        ahead = checks.whole("ahead", ahead, "a whole number of jobs", least=0)
        return run(self, map(_check_job, jobs), ahead)

    def process_events(self, timeout: float = 0.0) -> None:
        """Call the callbacks that are due; if none are, wait for one for up to ``timeout`` seconds."""
        timeout = checks.amount("timeout", timeout, "seconds")
        if self._session is not None:
            self._session.callbacks.serve_due(timeout)

    def cancel(self, member: Job | Task) -> int:
        """End a job, or all that is in a task, running or not; how many jobs that ends, 0 if it was not scheduled.

        In a done callback of a future it does not wait for the server, and counts those that had not finished.

        :raises PoolError: the server is gone.
        """
        checks.kind("member", member, (Job, Task), "a Job or a Task")
        return self._session.cancel(member) if self._session else 0

    def close(self, task: Task) -> None:
        """Say that nothing more will be added to a task, so that it finishes without a `join`."""
        checks.kind("task", task, Task, "a Task")
        if self._session:
            self._session.close_task(task)

    def terminate(self) -> None:
        """End all jobs, serve their callbacks, and wait for that. The pool is not alive then until `clear`."""
        session = self._live_session()
        if session is not None:
            session.callbacks.check_may_wait()
        self._alive = False
        if session is not None:
            session.terminate()

    def explain(self, job: Job) -> Explanation:
        """Why a job is not running: which constraint, what it waits for, and a sentence for people.

        :raises PoolError: the job was never scheduled, or its record is no longer kept.
        """
        _check_job(job)
        session = self._need_session()
        if job._session is session:
            session.await_taken(job)
        if job._id is None:
            raise PoolError(f'job "{job}" was not scheduled: call execute() first')
        return Explanation.from_wire(session.call("explain", {"job": job._id}))

    def status(self) -> Status:
        """How many jobs are in each state, and the memory in use."""
        return Status.from_wire(self._need_session().call("status"))

    def topology(self) -> Topology:
        """The machine: CPUs, nodes, packages, cores, caches."""
        return Topology.from_wire(self._need_session().call("topology"))

    # Its life

    def __enter__(self) -> ExecPool:
        if not self.alive:
            self.clear()
        return self

    def __exit__(self, *_: object) -> None:
        session, self._session = self._session, None
        self._alive = False
        if session is None:
            return
        try:
            session.finish()
        finally:
            session.connection.close()

    def __del__(self) -> None:
        session = getattr(self, "_session", None)
        if session is not None:
            session.connection.close()

    def _live_session(self) -> Session | None:
        session = self._session
        return session if session is not None and self._alive and session.connection.alive else None

    def _raise_if_unusable(self) -> None:
        """Raise the error that the server died of, if it did, or that it belongs to another process."""
        if self._session is not None:
            self._session.check_owner()
            self._session.raise_death()

    def _need_session(self) -> Session:
        self._raise_if_unusable()
        session = self._session
        if session is None or not self._alive:
            raise self._not_alive()
        return session

    def _not_alive(self) -> NotAlive:
        return NotAlive(-32001, f"{self} is not alive: call clear() to use it again")

    def _revive(self) -> None:
        session = self._session
        if session is None or not session.connection.alive:
            self._open()
        else:
            try:
                session.clear()
            except ServerDied:  # it was about to end
                self._open()
        self._alive = True

    def _schedule(self, session: Session, job: Job, **how: Any) -> None:
        if self.memlimit:
            job.wkslim = job.wkslim or session.workers
        session.execute(job, **how)

    def _execute_now(self, session: Session, job: Job) -> int:
        """Execute a job beside the workers, and wait for its end."""
        session.callbacks.check_may_wait()
        in_callback = session.callbacks.inside  # which the callbacks of its start, if they were queued, would wait for
        if in_callback:
            try:
                session.announce(job)
            except Exception:
                report_onstart(job)
                return -1
        self._schedule(session, job, wait=True, confirm=not in_callback)
        session.callbacks.serve_until(lambda: job.finished)
        session.raise_refusal(job)
        code = job.record.code if job.record else None
        return -1 if code is None else code


_ARGUMENTS = {"workers": "wksnum", "grace": "latency", "affinity.step": "afnmask", "afnstep": "afnmask"}
"""What the arguments of a pool are called for what others call otherwise."""


def _check_job(job: Job) -> Job:
    checks.kind("job", job, Job, 'a Job, as in Job("list", args=["ls", "/"])')
    return job


def _affinity(afnmask: AffinityMask | int | str | None) -> dict[str, Any] | None:
    if afnmask is None or isinstance(afnmask, AffinityMask):
        return None if afnmask is None else afnmask.wire()
    try:
        return AffinityMask(afnmask).wire()
    except InvalidParams as error:
        raise renamed(error, _ARGUMENTS) from None

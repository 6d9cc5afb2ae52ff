"""Events: what the server tells by itself, and what its log keeps, as immutable typed objects.

::

    Event(seq, time)
    ├── JobEvent(job, name, task, params)
    │   ├── JobQueued, JobStarted, JobRunning, JobEnding, JobRequeued, JobDone
    │   └── JobFinished(record)
    ├── TaskEvent(task, name, params)
    │   ├── TaskQueued, TaskStarted, TaskClosed, TaskEnding, TaskDone
    │   └── TaskFinished(record)
    ├── PoolEnded, PoolCleared
    ├── EventsLost(count)     made here, when a reader of events was too slow
    └── UnknownEvent(event)   of a newer server
"""

from __future__ import annotations

from typing import Any, Callable

from ._records import JobRecord, TaskRecord, Wire, record


@record
class Event:
    """``seq`` is its number in the log of events, ``time`` the Unix time."""

    seq: int
    time: float


@record
class JobEvent(Event):
    """Something about a job; ``params`` are those that it was given."""

    job: int
    name: str
    task: int | None
    params: Any


@record
class JobQueued(JobEvent):
    """The job was taken."""


@record
class JobStarted(JobEvent):
    """An attempt is about to run, on ``cpus`` if it is bound to some."""

    attempt: int
    cpus: tuple[int, ...] | None


@record
class JobRunning(JobEvent):
    """Its process runs."""

    pid: int


@record
class JobEnding(JobEvent):
    """It was told to end."""

    reason: str


@record
class JobRequeued(JobEvent):
    """It is attempted again: after a timeout, or later for lack of memory."""

    reason: str


@record
class JobDone(JobEvent):
    """It succeeded; JobFinished follows."""


@record
class JobFinished(JobEvent):
    """It has ended, with all of its processes."""

    record: JobRecord


@record
class TaskEvent(Event):
    """Something about a task."""

    task: int
    name: str
    params: Any


@record
class TaskQueued(TaskEvent):
    """The task was taken."""


@record
class TaskStarted(TaskEvent):
    """Its first job is about to start."""


@record
class TaskClosed(TaskEvent):
    """Nothing more can be added to it."""


@record
class TaskEnding(TaskEvent):
    """Its jobs were told to end."""

    reason: str | None


@record
class TaskDone(TaskEvent):
    """All that was in it succeeded; TaskFinished follows."""


@record
class TaskFinished(TaskEvent):
    """It has ended."""

    record: TaskRecord


@record
class PoolEnded(Event):
    """The pool is not alive any more."""


@record
class PoolCleared(Event):
    """The pool is ready for reuse."""


@record
class EventsLost(Event):
    """``count`` events up to this one were dropped, because nobody took them."""

    count: int


@record
class UnknownEvent(Event):
    """An event that this version does not know, with all that the server says of it."""

    event: str
    fields: Wire


def event_from(name: str, wire: Wire) -> Event:
    """The event for the name and params of a notification, or for an entry of the log."""
    make = _MAKERS.get((name, wire.get("kind")))
    if make is None:
        return UnknownEvent(wire["seq"], wire["time"], name, wire)
    return make(wire)


def _job(kind: type[JobEvent], *fields: str) -> Callable[[Wire], Event]:
    def make(wire: Wire) -> Event:
        more = [wire.get(field) for field in fields]
        return kind(wire["seq"], wire["time"], wire["job"], wire["name"], wire.get("task"), wire["params"], *more)

    return make


def _task(kind: type[TaskEvent], *fields: str) -> Callable[[Wire], Event]:
    def make(wire: Wire) -> Event:
        more = [wire.get(field) for field in fields]
        return kind(wire["seq"], wire["time"], wire["task"], wire["name"], wire["params"], *more)

    return make


def _pool(kind: type[Event]) -> Callable[[Wire], Event]:
    return lambda wire: kind(wire["seq"], wire["time"])


def _job_started(w: Wire) -> Event:
    cpus = w["cpus"]
    cpus = cpus if cpus is None else tuple(cpus)
    return JobStarted(w["seq"], w["time"], w["job"], w["name"], w.get("task"), w["params"], w["attempt"], cpus)


def _job_finished(w: Wire) -> Event:
    r = JobRecord.from_wire(w)
    return JobFinished(w["seq"], w["time"], r.job, r.name, r.task, r.params, r)


def _task_finished(w: Wire) -> Event:
    r = TaskRecord.from_wire(w)
    return TaskFinished(w["seq"], w["time"], r.task, r.name, r.params, r)


_MAKERS: dict[tuple[str, Any], Callable[[Wire], Event]] = {
    ("queued", "job"): _job(JobQueued),
    ("onstart", "job"): _job_started,
    ("running", "job"): _job(JobRunning, "pid"),
    ("ending", "job"): _job(JobEnding, "reason"),
    ("requeued", "job"): _job(JobRequeued, "reason"),
    ("ondone", "job"): _job(JobDone),
    ("onfinish", "job"): _job_finished,
    ("queued", "task"): _task(TaskQueued),
    ("onstart", "task"): _task(TaskStarted),
    ("closed", "task"): _task(TaskClosed),
    ("ending", "task"): _task(TaskEnding, "reason"),
    ("ondone", "task"): _task(TaskDone),
    ("onfinish", "task"): _task_finished,
    ("ended", "pool"): _pool(PoolEnded),
    ("cleared", "pool"): _pool(PoolCleared),
}

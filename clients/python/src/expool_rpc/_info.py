"""JobInfo and TaskInfo: what is told of jobs and tasks, in PyExPool's words."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ._identity import IdentitySet

if TYPE_CHECKING:
    from ._job import Job
    from ._task import Task


class Tally:
    """What came of the jobs of a pool."""

    def __init__(self) -> None:
        self.done = 0
        self.failures: list[JobInfo] = []
        self.tasks: IdentitySet[Task] = IdentitySet()


class _Info:
    """Facts with names, in an order."""

    __slots__ = ("tstart", "tstop")
    tstart: float | None
    tstop: float | None
    _names: tuple[str, ...] = ()

    @classmethod
    def iterprop(cls) -> Iterator[str]:
        """The names of all facts."""
        return iter(cls._names)

    @property
    def duration(self) -> float | None:
        """The seconds from its start to its end, or to now."""
        if self.tstart is None:
            return None
        return (time.perf_counter() if self.tstop is None else self.tstop) - self.tstart

    def json(self) -> dict[str, Any]:
        """The facts as a dict; the task by its name."""
        facts = {name: getattr(self, name) for name in self.iterprop()}
        if facts["task"] is not None:
            facts["task"] = facts["task"].name
        return facts

    def __contains__(self, name: str) -> bool:
        return name in self.iterprop()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.json().items())})"


class JobInfo(_Info):
    """What is known of a job at this moment: ``name``, ``pid``, ``code`` (exit code or negative signal), ``tstart``,
    ``tstop``, ``memsize`` in GB, ``memkind``, ``task`` and ``category``; beyond PyExPool, ``reason``: why it ended."""

    _names = ("name", "pid", "code", "tstart", "tstop", "memsize", "memkind", "task", "category", "duration", "reason")
    __slots__ = ("category", "code", "memkind", "memsize", "name", "pid", "reason", "task")

    def __init__(self, job: Job, tstop: float | None = None) -> None:
        self.name = job.name
        self.pid = None if job.proc is None else job.proc.pid
        self.code = None if job.proc is None else job.proc.returncode
        self.tstart = job.tstart
        self.tstop = tstop if job.tstop is None else job.tstop
        self.memsize = job.mem
        self.memkind = job.memkind
        self.task = job.task
        self.category = job.category
        self.reason = job.reason


class TaskInfo(_Info):
    """What is known of a task at this moment: ``name``, ``tstart``, ``tstop``, ``numadded``, ``numdone``, ``numterm``
    and ``task``, the one around it."""

    _names = ("name", "tstart", "tstop", "numadded", "numdone", "numterm", "task", "duration")
    __slots__ = ("name", "numadded", "numdone", "numterm", "task")

    def __init__(self, task: Task) -> None:
        self.name = task.name
        self.tstart = task.tstart
        self.tstop = task.tstop
        self.numadded = task.numadded
        self.numdone = task.numdone
        self.numterm = task.numterm
        self.task = task.task

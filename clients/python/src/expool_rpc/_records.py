"""What the server tells, as immutable typed objects: records of jobs and tasks, and the results of calls.

Field names and units are those of the protocol: seconds, bytes, Unix time. Fields that a newer server adds are ignored.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Callable, TypeVar

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform

    T = TypeVar("T")

    @dataclass_transform(frozen_default=True)
    def record(cls: type[T]) -> type[T]: ...

elif sys.version_info >= (3, 10):
    record = dataclass(frozen=True, slots=True)
else:
    record = dataclass(frozen=True)

Wire = Mapping[str, Any]


@record
class CPUTime:
    """Processor time of a whole process tree, in seconds; None where there is no figure."""

    user: float | None
    sys: float | None


@record
class MemPeak:
    """The most memory that was in use, in bytes, and how the figure was obtained; ``source`` is "none" without one."""

    bytes: int | None
    source: str


@record
class IO:
    """Bytes from and to storage; None where there is no figure."""

    read: int | None
    write: int | None


@record
class Truncated:
    """Bytes that were left out of captured output."""

    stdout: int
    stderr: int


@record
class JobRecord:
    """What is known of a job.

    ``state`` is "queued", "starting", "running", "ending", "done" or "failed"; ``reason`` says why it ended, and is
    None while it has not. ``code`` is the exit code, the negative number of the signal that ended it, or None if it
    never ran. Spans and CPU time are of the last attempt. ``stdout`` and ``stderr`` are None unless captured.
    """

    job: int
    name: str
    task: int | None
    category: str | None
    state: str
    reason: str | None
    code: int | None
    attempts: int
    tstart: float | None
    tstop: float | None
    duration: float | None
    cputime: CPUTime
    mem: int | None
    mempeak: MemPeak
    io: IO
    pid: int | None
    cpus: tuple[int, ...] | None
    leaked: int
    params: Any
    interference: tuple[str, ...] | None
    stdout: str | None
    stderr: str | None
    truncated: Truncated | None
    warnings: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether it ended by itself, with exit code 0."""
        return self.state == "done"

    @staticmethod
    def from_wire(wire: Wire) -> JobRecord:
        # By hand, and by position, since there is one for each job: this takes a few microseconds.
        head = _JOB_HEAD(wire)
        cpu, mem, peak, io, pid, cpus, leaked, params = _JOB_TAIL(wire)
        get = wire.get
        cut = get("truncated")
        shared = get("interference")
        return _new_job(
            *head,
            CPUTime(cpu["user"], cpu["sys"]),
            mem,
            MemPeak(peak["bytes"], peak["source"]),
            IO(io["read"], io["write"]),
            pid,
            cpus if cpus is None else tuple(cpus),
            leaked,
            params,
            shared if shared is None else tuple(shared),
            get("stdout"),
            get("stderr"),
            cut and Truncated(cut.get("stdout", 0), cut.get("stderr", 0)),
            tuple(get("warnings", ())),
        )


_new_job: Callable[..., JobRecord] = JobRecord  # mypy takes what itemgetter gives for too much
_JOB_HEAD = itemgetter(
    *("job", "name", "task", "category", "state", "reason", "code", "attempts", "tstart", "tstop", "duration")
)
_JOB_TAIL = itemgetter("cputime", "mem", "mempeak", "io", "pid", "cpus", "leaked", "params")


@record
class TaskRecord:
    """What is known of a task.

    ``numadded``, ``numdone`` and ``numterm`` count the jobs and tasks directly in it: all of them, those that
    succeeded, and those that ended otherwise.
    """

    task: int
    parent: int | None
    name: str
    state: str
    reason: str | None
    tstart: float | None
    tstop: float | None
    duration: float | None
    numadded: int
    numdone: int
    numterm: int
    params: Any
    warnings: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether all that was in it succeeded."""
        return self.state == "done"

    @staticmethod
    def from_wire(wire: Wire) -> TaskRecord:
        return _new_task(*_TASK(wire), tuple(wire.get("warnings", ())))


_new_task: Callable[..., TaskRecord] = TaskRecord
_TASK = itemgetter(
    *("task", "parent", "name", "state", "reason", "tstart", "tstop", "duration"),
    *("numadded", "numdone", "numterm", "params"),
)


@record
class JoinResult:
    """How it went.

    ``completed`` is False if a timeout or a termination ended the pool; ``failures`` are the records of the failed jobs
    that the server still keeps.
    """

    completed: bool
    done: int
    failed: int
    duration: float
    failures: tuple[JobRecord, ...]

    @staticmethod
    def from_wire(wire: Wire) -> JoinResult:
        failures = tuple(map(JobRecord.from_wire, wire["failures"]))
        return JoinResult(wire["completed"], wire["done"], wire["failed"], wire["duration"], failures)


@record
class Memory:
    """Bytes in use by all jobs together, None if nothing is measured, and the limit; 0 for none."""

    used: int | None
    limit: int


@record
class Status:
    """How the pool is: the number of jobs in each state, and the seconds since its start."""

    alive: bool
    workers: int
    queued: int
    starting: int
    running: int
    ending: int
    done: int
    failed: int
    memory: Memory
    uptime: float

    @staticmethod
    def from_wire(wire: Wire) -> Status:
        counts = _COUNTS(wire)
        memory = Memory(wire["memory"]["used"], wire["memory"]["limit"])
        return _new_status(wire["alive"], wire["workers"], *counts, memory, wire["uptime"])


_new_status: Callable[..., Status] = Status
_COUNTS = itemgetter("queued", "starting", "running", "ending", "done", "failed")


@record
class Explanation:
    """Why a job is not running: the constraint, the jobs it waits for, and a sentence for people."""

    job: int
    state: str
    constraint: str
    waits_for: tuple[int, ...]
    text: str

    @staticmethod
    def from_wire(wire: Wire) -> Explanation:
        waits_for = tuple(wire.get("waits_for") or ())
        return Explanation(wire["job"], wire["state"], wire["constraint"], waits_for, wire["text"])


@record
class Node:
    """A NUMA node, or a package; ``memory`` in bytes, None if it is not known."""

    id: int
    cpus: tuple[int, ...]
    memory: int | None

    @staticmethod
    def from_wire(wire: Wire) -> Node:
        return Node(wire["id"], tuple(wire["cpus"]), wire.get("memory"))


@record
class Core:
    """A core, with its hardware threads."""

    cpus: tuple[int, ...]
    node: int | None
    package: int | None

    @staticmethod
    def from_wire(wire: Wire) -> Core:
        return Core(tuple(wire["cpus"]), wire.get("node"), wire.get("package"))


@record
class Cache:
    """A cache, and the CPUs that share it; ``size`` in bytes, None if it is not known."""

    level: int
    cpus: tuple[int, ...]
    size: int | None

    @staticmethod
    def from_wire(wire: Wire) -> Cache:
        return Cache(wire["level"], tuple(wire["cpus"]), wire.get("size"))


@record
class Topology:
    """The machine: CPUs online, those that may be used, and how they belong together."""

    cpus: tuple[int, ...]
    allowed: tuple[int, ...]
    nodes: tuple[Node, ...]
    packages: tuple[Node, ...]
    cores: tuple[Core, ...]
    caches: tuple[Cache, ...]
    uniform: bool

    @staticmethod
    def from_wire(wire: Wire) -> Topology:
        return Topology(
            tuple(wire["cpus"]),
            tuple(wire["allowed"]),
            tuple(map(Node.from_wire, wire["nodes"])),
            tuple(map(Node.from_wire, wire["packages"])),
            tuple(map(Core.from_wire, wire["cores"])),
            tuple(map(Cache.from_wire, wire["caches"])),
            wire["uniform"],
        )

"""An execution pool for external commands: limits, chained termination, CPU placement, exact accounting.

`ExecPool`, `Job`, `Task` and `AffinityMask` have PyExPool's names, defaults and units, and more; `AsyncExecPool` is for
asyncio. `Connection` speaks the protocol of expool-rpc, for what neither offers. The guide is docs/guide.md.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

from ._affinity import AffinityMask
from ._binary import find_binary
from ._connection import Connection
from ._errors import (
    BinaryNotFound,
    Busy,
    CallError,
    CallTimeout,
    ConnectionClosed,
    InvalidParams,
    InvalidRequest,
    NoSuchJob,
    NoSuchMethod,
    NotAlive,
    PoolError,
    ProtocolMismatch,
    ServerDied,
    ServerFault,
)
from ._future import JobFuture
from ._info import JobInfo, TaskInfo
from ._job import Job
from ._machine import cpucorethreads, cpunodes, cpusequential
from ._pool import ExecPool
from ._proc import JobProcess
from ._progress import progress
from ._records import (
    IO,
    Cache,
    Core,
    CPUTime,
    Explanation,
    JobRecord,
    JoinResult,
    Memory,
    MemPeak,
    Node,
    Status,
    TaskRecord,
    Topology,
    Truncated,
)
from ._streams import DEVNULL, PIPE, STDOUT
from ._task import Task
from ._units import inBytes, inGigabytes, ramfracs, ramsize, secondsToHms
from ._version import __version__

if TYPE_CHECKING:
    from ._aio import AsyncExecPool, AsyncJobFuture
    from ._aio_events import EventStream
    from ._events import (
        Event,
        EventsLost,
        JobDone,
        JobEnding,
        JobEvent,
        JobFinished,
        JobQueued,
        JobRequeued,
        JobRunning,
        JobStarted,
        PoolCleared,
        PoolEnded,
        TaskClosed,
        TaskDone,
        TaskEnding,
        TaskEvent,
        TaskFinished,
        TaskQueued,
        TaskStarted,
        UnknownEvent,
    )

__all__ = [
    # the API of PyExPool
    "ExecPool",
    "Job",
    "Task",
    "AffinityMask",
    "JobInfo",
    "TaskInfo",
    "PIPE",
    "STDOUT",
    "DEVNULL",
    "ramfracs",
    "cpucorethreads",
    "cpunodes",
    "cpusequential",
    "inBytes",
    "inGigabytes",
    "secondsToHms",
    "ramsize",
    # beyond it
    "JobFuture",
    "JobProcess",
    "progress",
    "AsyncExecPool",
    "AsyncJobFuture",
    "EventStream",
    "Connection",
    "find_binary",
    "__version__",
    # records and results
    "JobRecord",
    "TaskRecord",
    "JoinResult",
    "Status",
    "Explanation",
    "Topology",
    "CPUTime",
    "MemPeak",
    "IO",
    "Truncated",
    "Memory",
    "Node",
    "Core",
    "Cache",
    # events
    "Event",
    "JobEvent",
    "JobQueued",
    "JobStarted",
    "JobRunning",
    "JobEnding",
    "JobRequeued",
    "JobDone",
    "JobFinished",
    "TaskEvent",
    "TaskQueued",
    "TaskStarted",
    "TaskClosed",
    "TaskEnding",
    "TaskDone",
    "TaskFinished",
    "PoolEnded",
    "PoolCleared",
    "EventsLost",
    "UnknownEvent",
    # errors
    "PoolError",
    "BinaryNotFound",
    "ProtocolMismatch",
    "ServerDied",
    "ConnectionClosed",
    "CallTimeout",
    "CallError",
    "InvalidRequest",
    "NoSuchMethod",
    "InvalidParams",
    "ServerFault",
    "NotAlive",
    "NoSuchJob",
    "Busy",
]

_LATE = ("._events", "._aio_events", "._aio")  # imported on first use: asyncio takes longer than all of the rest


def __getattr__(name: str) -> object:
    if name in __all__:
        for module in _LATE:
            found = vars(_import_module(module, __name__))
            if name in found:
                return globals().setdefault(name, found[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

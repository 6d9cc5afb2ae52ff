"""PyExPool's module ``mpepool``, on expool-rpc: programs that import it run unchanged.

Put the folder that ``python -m expool_rpc dropin`` prints on PYTHONPATH, before PyExPool's own. What differs, and why,
tells the guide of expool-rpc, in "Moving from PyExPool".
"""

from __future__ import annotations

import subprocess
import time
from typing import Any

import expool_rpc
from expool_rpc import (  # what PyExPool's module has
    AffinityMask as AffinityMask,
)
from expool_rpc import (
    Job as Job,
)
from expool_rpc import (
    JobInfo as JobInfo,
)
from expool_rpc import (
    Task as Task,
)
from expool_rpc import (
    TaskInfo as TaskInfo,
)
from expool_rpc import (
    cpucorethreads as cpucorethreads,
)
from expool_rpc import (
    cpunodes as cpunodes,
)
from expool_rpc import (
    cpusequential as cpusequential,
)
from expool_rpc import (
    inBytes as inBytes,
)
from expool_rpc import (
    inGigabytes as inGigabytes,
)
from expool_rpc import (
    ramfracs as ramfracs,
)
from expool_rpc import (
    ramsize,
)
from expool_rpc import (
    secondsToHms as secondsToHms,
)

PIPE = subprocess.PIPE
STDOUT = subprocess.STDOUT

_LIMIT_WORKERS_RAM = True
"""Whether memory limits hold; looked at when a pool is made. Unlike PyExPool's, they need no psutil."""

_CHAINED_CONSTRAINTS = True
"""Whether a job that breaks a limit ends related, heavier ones; looked at when a pool is made."""

_RAM_SIZE = ramsize()
"""The physical memory in GB."""

_RAM_LIMIT = _RAM_SIZE * 0.98 - 0.25
"""The most memory in GB that PyExPool lets jobs have. The server keeps a reserve of its own, as it finds the host."""

_DEBUG_TRACE = False
_WEBUI = True
_AFFINITYBIN = "taskset"


class ExecPool(expool_rpc.ExecPool):
    __doc__ = expool_rpc.ExecPool.__doc__

    def _switches(self) -> tuple[bool, bool]:
        return _LIMIT_WORKERS_RAM, _CHAINED_CONSTRAINTS


def timeheader(timestamp: time.struct_time | None = None) -> str:
    """A line with a time, as PyExPool writes it into files."""
    return time.strftime("# ----- %Y-%m-%d %H:%M:%S " + "-" * 30, timestamp or time.gmtime())


def tblfmt(v: Any, strpad: int = 0) -> str:
    """A value as a cell of a table, at least ``strpad`` wide."""
    if isinstance(v, float):
        return f"{v:.3f}"
    return str("-" if v is None else v).rjust(strpad)


def infoheader(objprops: Any, propflt: Any = None) -> tuple[str, ...]:
    """The names of the properties of an info object, or of those that ``propflt`` has."""
    present = tuple(objprops)
    return tuple(name for name in propflt if name in present) if propflt else present


def infodata(obj: JobInfo | TaskInfo, propflt: Any = None) -> tuple[str, ...]:
    """The properties of an info object as cells of a table."""
    return tuple(tblfmt(getattr(obj, name)) for name in propflt or obj.iterprop())

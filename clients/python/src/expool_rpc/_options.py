"""The fields of calls, for those who check types; names and units are those of the protocol."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Union

Command = Union[Sequence[Union[str, "os.PathLike[str]"]], str, None]
Output = Union[str, Mapping[str, str], None]
Bytes = Union[int, str]


class JobOptions(TypedDict, total=False):
    """The options of a job, as in the protocol. What is left out has the server's default.

    ``stdout`` and ``stderr`` are "inherit", "pipe" (captured in the record), None (discarded), ``{"file": path}``, or
    for stderr "stdout". Times are in seconds; memory is in bytes, or text such as "512MiB".
    """

    workdir: str
    env: Mapping[str, str]
    stdin: str
    stdout: Output
    stderr: Output
    timeout: float
    rsrtonto: bool
    startdelay: float
    task: int
    params: Any
    omitafn: bool
    memlim: Bytes
    memkind: int
    category: str
    size: float
    slowdown: float


class TaskOptions(TypedDict, total=False):
    """The options of a task: the task around it, and what its jobs have in common."""

    task: int
    timeout: float
    params: Any
    stdout: Output
    stderr: Output


class Settings(TypedDict, total=False):
    """The settings of a pool, as in the protocol. What is left out has the server's default."""

    name: str
    workers: int
    memlimit: Bytes
    latency: float
    grace: float
    affinity: Mapping[str, Any]
    chained: bool


class Filter(TypedDict, total=False):
    """Which jobs or tasks to tell of: ``after`` an id, to page on; ``task`` means directly in it."""

    state: str
    name: str
    category: str
    task: int
    reason: str
    limit: int
    after: int

"""What the machine has: asked of the server, which reads it from the kernel, once for a process.

PyExPool runs `lscpu` and `lstopo` when it is imported; nothing runs here before it is asked for.
"""

from __future__ import annotations

import functools
from typing import Any

from ._connection import Connection


def ask(method: str, params: dict[str, Any] | None = None) -> Any:
    """The answer of a server that runs no jobs."""
    connection = Connection(on_message=_ignore, on_closed=_ignore)
    try:
        return connection.call(method, params)
    finally:
        connection.close()


def _ignore(_: object) -> None:
    pass


@functools.cache
def machine() -> dict[str, Any]:
    """The reply of ``topology``."""
    topology: dict[str, Any] = ask("topology")
    return topology


@functools.cache
def affinity_mask(step: int | str, first: bool, sequential: bool | None, index: int) -> str:
    """The CPUs of an affinity group, as a list such as ``"0,16"``."""
    params = {"step": step, "first": first, "sequential": sequential, "index": index}
    mask: str = ask("affinity", params)["mask"]
    return mask


def cpucorethreads() -> int:
    """How many hardware threads a core has: 1 without hyper-threading, usually 2 with it; the most on hybrid machines.

    As an affinity step, it gives each job a core of its own, and so all of the core's cache.
    """
    return max((len(core["cpus"]) for core in machine()["cores"]), default=1)


def cpunodes() -> int:
    """How many NUMA nodes have CPUs; 1 on a machine without NUMA."""
    return max(1, sum(1 for node in machine()["nodes"] if node["cpus"]))


def cpusequential(ncpunodes: int | None = None) -> bool:
    """Whether the threads of a core have consecutive numbers, rather than one round through all cores before the next.

    On machines with one thread a core, whether a node's CPUs have consecutive numbers. ``ncpunodes`` is taken as
    PyExPool takes it, and not needed.
    """
    units = [core["cpus"] for core in machine()["cores"] if len(core["cpus"]) > 1]
    units = units or [node["cpus"] for node in machine()["nodes"] if node["cpus"]]
    return all(cpus == list(range(cpus[0], cpus[0] + len(cpus))) for cpus in map(sorted, units))

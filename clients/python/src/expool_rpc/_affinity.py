"""AffinityMask: which CPUs each worker gets."""

from __future__ import annotations

import multiprocessing
from typing import Any, Callable, Generic, TypeVar

from . import _machine
from ._checks import whole
from ._errors import InvalidParams, renamed

T = TypeVar("T")


def _cpus() -> int:
    return multiprocessing.cpu_count()  # looked up late, for programs and tests that replace it


class _OfMachine(Generic[T]):
    """An attribute of the class and of its instances, read from the machine when it is asked for."""

    def __init__(self, doc: str, read: Callable[[], T]) -> None:
        self._read = read
        self.__doc__ = doc

    def __get__(self, instance: object, owner: type) -> T:
        return self._read()


class AffinityMask:
    """An affinity group for each worker: CPUs that no other job of the pool has.

    :param afnstep: how many hardware threads a group has: 1, or a multiple of a core's threads within a NUMA node
        (``AffinityMask.CORE_THREADS`` dedicates a core, ``AffinityMask.NODE_CPUS`` a node). Beyond PyExPool, also
        ``"thread"``, ``"core"``, ``"l2"``, ``"l3"``, ``"node"`` or ``"package"``: what the machine has, uniform or not.
    :param first: the job gets one CPU of its group, the first thread of its first core; with False all of them.
    :param sequential: how the CPUs are numbered, should what the kernel tells be overridden; None for what it tells.
    :raises ValueError: an argument is wrong. Whether the machine has such groups is found when they are asked for.

    The class itself tells of this machine: ``CPUS``, ``NODES``, ``CORE_THREADS``, ``SEQUENTIAL``, ``CORES``,
    ``NODE_CPUS``.
    """

    CPUS = _OfMachine("Logical CPUs: all hardware threads of all cores.", _cpus)
    NODES = _OfMachine("NUMA nodes that have CPUs.", _machine.cpunodes)
    CORE_THREADS = _OfMachine("Hardware threads of a core.", _machine.cpucorethreads)
    SEQUENTIAL = _OfMachine("Whether the threads of a core have consecutive numbers.", _machine.cpusequential)
    CORES = _OfMachine("Physical cores.", lambda: max(1, AffinityMask.CPUS // AffinityMask.CORE_THREADS))
    NODE_CPUS = _OfMachine("Logical CPUs of a node.", lambda: max(1, AffinityMask.CPUS // AffinityMask.NODES))

    def __init__(self, afnstep: float | str, first: bool = True, sequential: bool | None = None) -> None:
        self.afnstep = _step(afnstep)
        self.first = bool(first)
        self.sequential = None if sequential is None else bool(sequential)

    def __call__(self, i: int) -> str:
        """The CPUs of group ``i``, from 0 on, as a list that ``taskset -c`` takes, such as ``"0,16"`` or ``"4-7"``.

        :raises IndexError: there are not so many groups.
        :raises ValueError: the machine can't be divided by this step.
        """
        try:
            return _machine.affinity_mask(self.afnstep, self.first, self.sequential, i)
        except InvalidParams as error:
            if error.field == "index":
                raise IndexError(f"affinity group {i} of step {self.afnstep}: {error.problem}") from None
            raise renamed(error, {"step": "afnstep"}) from None

    def __repr__(self) -> str:
        return f"AffinityMask({self.afnstep!r}, first={self.first}, sequential={self.sequential})"

    def wire(self) -> dict[str, Any]:
        """What ``initialize`` takes."""
        return {"step": self.afnstep, "first": self.first, "sequential": self.sequential}


def _step(afnstep: float | str) -> int | str:
    if isinstance(afnstep, str):
        return afnstep
    return whole("afnstep", afnstep, "a whole number of threads, 1 or more, or a name such as 'core'")

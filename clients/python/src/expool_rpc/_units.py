"""Gigabytes and times as PyExPool gives them, and the size of the memory."""

from __future__ import annotations

import os

from ._checks import amount, factor

GIGABYTE = 1024**3
"""Bytes in what this API, like PyExPool, calls a gigabyte (GB)."""


def ramsize() -> float:
    """The physical memory of this machine, in GB."""
    return inGigabytes(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def ramfracs(fracsize: float) -> int:
    """How many whole shares of ``fracsize`` GB the physical memory has.

    A pool whose jobs need 2.5 GB each: ``ExecPool(max(1, min(cpu_count(), ramfracs(2.5))))``.

    :raises ValueError: ``fracsize`` is not above 0.
    """
    return int(ramsize() / factor("fracsize", fracsize))


def inGigabytes(nbytes: float) -> float:
    """Bytes in GB."""
    return nbytes / GIGABYTE


def inBytes(gb: float) -> float:
    """GB in bytes."""
    return gb * GIGABYTE


def whole_bytes(gb: float) -> int:
    """GB in bytes, as the wire has them; a limit above 0 stays above 0."""
    return max(1, round(inBytes(gb))) if gb > 0 else 0


def secondsToHms(seconds: float) -> tuple[int, int, float]:
    """Seconds as hours, minutes and the seconds that are left.

    :raises ValueError: ``seconds`` is negative.
    """
    minutes, rest = divmod(amount("seconds", seconds), 60)
    hours, minutes = divmod(int(minutes), 60)
    return hours, minutes, rest

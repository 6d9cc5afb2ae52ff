"""The server's wall clock times, in the time of this process."""

from __future__ import annotations

import time

_STEP = 0.001  # seconds; a smaller change is a matter of when the two clocks were read


def _offset() -> float:
    """How far time.perf_counter is ahead of the wall clock, from the closest of a few readings."""
    readings = []
    for _ in range(5):
        before, unix, after = time.perf_counter(), time.time(), time.perf_counter()
        readings.append((after - before, (before + after) / 2 - unix))
    return min(readings)[1]


class Clock:
    """Converts times so that their order is kept, as long as the wall clock is not set."""

    def __init__(self) -> None:
        self._offset = _offset()

    def perf(self, unix: float) -> float:
        """A moment of the wall clock in seconds of time.perf_counter."""
        if abs(time.perf_counter() - time.time() - self._offset) > _STEP:
            offset = _offset()
            if abs(offset - self._offset) > _STEP:
                self._offset = offset
        return unix + self._offset


perf_time = Clock().perf

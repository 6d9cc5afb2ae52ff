"""From the reading thread to the event loop, and on to those who read events."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Any, Callable

from ._errors import PoolError, copy_error, invalid_params
from ._events import Event, EventsLost


class Inbox:
    """Hands what comes in the reading thread over to a function in the event loop, in order, many at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, take: Callable[[Any], None]) -> None:
        self._loop = loop
        self._take = take
        self._items: deque[Any] = deque()
        self._scheduled = False

    def put(self, item: Any) -> None:
        self._items.append(item)
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        self._scheduled = False  # first, so that what is put from now on is not overlooked
        try:
            for _ in range(len(self._items)):
                self._take(self._items.popleft())
        finally:
            if self._items:  # after an exception, which is the loop's to handle
                self._schedule()


class EventStream:
    """An asynchronous iterator of events, from its making on.

    It ends when the pool is closed, and raises `ServerDied` if the server died. At most ``limit`` events wait in it: if
    its reader is slower than that, the oldest are dropped, and an `EventsLost` tells how many. It keeps its pool alive.
    """

    def __init__(self, limit: int, pool: object) -> None:
        if not limit >= 1:
            raise invalid_params("limit", f"is {limit!r}: give how many events may wait, 1 or more")
        self._limit = limit
        self._pool = pool
        self._events: deque[Event] = deque()
        self._last_lost: Event | None = None
        self._lost = 0
        self._ended = False
        self._error: PoolError | None = None
        self._news = asyncio.Event()

    def __aiter__(self) -> EventStream:
        return self

    async def __anext__(self) -> Event:
        while not self._events:
            if self._error is not None:
                raise copy_error(self._error)
            if self._ended:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        if self._last_lost is not None:
            lost, self._last_lost = self._last_lost, None
            count, self._lost = self._lost, 0
            return EventsLost(lost.seq, lost.time, count)
        return self._events.popleft()

    def put(self, event: Event) -> None:
        if len(self._events) >= self._limit:
            self._last_lost = self._events.popleft()
            self._lost += 1
        self._events.append(event)
        self._news.set()

    def end(self, error: PoolError | None) -> None:
        self._ended, self._error = True, error
        self._news.set()

"""The callbacks that wait to be called, and the threads that serve them.

What happens is told by the thread that reads from the server; callbacks are called by the threads of the host that call
`ExecPool.join`, `ExecPool.execute` and the like, one at a time, in the order of what happened. All waiting is done
here, on one condition.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Callable

Action = Callable[[], None]


class CallbackQueue:
    """A queue of actions, which one thread at a time carries out."""

    def __init__(self) -> None:
        self._actions: deque[Action] = deque()
        self._changed = threading.Condition()
        self._serving: int | None = None  # the thread that carries out actions
        self._eager = 0  # how many wait for something that no action follows from
        self._teller: int | None = None  # the thread that reads from the server
        self._news = False  # something has changed that the teller has not told

    @property
    def lock(self) -> threading.Condition:
        """To be held while what is waited for changes."""
        return self._changed

    @property
    def inside(self) -> bool:
        """Whether the caller is a callback, of a job or of a future."""
        return threading.get_ident() in (self._serving, self._teller)

    @property
    def inside_done(self) -> bool:
        """Whether the caller is a done callback of a future: the thread that all waiting ends by."""
        return threading.get_ident() == self._teller

    def check_may_wait(self) -> None:
        """Refuse to wait in a done callback of a future."""
        if self.inside_done:
            raise RuntimeError("a done callback of a future can't wait for the pool: use onfinish, or another thread")

    def put(self, action: Action) -> None:
        """Add an action."""
        self._actions.append(action)
        self.changed()

    def changed(self, always: bool = True) -> None:
        """Have waiting threads look again; if not always, then only those that wait for any change."""
        if not (always or self._eager):
            return
        if threading.get_ident() == self._teller:
            self._news = True
        else:
            with self._changed:
                self._changed.notify_all()

    def tell(self, more: bool = True) -> None:
        """The thread that reads is about to wait for more, or to end: now waiting threads look again, once for all that
        came."""
        self._teller = threading.get_ident() if more else None
        if self._news:
            self._news = False
            with self._changed:
                self._changed.notify_all()

    def serve(self) -> None:
        """Carry out what is queued, unless another thread or a caller of this one is at it, or this one reads."""
        if self._actions and not self.inside and self._take_over():
            self._run()

    def carry_out(self, action: Action) -> None:
        """Carry out an action now, as soon as no other thread carries out one; in a callback, as a part of it."""
        if self.inside:
            action()
            return
        with self._changed:
            self._await(lambda: self._serving is None, None)
            self._serving = threading.get_ident()
        try:
            action()
        finally:
            self._leave()

    def serve_due(self, timeout: float) -> None:
        """Carry out what is queued; if nothing is, wait for something for up to ``timeout`` seconds."""
        with self._changed:
            self._await(self._may_serve, time.monotonic() + timeout)
        self.serve()

    def serve_until(self, done: Callable[[], bool], timeout: float | None = None, *, eager: bool = True) -> bool:
        """Carry out actions until nothing is queued and ``done()``; False if ``timeout`` seconds pass before.

        In a callback, it waits only: the actions after it can't come before its own end.

        :param eager: look at ``done`` at every change, and not only when all jobs have finished or calls were answered.
        """
        if self.inside:
            return self.wait(done, timeout)
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            with self._changed:
                if not self._await(lambda: self._may_serve() or (done() and not self._busy()), deadline, eager):
                    return False
                if not self._take_over():
                    return True
            self._run()

    def wait(self, done: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait for ``done()`` without carrying out anything; False if ``timeout`` seconds pass before.

        :raises RuntimeError: the caller is the thread that reads, in a done callback of a future.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            return self._await(done, deadline)

    def _await(self, done: Callable[[], bool], deadline: float | None, eager: bool = True) -> bool:
        self._eager += eager
        try:
            while not done():
                remaining = None if deadline is None else deadline - time.monotonic()
                if remaining is not None and remaining <= 0:
                    return False
                self.check_may_wait()
                self._changed.wait(remaining)
            return True
        finally:
            self._eager -= eager

    def _busy(self) -> bool:
        return bool(self._actions) or self._serving is not None

    def _may_serve(self) -> bool:
        return bool(self._actions) and self._serving is None

    def _take_over(self) -> bool:
        with self._changed:
            if not self._may_serve():
                return False
            self._serving = threading.get_ident()
            return True

    def _run(self) -> None:
        try:
            while self._actions:
                self._actions.popleft()()
        finally:
            self._leave()

    def _leave(self) -> None:
        with self._changed:
            self._serving = None
            self._changed.notify_all()

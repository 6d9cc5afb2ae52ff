"""The engine of a connection: two threads, and the calls that wait for an answer.

What the pipe takes whole is written by its caller; all else by one thread, so that a caller never blocks on a server
that is slow to read, and no line is ever cut by an exception in the caller, such as KeyboardInterrupt. One thread
reads, always, so that the server can always write, and nothing that it wrote is lost to such an exception. (That is
why a thread that waits does not read for itself; it would save one switch of threads, and lose events to Ctrl-C.) It
alone answers calls, and it alone ends the link: when the server's output ends, it waits for the process, fails what is
pending, and tells that it is over.

A link refers to nothing of its owner but the callbacks, and its threads keep it alive.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import itertools
import logging
import os
import select
import threading
import weakref
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from typing import Any, Callable, Optional

from . import _wire
from ._errors import ConnectionClosed, PoolError, ProtocolMismatch, call_error, copy_error
from ._process import ServerProcess

OnMessage = Callable[[dict[str, Any]], None]
OnClosed = Callable[[Optional[PoolError]], None]
OnPause = Callable[[], None]
OnAnswer = Callable[[Any, Optional[PoolError]], None]  # the result, or why there is none

_CHUNK = 1 << 16  # what a pipe holds; from 128 KiB on, memory for each read would be mapped and unmapped
_EXIT = 10.0  # seconds that the server has to exit when its output has ended, before it is killed

_log = logging.getLogger("expool_rpc")
_LIVE: weakref.WeakSet[Link] = weakref.WeakSet()


class Link:
    """A running server, with the threads that talk to it."""

    def __init__(self, process: ServerProcess, on_message: OnMessage, on_pause: OnPause, on_closed: OnClosed) -> None:
        self.process = process
        self.on_message = on_message
        self.on_pause = on_pause
        self.on_closed = on_closed
        self.error: PoolError | None = None  # why it has ended, if it was not asked to
        self.over: PoolError | None = None  # what calls fail with from now on
        self._greeted = False  # it has answered the first call, as a server of our protocol does
        self._asked = False  # to end
        self._shutdown = False  # a call that asks for the end was sent
        self._ids = itertools.count(1)
        self._pending: dict[int, OnAnswer] = {}
        self._outbox: deque[bytes] = deque()
        self._unsent = memoryview(b"")  # what the writer has begun to write
        self._pen = threading.RLock()  # held to use or close the process's input, and never for long; signal handlers
        # make calls as well, while their thread holds it
        self._wake = threading.Lock()  # held while the writer has nothing to do
        self._wake.acquire()
        self._reader = threading.Thread(target=self._read, name="expool-rpc reader", daemon=True)
        self._writer = threading.Thread(target=self._write, name="expool-rpc writer", daemon=True)
        _LIVE.add(self)
        self._writer.start()
        self._reader.start()

    def greet(self, settings: dict[str, Any]) -> Future[Any]:
        """Send the first call, `initialize`; the callbacks are in use once it has succeeded."""
        future = _running_future()
        params = {**settings, "protocol": _wire.PROTOCOL}
        self.ask("initialize", params, functools.partial(self._meet, future))
        return future

    def _meet(self, future: Future[Any], result: Any, error: PoolError | None) -> None:
        self._greeted = isinstance(result, dict) and result.get("protocol") == _wire.PROTOCOL
        _complete(future, result, error)

    def send(self, method: str, many: Iterable[Any]) -> list[Future[Any]]:
        """Send a call for each of many params, and return their futures. They fail with PoolErrors only."""
        calls = [(next(self._ids), params) for params in many]
        lines = [_wire.request_line(id, method, params) for id, params in calls]
        futures = [_running_future() for _ in calls]
        self._pending.update((id, functools.partial(_complete, future)) for (id, _), future in zip(calls, futures))
        self._post(method, lines, [id for id, _ in calls])
        return futures

    def ask(self, method: str, params: Any, on_answer: OnAnswer) -> None:
        """Send a call that no thread waits for: the reader, or, if it is over, this thread, tells the answer."""
        id = next(self._ids)
        line = _wire.request_line(id, method, params)
        self._pending[id] = on_answer
        self._post(method, [line], [id])

    def _post(self, method: str, lines: list[bytes], ids: list[int]) -> None:
        self._shutdown = self._shutdown or method == "shutdown"
        self.write(b"".join(lines))
        if self.over is not None:  # set before what is pending is failed, which these calls may have come too late for
            self._fail(ids, self.over)

    def write(self, lines: bytes) -> None:
        """Write lines: at once, unless others are before them, or the pipe does not take them whole; else the writer
        does it. Never blocks. An exception in the caller can't cut a line: all is written or nothing."""
        if self.over is None and len(lines) <= select.PIPE_BUF and not self._outbox:
            with self._pen, contextlib.suppress(OSError):  # which the writer will meet as well
                if self.process.input >= 0 and not self._unsent and self.process.write(lines):
                    return
        self._outbox.append(lines)
        self._rouse()

    def inside(self) -> bool:
        """Whether the caller is a callback, and so runs in the thread that nothing may wait in."""
        return threading.current_thread() is self._reader

    def hang_up(self) -> None:
        """Let the server see the end of its input, after what has been sent; the rest follows by itself."""
        self._asked = True
        self.over = self.over or ConnectionClosed("the pool was closed: make a new one")
        self._rouse()

    def close(self, timeout: float) -> None:
        """Have the server end, and wait for that; kill it after timeout seconds. A second call waits as well."""
        self.hang_up()
        if self.inside() or isinstance(self.over, ForkedError):
            return
        self._reader.join(timeout)
        if self._reader.is_alive():
            self.process.kill()
            self._reader.join(3 * _EXIT)
        self._writer.join(_EXIT)

    def disown(self) -> None:
        """In a forked process: let go of the server, which is the parent's."""
        self.over = ForkedError(f"the pool belongs to process {os.getppid()}, not to this fork of it: make one here")
        self._pending.clear()
        self._outbox.clear()
        self.process.disown()

    def _rouse(self) -> None:
        with contextlib.suppress(RuntimeError):  # it was roused already
            self._wake.release()

    def _write(self) -> None:
        try:
            while True:
                self._wake.acquire()
                last = self.over is not None  # looked at first, so that all that was sent before is written
                while not self._write_some():
                    self.process.await_room()
                if last:
                    return
        except OSError:
            self.process.kill()  # what has closed its input can't be spoken to any more
        finally:
            with self._pen:
                self.process.close_input()

    def _write_some(self) -> bool:
        """Write what the pipe has room for; whether that is all."""
        with self._pen:
            while self._unsent or self._outbox:
                if not self._unsent:
                    lines = [self._outbox.popleft() for _ in range(len(self._outbox))]
                    self._unsent = memoryview(b"".join(lines))
                written = self.process.write(self._unsent)
                if not written:
                    return False
                self._unsent = self._unsent[written:]
            return True

    def _read(self) -> None:
        """The reader: take what comes until the output ends."""
        broken = None
        try:
            for text in self._texts():
                for message in _wire.messages(text):
                    self._take(message)
                _guarded(self.on_pause)
        except (ValueError, TypeError, KeyError) as error:
            broken = ProtocolMismatch(f"{self.process.binary} does not speak the protocol of expool-rpc: {error}")
            self.process.kill()
        self._end(broken)

    def _texts(self) -> Iterator[str]:
        """What the server writes, in pieces of whole lines."""
        begun: list[bytes] = []  # a line, so far
        while True:
            data = os.read(self.process.output, _CHUNK)
            if not data:
                return
            end = data.rfind(b"\n") + 1
            if not end:
                begun.append(data)
                continue
            yield b"".join([*begun, data[:end]]).decode()
            begun = [data[end:]]

    def _take(self, message: dict[str, Any]) -> None:
        if not isinstance(message, dict):
            raise ValueError(f"it wrote {message!r:.200}")
        if "method" in message:
            if not self._greeted:
                raise ValueError(f"it wrote {message!r:.200} instead of an answer")
            _guarded(self.on_message, message)
            return
        on_answer = self._pending.pop(message["id"], None)
        if on_answer is None:
            if message["id"] is None:
                raise ValueError(f"it refused a line: {message}")
        elif "error" in message:
            _guarded(on_answer, None, call_error(message["error"]))
        else:
            _guarded(on_answer, message["result"], None)

    def _end(self, broken: PoolError | None) -> None:
        status = self.process.wait(_EXIT)
        if broken or not (self._asked or (self._shutdown and status == 0)):
            self.error = broken or self.process.died(status)
        self.over = self.error or self.over or ConnectionClosed("the server was shut down: make a new pool")
        self._rouse()
        self.process.close_output()
        self.process.close_stderr()
        self._fail(list(self._pending), self.over)
        if self._greeted:
            _guarded(self.on_closed, self.error)

    def _fail(self, ids: list[int], error: PoolError) -> None:
        for id in ids:
            on_answer = self._pending.pop(id, None)
            if on_answer is not None:
                _guarded(on_answer, None, copy_error(error))


class ForkedError(ConnectionClosed):
    """The process was forked from the one that the connection belongs to."""


def _running_future() -> Future[Any]:
    future: Future[Any] = Future()
    future.set_running_or_notify_cancel()  # what is under way can't be cancelled
    return future


def _complete(future: Future[Any], result: Any, error: PoolError | None) -> None:
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


def _guarded(callback: Callable[..., None], *arguments: Any) -> None:
    """Call back; an error there must not end the thread that everything waits for."""
    try:
        callback(*arguments)
    except Exception:
        _log.exception("%r failed for %.200r", callback, arguments)


def _disown_all() -> None:
    for link in list(_LIVE):
        link.disown()


def _close_all() -> None:
    """At the end of the interpreter: ask all servers to end at once, then wait for each."""
    links = list(_LIVE)
    for link in links:
        link.hang_up()
    for link in links:
        link.close(_EXIT)


os.register_at_fork(after_in_child=_disown_all)
atexit.register(_close_all)

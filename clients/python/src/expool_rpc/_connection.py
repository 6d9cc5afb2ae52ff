"""A connection to a server of its own: calls, and what the server tells by itself."""

from __future__ import annotations

import concurrent.futures
import weakref
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from typing import Any, Callable

from . import _wire
from ._binary import find_binary
from ._errors import CallError, CallTimeout, PoolError, ProtocolMismatch
from ._link import Link, OnAnswer, OnClosed, OnMessage, OnPause
from ._process import ServerProcess, Stream

_START = 60.0  # seconds that a server has for its first answer
_MARGIN = 10.0  # seconds beyond the grace of its jobs that a server has to end


class Connection:
    """Starts a server, and speaks to it from any number of threads.

    Two daemon threads belong to a connection. ``on_...`` are called in the one that reads, in the
    order of what the server wrote, so that the answer to a call is known before what the call caused is told. They must
    return soon: meanwhile nothing is read, and beyond 64 MiB that are not read the server starts no more jobs. They may
    `send`, `reply` and `refuse`, but not `call` (it would wait for itself). What they raise is logged.

    A connection that is no longer referred to ends its server, so the callbacks should not keep its owner alive (as
    those that `weakly` makes don't); the end of the interpreter ends it too. In a forked process it is inert: calls
    fail with `ConnectionClosed`, and nothing there, not even `close`, disturbs the parent's server.

    :param binary: path of the server, or command on PATH; the default is described at `find_binary`.
    :param flags: further flags of the server.
    :param stdout: the jobs' inherited standard output: a file, a descriptor, or None for descriptor 1 of this process,
        which also stands in for objects without a descriptor.
    :param stderr: the same for their standard error.
    :param settings: the params of ``initialize``: ``workers``, ``memlimit`` and so on.
    :param on_message: called with each notification, and with each request to confirm a start, which has an ``id``.
    :param on_pause: called before it waits for more, when the messages that had come have been told.
    :param on_closed: called once, when it is over: with None if that was asked for, else with the cause.
    :raises BinaryNotFound: there is no server to start.
    :raises ProtocolMismatch: what was started speaks another protocol.
    :raises ServerDied: it ended at once; for wrong flags the error tells what it said.
    :raises InvalidParams: a setting is wrong.
    :raises CallTimeout: it does not answer.
    """

    def __init__(
        self,
        *,
        binary: str | None = None,
        flags: Sequence[str] = (),
        stdout: Stream = None,
        stderr: Stream = None,
        settings: dict[str, Any] | None = None,
        on_message: OnMessage,
        on_pause: OnPause = lambda: None,
        on_closed: OnClosed,
    ) -> None:
        process = ServerProcess(find_binary(binary), flags, stdout, stderr)
        self._link = Link(process, on_message, on_pause, on_closed)
        self._finalizer = weakref.finalize(self, self._link.hang_up)
        try:
            self.initialized = self._greet(settings or {})
        except BaseException:
            self._link.process.kill()
            self._link.close(_MARGIN)
            raise

    def _greet(self, settings: dict[str, Any]) -> dict[str, Any]:
        binary = self._link.process.binary
        try:
            answer: dict[str, Any] = _answer(self._link.greet(settings), "initialize", _START)
            version = answer["protocol"]
        except CallError as error:
            if error.field != "protocol":
                raise
            raise ProtocolMismatch(f"{binary} refuses this package's protocol, {error.field} {error.problem}") from None
        except (KeyError, TypeError):
            raise ProtocolMismatch(f"{binary} does not say which protocol it speaks: is it expool-rpc?") from None
        if version != _wire.PROTOCOL:
            raise ProtocolMismatch(f"{binary} speaks version {version} of the protocol, this package {_wire.PROTOCOL}")
        return answer

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self._link.process.pid

    @property
    def binary(self) -> str:
        """The path of the server."""
        return self._link.process.binary

    @property
    def alive(self) -> bool:
        """Whether calls can be made."""
        return self._link.over is None

    @property
    def error(self) -> PoolError | None:
        """Why the connection ended by itself; None while it lives, and if it was closed."""
        return self._link.error

    def call(self, method: str, params: Any = None, *, timeout: float | None = None) -> Any:
        """Call a method, wait for the answer for up to timeout seconds (None: for ever), and return the result.

        KeyboardInterrupt leaves the connection as it was; the call is then carried out all the same.

        :raises CallError: the server refuses the call; `InvalidParams` also for what can't be sent.
        :raises CallTimeout: no answer came in time.
        :raises ServerDied: the server has ended.
        :raises ConnectionClosed: the connection has been closed.
        """
        if self._link.inside():
            raise PoolError(f"call({method!r}) in a callback of the connection would wait for itself: use send")
        return _answer(self.send(method, params), method, timeout)

    def send(self, method: str, params: Any = None) -> Future[Any]:
        """Send a call, and return the future of its result. It never blocks.

        The future fails with what `call` raises. It can't be cancelled. What it calls back may come after what the
        server told after its answer: use `ask` where the order counts.

        :raises InvalidParams: the params can't be sent; nothing was.
        """
        return self._link.send(method, (params,))[0]

    def ask(self, method: str, params: Any, on_answer: OnAnswer) -> None:
        """Send a call, and have ``on_answer(result, error)`` called with its result, or None and the error that `call`
        raises, in the reading thread, before anything that the server told after its answer. It never blocks.

        It costs less than a future. If the connection is over, it is called here.

        :raises InvalidParams: the params can't be sent; nothing was.
        """
        self._link.ask(method, params, on_answer)

    def post(self, method: str, many: Iterable[Any]) -> list[Future[Any]]:
        """Send a call of method for each of many params at once; all of them or, if it raises, none."""
        return self._link.send(method, many)

    def reply(self, id: str, result: Any = None) -> None:
        """Answer a request of the server: the start of a job is confirmed."""
        self._link.write(_wire.result_line(id, result))

    def refuse(self, id: str, message: str) -> None:
        """Refuse a request of the server: the job is rejected; its record tells the message."""
        self._link.write(_wire.error_line(id, message))

    def close(self, timeout: float | None = None) -> None:
        """Have the server end all jobs and then itself, and wait for that; what has not ended in time is killed.

        The default for timeout is the grace of the jobs and 10 seconds. Closing again does nothing more. In a callback
        of the connection it does not wait.
        """
        if timeout is None:
            timeout = float(self.initialized.get("grace", 0)) + _MARGIN
        self._link.close(timeout)


def weakly(method: Callable[..., None]) -> Callable[..., None]:
    """A function that calls a method for as long as its object lives, and does not keep it alive."""
    reference = weakref.WeakMethod(method)

    def call(*arguments: Any) -> None:
        bound = reference()
        if bound is not None:
            bound(*arguments)

    return call


def _answer(future: Future[Any], method: str, timeout: float | None) -> Any:
    try:
        return future.result(timeout)
    except concurrent.futures.TimeoutError:
        raise CallTimeout(f"{method} was not answered within {timeout} seconds") from None

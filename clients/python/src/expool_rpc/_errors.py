"""What can go wrong, as exceptions.

::

    PoolError
    ├── BinaryNotFound      expool-rpc is in none of the places where it is looked for
    ├── ProtocolMismatch    what was started speaks another version, or another language
    ├── ServerDied          the server ended without being asked to; its jobs ended with it
    ├── ConnectionClosed    used after close(), or in a process forked from the one that owns it
    ├── CallTimeout         no answer in time (also a TimeoutError)
    └── CallError           the server refused a call
        ├── InvalidRequest  what was sent is no call, or came at the wrong time
        ├── NoSuchMethod    the server has no such method
        ├── InvalidParams   a parameter is wrong: ``field``, ``problem`` (also a ValueError)
        ├── ServerFault     a fault of the server or its host
        ├── NotAlive        the pool was terminated: call clear
        ├── NoSuchJob       no such job or task, or its record is no longer kept
        └── Busy            clear is too early: jobs are queued, running or ending

All of them can be pickled.
"""

from __future__ import annotations

from typing import Any


class PoolError(Exception):
    """The base of all errors of this package."""


class BinaryNotFound(PoolError):
    """expool-rpc is in none of the places where it is looked for; the message names them."""


class ProtocolMismatch(PoolError):
    """The program that was started speaks another version of the protocol, or none at all."""


class ConnectionClosed(PoolError):
    """The connection was closed by this program, or belongs to the process that this one was forked from."""


class CallTimeout(PoolError, TimeoutError):
    """No answer came in time. The call may still be carried out."""


class ServerDied(PoolError):
    """The server ended without being asked to. All of its jobs have ended with it.

    ``status`` is its exit status, or the negative number of the signal that ended it, or None if it could not be
    waited for; ``stderr`` is the end of what it wrote to its standard error.
    """

    def __init__(self, message: str, status: int | None = None, stderr: str = "") -> None:
        super().__init__(message, status, stderr)
        self.status = status
        self.stderr = stderr

    def __str__(self) -> str:
        message: str = self.args[0]
        return f"{message}\n{self.stderr}" if self.stderr else message


class CallError(PoolError):
    """The server refused a call.

    ``code`` is the number of the error in the protocol; ``field`` is the path of the parameter at fault, such as
    ``jobs[3].timeout``, and ``problem`` what is wrong with it, or both are None.
    """

    def __init__(self, code: int, message: str, field: str | None = None, problem: str | None = None) -> None:
        super().__init__(code, message, field, problem)
        self.code = code
        self.message = message
        self.field = field
        self.problem = problem

    def __str__(self) -> str:
        return self.message


class InvalidRequest(CallError):
    """What was sent is no call, or it came at the wrong time (-32600)."""


class NoSuchMethod(CallError):
    """The server has no such method (-32601)."""


class InvalidParams(CallError, ValueError):
    """A parameter is wrong (-32602): ``field`` names it, ``problem`` says what is wrong with it."""


class ServerFault(CallError):
    """A fault of the server or of its host (-32603)."""


class NotAlive(CallError):
    """The pool was terminated, or its timeout has passed (-32001): ``clear`` makes it ready again."""


class NoSuchJob(CallError):
    """There is no such job or task, or its record is no longer kept (-32002)."""


class Busy(CallError):
    """Jobs are queued, running or ending (-32003)."""


_BY_CODE: dict[int, type[CallError]] = {
    -32600: InvalidRequest,
    -32601: NoSuchMethod,
    -32602: InvalidParams,
    -32603: ServerFault,
    -32001: NotAlive,
    -32002: NoSuchJob,
    -32003: Busy,
}


def invalid_params(field: str, problem: str) -> InvalidParams:
    """The error for a parameter that is found to be wrong before it is sent; it reads as the server's own."""
    return InvalidParams(-32602, f"invalid params: {field} {problem}", field, problem)


def renamed(error: InvalidParams, names: dict[str, str]) -> InvalidParams:
    """The error with the name that the caller gave the parameter, by the names that the wire has for it."""
    name = names.get(error.field or "", error.field)
    return invalid_params(name, error.problem) if name and error.problem else error


def call_error(error: dict[str, Any]) -> CallError:
    """The exception for an error object of the wire."""
    code = error.get("code", 0)
    data = error.get("data")
    if not isinstance(data, dict):
        data = {}
    return _BY_CODE.get(code, CallError)(code, error.get("message", ""), data.get("field"), data.get("problem"))


def copy_error(error: PoolError) -> PoolError:
    """An exception of its own for each that raises it, for raising changes it."""
    return type(error)(*error.args)

"""What jobs and tasks have in common: callbacks bound to their owner, and how what they raise is reported."""

from __future__ import annotations

import contextlib
import inspect
import sys
import traceback
import types
from typing import TYPE_CHECKING, Any, Callable, Optional

from ._checks import wrong
from ._errors import invalid_params

if TYPE_CHECKING:
    from ._job import Job

Callback = Optional[Callable[[Any], Any]]
Bound = Optional[Callable[[], Any]]


def bind(name: str, callback: Callback, owner: object) -> Bound:
    """A callback as PyExPool keeps it: a method of its job or task, called without arguments. Without one it is the
    method of that name, which a subclass may have.

    :raises InvalidParams: it can't be called, or calling it would only make a coroutine.
    """
    callback = getattr(type(owner), name, None) if callback is None else callback
    if callback is None:
        return None
    if not callable(callback):
        raise wrong(name, callback, "a function that takes the job or task, or None")
    if inspect.iscoroutinefunction(callback):
        raise invalid_params(name, f"is {callback!r}, which nothing would await: give a plain function")
    return types.MethodType(callback, owner)


def call(callback: Bound, owner: object) -> None:
    """Call a callback; what it raises is reported on the standard error, and discarded."""
    if callback is None:
        return
    try:
        callback()
    except Exception:
        report(f'ERROR in {callback_name(callback)}() of "{owner}", discarded:', traceback.format_exc())


def in_turn(*steps: Callable[[], None] | None) -> None:
    """Carry out steps one after the other, each also if an interrupt came in one before."""
    with contextlib.ExitStack() as stack:
        for step in reversed(steps):
            if step is not None:
                stack.callback(step)


def report(*lines: str) -> None:
    """Tell people, on the standard error, if there is one."""
    with contextlib.suppress(Exception):  # it may be None, closed, or full: nothing that follows may be lost for that
        sys.stderr.write("\n".join(lines).rstrip() + "\n")


def report_onstart(job: Job) -> None:
    """Tell of an exception in onstart."""
    name = callback_name(job.onstart)
    report(f'ERROR in {name}() of "{job}", the job is discarded:', traceback.format_exc())


def callback_name(callback: Any) -> str:
    """The name of a callback; the class's, for objects that are called."""
    function = getattr(callback, "__func__", callback)
    name: str = getattr(function, "__name__", None) or type(function).__name__
    return name


def describe(error: BaseException) -> str:
    """What an exception says, also if that itself raises."""
    return "".join(traceback.format_exception_only(type(error), error)).strip()

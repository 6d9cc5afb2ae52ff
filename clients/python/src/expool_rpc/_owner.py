"""What jobs and tasks have in common: callbacks bound to their owner, and how what they raise is reported."""

from __future__ import annotations

import sys
import traceback
import types
from typing import TYPE_CHECKING, Any, Callable, Optional

from ._checks import wrong

if TYPE_CHECKING:
    from ._job import Job

Callback = Optional[Callable[[Any], Any]]
Bound = Optional[Callable[[], Any]]


def bind(name: str, callback: Callback, owner: object) -> Bound:
    """A callback as PyExPool keeps it: a method of its job or task, called without arguments.

    :raises InvalidParams: it can't be called.
    """
    if callback is None:
        return None
    if not callable(callback):
        raise wrong(name, callback, "a function that takes the job or task, or None")
    return types.MethodType(callback, owner)


def call(callback: Bound, owner: object) -> None:
    """Call a callback; what it raises is reported on the standard error, and discarded."""
    if callback is None:
        return
    try:
        callback()
    except Exception:
        report(f'ERROR in {callback_name(callback)}() of "{owner}", discarded:', traceback.format_exc())


def report(*lines: str) -> None:
    """Tell people, on the standard error."""
    sys.stderr.write("\n".join(lines).rstrip() + "\n")


def report_onstart(job: Job) -> None:
    """Tell of an exception in onstart."""
    name = callback_name(job.onstart)
    report(f'ERROR in {name}() of "{job}", the job is discarded:', traceback.format_exc())


def callback_name(callback: Any) -> str:
    """The name of a callback; the class's, for objects that are called."""
    name: str = getattr(callback, "__name__", None) or type(callback.__func__).__name__
    return name

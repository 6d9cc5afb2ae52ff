"""What arguments must be; each rule stands here, once. All errors are `InvalidParams`, which name the argument."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Iterable
from typing import Any, Union

from ._errors import InvalidParams, invalid_params

_EXBIBYTES_8 = 1 << 33

Path = Union[str, "os.PathLike[str]", None]


def amount(name: str, value: Any, give: str = "a number that is not negative", *, below: float = math.inf) -> float:
    """A finite number that is not negative, as an int or float; ``give`` is what the error says to give."""
    number = _number(value)
    if number is None or not 0 <= number < below:
        raise wrong(name, value, give)
    return number


def seconds(name: str, value: Any) -> float:
    """A time, 0 for none."""
    return amount(name, value, "seconds, or 0 for none")


def gigabytes(name: str, value: Any) -> float:
    """A limit of memory in GB, 0 for none. More than this the server can't count in bytes."""
    return amount(name, value, f"GB, below {_EXBIBYTES_8}, or 0 for no limit", below=_EXBIBYTES_8)


def factor(name: str, value: Any) -> float:
    """A finite number above 0, as an int or float."""
    number = amount(name, value, "a number above 0")
    if number == 0:
        raise wrong(name, value, "a number above 0")
    return number


def whole(name: str, value: Any, give: str, *, least: int = 1, below: float = math.inf) -> int:
    """A whole number, as an int."""
    number = _number(value)
    if number is None or not least <= number < below or int(number) != number:
        raise wrong(name, value, give)
    return int(number)


def path(name: str, value: Any) -> Path:
    """The name of a file or folder, or None."""
    if value is not None and not isinstance(value, (str, os.PathLike)):
        raise wrong(name, value, "a str or path, as os.fsdecode makes it of bytes, or None")
    if value is not None and "\0" in os.fsdecode(value):
        raise invalid_params(name, f"is {value!r}: no file name has a NUL character")
    given: Path = value
    return given


def items(name: str, value: object, give: str) -> None:
    """Refuse what does not give one thing after the other, and bytes, which give numbers."""
    if isinstance(value, (bytes, bytearray)) or not isinstance(value, Iterable):
        raise wrong(name, value, give)


def kind(name: str, value: object, kinds: type | tuple[type, ...], give: str) -> None:
    """Refuse what is of none of the kinds."""
    if not isinstance(value, kinds):
        raise wrong(name, value, give)


def wrong(name: str, value: object, give: str) -> InvalidParams:
    """The error for an argument, which says what to give instead."""
    shown = f"{value!r:.80}" if isinstance(value, (int, float)) else f"{type(value).__name__} {value!r:.80}"
    return invalid_params(name, f"is {'None' if value is None else shown}: give {give}")


def _number(value: Any) -> float | None:
    """The int or float that a value is, or stands for, as numpy's do; None if it is no number."""
    if type(value) is int or type(value) is float:
        return value
    try:
        if hasattr(value, "__index__"):
            return int(operator.index(value))
        return float(value) if hasattr(value, "__float__") else None
    except (TypeError, ValueError, OverflowError):
        return None

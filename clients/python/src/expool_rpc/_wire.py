"""Messages as lines: what Python has and JSON lacks is refused by its name, before anything is sent.

- Strings are sent as UTF-8. One with lone surrogates, as `os.fsdecode` makes them of file names that are not UTF-8,
  can't be sent, for what would arrive is another name.
- Numbers must be finite.
- Paths (anything with ``__fspath__``) are sent as strings, tuples as lists.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from typing import Any

from ._errors import InvalidParams, invalid_params

PROTOCOL = 1
MAX_LINE = 64 << 20


def _plain(value: object) -> str:
    if isinstance(value, os.PathLike):
        path = os.fspath(value)
        if isinstance(path, str):
            return path
    raise TypeError


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain).encode

_decode = json.JSONDecoder().raw_decode


def request_line(id: int, method: str, params: Any) -> bytes:
    """The line of a call; ``params`` may be None for none.

    :raises InvalidParams: ``params`` can't be sent; the error names the field at fault.
    """
    head = f'{{"jsonrpc":"2.0","id":{id},"method":"{method}"'
    if params is None:
        return f"{head}}}\n".encode()
    return _line(f'{head},"params":', params)


def result_line(id: str, result: Any) -> bytes:
    """The line of the answer to a request of the server."""
    if result is None:  # a start is confirmed, and waits for this
        return f'{{"jsonrpc":"2.0","id":"{id}","result":null}}\n'.encode()
    return _line(f'{{"jsonrpc":"2.0","id":"{id}","result":', result)


def error_line(id: str, message: str) -> bytes:
    """The line that refuses a request of the server; here the message is for people, so that it may lose characters."""
    text = message.encode("utf-8", "replace").decode()
    return _line(f'{{"jsonrpc":"2.0","id":"{id}","error":', {"code": 1, "message": text})


def messages(text: str) -> Iterator[Any]:
    """The messages of whole lines, each with its newline.

    :raises ValueError: a line is not JSON; the error shows it.
    """
    start = 0
    while start < len(text):
        try:
            message, end = _decode(text, start)
        except ValueError:
            end = start
        if end == start or text[end] != "\n":
            line = text[start:].partition("\n")[0]
            raise ValueError(f"it wrote {line!r:.200}")
        yield message
        start = end + 1


def _line(head: str, value: Any) -> bytes:
    try:
        line = f"{head}{_encode(value)}}}\n".encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise _fault(value) or invalid_params("params", f"can't be sent as JSON: {error}") from None
    if len(line) > MAX_LINE:
        raise invalid_params("params", f"make a line of {len(line)} bytes; at most {MAX_LINE} can be sent: split it")
    return line


def _fault(params: Any) -> InvalidParams | None:
    """The error for the first value in params that can't be sent."""
    try:
        for path, value in _walk("", params):
            problem = _problem(value)
            if problem:
                return invalid_params(path or "params", problem)
    except RecursionError:
        return invalid_params("params", "are nested too deeply, or contain themselves")
    return None


def _walk(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Each value within value, and the keys, with their paths as the server writes them: jobs[3].timeout."""
    if isinstance(value, dict):
        for key, item in value.items():
            inner = f"{path}.{_shown(key)}" if path else _shown(key)
            if not isinstance(key, (str, int, float, bool, type(None))):
                yield inner, key
            elif isinstance(key, (str, float)) and _problem(key):
                yield f"the key {inner}", key
            yield from _walk(inner, item)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _walk(f"{path}[{index}]", item)
    else:
        yield path, value


def _shown(key: object) -> str:
    return key.encode("ascii", "backslashreplace").decode() if isinstance(key, str) else repr(key)


def _problem(value: object) -> str:
    """What keeps a value from being sent; empty if nothing does."""
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return f"is {value!a}, which is not Unicode text: names that are not UTF-8 can't be sent"
        return ""
    if isinstance(value, float):
        return "" if math.isfinite(value) else f"is {value!r}: only finite numbers can be sent"
    if value is None or isinstance(value, (bool, int)):
        return ""
    shown = f"{type(value).__name__} {value!r:.80}"
    return f"is {shown}: only text, numbers, booleans, None, lists and dicts of them can be sent"

"""Where the output of a job goes: what Python says, as the wire has it."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import subprocess
import sys
from typing import IO, Any, Union

from ._errors import PoolError, invalid_params
from ._held import HeldFile, hold

PIPE = subprocess.PIPE
STDOUT = subprocess.STDOUT
DEVNULL = subprocess.DEVNULL

Output = Union[str, "os.PathLike[str]", IO[Any], int, None]
"""A file name, PIPE, DEVNULL, STDOUT (for stderr only), an open file or its descriptor, or None for the host's
stream."""

Wire = Union[str, None, "dict[str, str]"]

_KNOWN = "a file name, PIPE, DEVNULL, an open file or descriptor, STDOUT for stderr, or None"

_AT_IMPORT = {"stdout": sys.stdout, "stderr": sys.stderr}  # the defaults of Job and Task


class HostStreams:
    """The standard output and error of this program, as a server gets them to hand them on to jobs."""

    def __init__(self) -> None:
        self.files = {name: _usable(getattr(sys, name)) for name in ("stdout", "stderr")}
        self._descriptors = {name: _descriptor(file, fd) for (name, file), fd in zip(self.files.items(), (1, 2))}

    def is_default(self, name: str, output: Output) -> bool:
        """Whether an output is left to the task, or else is the host's own stream."""
        return output is None or output is _AT_IMPORT[name] or output is self.files[name]

    def wire(self, name: str, output: Output, held: list[HeldFile]) -> Wire:
        """What the wire has for the stream ``name`` of a job; ``"inherit"`` is the host's own.

        :param held: gets the open file that it needs; to be released when the job has ended.
        :raises InvalidParams: there is no such output.
        :raises PoolError: too many files are open.
        """
        if self.is_default(name, output):
            _flush(output)
            return "inherit"
        if isinstance(output, (str, os.PathLike)):
            return _to_path(name, os.fspath(output))
        if not isinstance(output, int):
            return self._to_file(name, output, held)
        if output == PIPE:
            return "pipe"
        if output == DEVNULL:
            return None
        if output == STDOUT and name == "stderr":
            return "stdout"
        return self._to_descriptor(name, output, held)

    def _to_file(self, name: str, output: Any, held: list[HeldFile]) -> Wire:
        _flush(output)
        try:
            fd = output.fileno()
        except io.UnsupportedOperation:  # such as what notebooks put for sys.stdout
            return "inherit"
        except (AttributeError, ValueError) as error:
            raise invalid_params(name, f"is {output!r}, which is not an open file ({error}): give {_KNOWN}") from None
        return self._to_descriptor(name, fd, held)

    def _to_descriptor(self, name: str, fd: int, held: list[HeldFile]) -> Wire:
        """What this process has open: the server opens it once more."""
        if fd == self._descriptors[name]:
            return "inherit"
        file = _hold(name, fd)
        held.append(file)
        return {"file": file.path}


def _hold(name: str, fd: int) -> HeldFile:
    try:
        file = hold(fd)
    except (OSError, ValueError, OverflowError) as error:
        if getattr(error, "errno", None) == errno.EMFILE:
            raise PoolError(f"{name}: {error}: close files, or allow more (ulimit -n)") from error
        raise invalid_params(name, f"is {fd}, which is not open: give {_KNOWN}") from None
    if file is None:
        raise invalid_params(name, f"is {fd}, a socket or another thing that jobs can't open: give a file or a pipe")
    return file


def _usable(file: Any) -> Any:
    return None if file is None or getattr(file, "closed", False) else file


def _descriptor(file: Any, default: int) -> int:
    try:
        fd: int = file.fileno()
    except (AttributeError, OSError, ValueError):
        return default
    return fd


def _to_path(name: str, path: str) -> Wire:
    return None if path == os.devnull else {"file": os.path.normpath(absolute(name, path))}


def absolute(name: str, path: str) -> str:
    """A path from the root; the folder of this process is looked up only if that is needed.

    :raises InvalidParams: it is relative to that folder, which is no more.
    """
    if os.path.isabs(path):
        return path
    try:
        return os.path.join(os.getcwd(), path)
    except OSError as error:
        problem = f"is relative to the working directory of this program, which can't be found ({error.strerror})"
        raise invalid_params(name, f"{problem}: give an absolute path, or change to another folder") from None


def _flush(output: Any) -> None:
    """What the host has written so far comes before what the job writes."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        output.flush()

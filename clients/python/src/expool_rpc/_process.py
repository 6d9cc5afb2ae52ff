"""The server as a child process: started, spoken to by two pipes, and ended for certain."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import os
import select
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, Any, Union

from ._errors import BinaryNotFound, PoolError, ServerDied

# What may be given as the standard output or error of the jobs: a file, a descriptor, or None for the process's own.
Stream = Union[IO[Any], int, None]

_TOLD = 4096  # the bytes of the end of its standard error that an error tells

F_DUPFD_CLOEXEC: int = getattr(fcntl, "F_DUPFD_CLOEXEC", 1030)  # PyPy lacks the name of Linux's number


class ServerProcess:
    """A running server, which leads a session of its own, so that Ctrl-C in a terminal interrupts the host only.

    ``input`` and ``output`` are the descriptors of the pipes, or -1. Each is used and closed by one thread at a time,
    since the number of a closed descriptor soon is another one's.
    """

    def __init__(self, binary: str, flags: Sequence[str], stdout: Stream, stderr: Stream) -> None:
        self.binary = binary
        self.input = self.output = -1
        with tempfile.TemporaryFile() as file:  # unlike a pipe it never blocks the server, and needs no thread
            self._stderr = _above(os.dup(file.fileno()))
        try:
            self._child = self._start(flags, stdout, stderr)
        except BaseException:
            self.close_input()
            self.close_output()
            self.close_stderr()
            raise
        self.pid = self._child.pid

    def _start(self, flags: Sequence[str], stdout: Stream, stderr: Stream) -> subprocess.Popen[bytes]:
        with _handed(stdout, 1) as out, _handed(stderr, 2) as err:
            theirs_in, self.input = map(_above, os.pipe())
            self.output, theirs_out = map(_above, os.pipe())
            os.set_blocking(self.input, False)
            with _closing(theirs_in), _closing(theirs_out):
                command = [self.binary, "--on-eof=terminate", f"--stdout-fd={out}", f"--stderr-fd={err}", *flags]
                try:
                    return subprocess.Popen(
                        command,
                        stdin=theirs_in,
                        stdout=theirs_out,
                        stderr=self._stderr,
                        pass_fds=(out, err),
                        start_new_session=True,
                    )
                except OSError as error:
                    raise _unstartable(self.binary, error) from error

    def close_input(self) -> None:
        """Let the server see the end of its input."""
        fd, self.input = self.input, -1
        _close(fd)

    def close_output(self) -> None:
        fd, self.output = self.output, -1
        _close(fd)

    def close_stderr(self) -> None:
        fd, self._stderr = self._stderr, -1
        _close(fd)

    def write(self, data: memoryview | bytes) -> int:
        """Write as much of data as there is room for in the pipe; up to PIPE_BUF bytes all or nothing. How many.

        :raises OSError: the server does not read any more.
        """
        try:
            return os.write(self.input, data)
        except BlockingIOError:
            return 0

    def await_room(self) -> None:
        """Wait until the server has read, or does not read any more."""
        poll = select.poll()
        poll.register(self.input, select.POLLOUT)
        poll.poll()

    def kill(self) -> None:
        """End the server at once, and so all of its jobs: their guardians see to that."""
        with contextlib.suppress(ProcessLookupError):
            self._child.kill()

    def wait(self, timeout: float) -> int | None:
        """Wait for the end and return the exit status, or the negative signal; kill what has not ended in time."""
        for patience in (timeout, timeout):
            try:
                return self._child.wait(patience)
            except subprocess.TimeoutExpired:
                self.kill()
        return None

    def died(self, status: int | None) -> ServerDied:
        """The error for an end that was not asked for."""
        what = f"the server {self.binary} (pid {self.pid}) {_ending(status)}; its jobs have ended with it"
        return ServerDied(what, status, self.told())

    def told(self) -> str:
        """The end of what the server wrote to its standard error."""
        if self._stderr < 0:
            return ""
        size = os.fstat(self._stderr).st_size
        return os.pread(self._stderr, _TOLD, max(0, size - _TOLD)).decode(errors="replace").strip()

    def disown(self) -> None:
        """In a forked process: let go of the parent's server without disturbing it."""
        self.close_input()
        self.close_output()
        self.close_stderr()
        self._child.returncode = 0  # it is not ours to wait for


def _close(fd: int) -> None:
    if fd >= 0:
        os.close(fd)


def _above(fd: int) -> int:
    """Move a descriptor above those of the standard streams, which a process may have closed."""
    try:
        return fcntl.fcntl(fd, F_DUPFD_CLOEXEC, 3)
    finally:
        os.close(fd)


@contextlib.contextmanager
def _closing(fd: int) -> Iterator[int]:
    try:
        yield fd
    finally:
        os.close(fd)


@contextlib.contextmanager
def _handed(stream: Stream, default: int) -> Iterator[int]:
    """A copy of a stream's descriptor, for the server to inherit."""
    try:
        copy = os.dup(_descriptor(stream, default))
    except (OSError, ValueError) as error:
        if stream is not None:
            raise PoolError(f"handing {stream!r} over to the jobs: {error}; give an open file or descriptor") from error
        copy = os.open(os.devnull, os.O_WRONLY)  # a daemon without standard streams
    with _closing(_above(copy)) as handed:
        yield handed


def _descriptor(stream: Stream, default: int) -> int:
    """The descriptor of a stream; the process's own if it has none, like what notebooks put for sys.stdout."""
    if stream is None:
        return default
    if isinstance(stream, int):
        return stream
    try:
        stream.flush()  # what the host has written so far comes before what the jobs write
        return stream.fileno()
    except (AttributeError, io.UnsupportedOperation):
        return default


def _unstartable(binary: str, error: OSError) -> PoolError:
    if isinstance(error, (FileNotFoundError, PermissionError)) or error.errno == errno.ENOEXEC:
        return BinaryNotFound(f"starting {binary}: {error.strerror}; give the path of a binary for this machine")
    return PoolError(f"starting {binary}: {error}")


def _ending(status: int | None) -> str:
    if status is None:
        return "did not end, though it was killed"
    if status >= 0:
        return f"exited with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"

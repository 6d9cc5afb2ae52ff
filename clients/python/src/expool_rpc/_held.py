"""The open files that jobs write to, held open from the scheduling of a job to its end.

A job opens such a file when it starts, by the number of a descriptor. By then the program may have closed the file, and
the number may be another file's: so the number is that of a duplicate, which nothing else closes. There is one for each
file, however many jobs and pools write to it.
"""

from __future__ import annotations

import fcntl
import os
import stat
import threading

from ._process import F_DUPFD_CLOEXEC

_lock = threading.RLock()  # signal handlers schedule jobs as well
_held: dict[tuple[int, int, int], HeldFile] = {}


class HeldFile:
    """A duplicate of a descriptor. Jobs append, so while it is held the program does too, that neither writes over what
    the other wrote; after that the program goes on at the end."""

    def __init__(self, key: tuple[int, int, int], copy: int, regular: bool) -> None:
        self._key = key
        self._copy = copy
        self._users = 0
        self._flags = fcntl.fcntl(copy, fcntl.F_GETFL) if regular else os.O_APPEND  # the duplicate shares them
        if not self._flags & os.O_APPEND:
            fcntl.fcntl(copy, fcntl.F_SETFL, self._flags | os.O_APPEND)

    @property
    def path(self) -> str:
        """Where the server opens it: at the duplicate, or by its name if the process has changed its user, whose
        descriptors only root may look at."""
        here = f"/proc/{os.getpid()}/fd/{self._copy}"
        if os.stat("/proc/self/fd").st_uid == os.geteuid():
            return here
        status = os.fstat(self._copy)
        return os.readlink(here) if stat.S_ISREG(status.st_mode) and status.st_nlink else here

    def hold(self) -> HeldFile:
        """Count one user more."""
        self._users += 1
        return self

    def release(self) -> None:
        """Count one user less; the last one closes the duplicate."""
        self._users -= 1
        if not self._users and _held.get(self._key) is self:
            del _held[self._key]
            self._close()

    def _close(self) -> None:
        if not self._flags & os.O_APPEND:
            os.lseek(self._copy, 0, os.SEEK_END)
            fcntl.fcntl(self._copy, fcntl.F_SETFL, self._flags)
        os.close(self._copy)


def hold(fd: int) -> HeldFile | None:
    """Hold the file that a descriptor is open for, until `release`; None if jobs can't open its kind.

    :raises OSError: it is not open, or too many are.
    """
    copy = fcntl.fcntl(fd, F_DUPFD_CLOEXEC, 3)  # before it is looked at, for other threads may close the original
    status = os.fstat(copy)
    key = (fd, status.st_dev, status.st_ino)
    with _lock:
        held = _held.get(key)
        if held is not None or not _can_be_opened(status.st_mode):
            os.close(copy)
            return held and held.hold()
        _held[key] = held = HeldFile(key, copy, stat.S_ISREG(status.st_mode))
        return held.hold()


def release(files: list[HeldFile]) -> None:
    """Let go of files, and empty the list; further calls do nothing more."""
    with _lock:
        while files:
            files.pop().release()


def _can_be_opened(mode: int) -> bool:
    return any(is_kind(mode) for is_kind in (stat.S_ISREG, stat.S_ISFIFO, stat.S_ISCHR, stat.S_ISBLK))


def _disown() -> None:
    """In a forked process: close what the jobs of its parent need, without moving the parent's place in files."""
    global _lock
    _lock = threading.RLock()
    for held in _held.values():
        os.close(held._copy)
    _held.clear()


os.register_at_fork(after_in_child=_disown)

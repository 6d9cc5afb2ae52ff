"""Task: a named group of jobs and of other tasks."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Union

from . import _checks as checks
from ._identity import IdentitySet
from ._owner import Callback, bind, call, in_turn
from ._streams import Output

if TYPE_CHECKING:
    from ._job import Job

Member = Union["Job", "Task"]


class Task:
    """A group of jobs and subtasks, with callbacks and a timeout of its own.

    It starts before the first of its jobs does, and finishes when all that was added to it has finished and no more can
    come: in `ExecPool.join`, at the end of the pool, or after `ExecPool.close`. One that is added to after that begins
    anew, and finishes once more; its counts go on.

    :param name: a name for people; need not be unique.
    :param timeout: seconds from its start to the end of all that is in it; 0 for none. Such jobs have the reason
        ``task_timeout``.
    :param onstart: called with the task before its first job starts, once. Like all callbacks, in the thread that
        serves the pool; an exception is reported on the standard error and discarded. None for the method ``onstart``,
        if a subclass has one; so with the others.
    :param ondone: called when all of it has succeeded.
    :param onfinish: called when it has finished, in whatever way.
    :param params: anything, for the callbacks.
    :param task: the task that it belongs to.
    :param latency: taken as PyExPool takes it, and not needed.
    :param stdout: where jobs write that leave it to the task, as in `Job`.
    :param stderr: the same for the standard error.
    :raises ValueError: an argument is wrong.

    Further attributes: ``tstart`` and ``tstop``, in seconds of `time.perf_counter`, or None; ``numadded``, the jobs and
    tasks added directly to it, ``numdone``, how many of them succeeded, and ``numterm``, how many ended otherwise.
    """

    def __init__(
        self,
        name: str,
        timeout: float = 0,
        onstart: Callback = None,
        ondone: Callback = None,
        onfinish: Callback = None,
        params: Any = None,
        task: Task | None = None,
        latency: float | None = 1.5,
        stdout: Output = sys.stdout,
        stderr: Output = sys.stderr,
    ) -> None:
        check_member(name, task)
        self.name = name
        self.timeout = checks.seconds("timeout", timeout)
        self.onstart = bind("onstart", onstart, self)
        self.ondone = bind("ondone", ondone, self)
        self.onfinish = bind("onfinish", onfinish, self)
        self.params = params
        self.task = task
        self.latency = latency
        self.stdout = stdout
        self.stderr = stderr
        self.tstart: float | None = None
        self.tstop: float | None = None
        self.numadded = self.numdone = self.numterm = 0
        self._unfinished: IdentitySet[Member] = IdentitySet()
        self._lock = threading.RLock()  # signal handlers schedule jobs as well; taken before that of the task around
        self._last: float | None = None  # when the last member so far ended
        self._past: tuple[int, float | None, float | None] = (0, None, None)  # numadded, tstart, tstop when it last
        # finished
        self._announced = False
        self._closed = False

    def __str__(self) -> str:
        return self.name

    def uncompleted(
        self,
        recursive: bool = False,
        header: bool = False,
        pid: bool = False,
        tstart: bool = False,
        tstop: bool = False,
        duration: bool = False,
        memory: bool = False,
    ) -> list[Any]:
        """What was added and has not finished: a list of names, or of rows if any detail is asked for.

        :param recursive: for subtasks, lists of what has not finished in them.
        :param header: begin with the names of the columns.
        :param pid: a column with process ids.
        :param tstart: a column with start times.
        :param tstop: a column with stop times.
        :param duration: a column with the seconds since the start.
        :param memory: a column with the memory of jobs in GB, as last seen.
        """
        columns = {"PID": pid, "Tstart": tstart, "Tstop": tstop, "Duration": duration, "Memory": memory}
        wanted = [column for column, on in columns.items() if on]
        rows: list[Any] = [["Name", *wanted] if wanted else "Name"] if header else []
        for member in self._unfinished:
            if recursive and isinstance(member, Task):
                rows.append(member.uncompleted(True, False, pid, tstart, tstop, duration, memory))
            else:
                rows.append([member.name, *(_detail(member, column) for column in wanted)] if wanted else member.name)
        return rows

    def _add(self, member: Member) -> None:
        """Take in a job that is about to be scheduled, or a task that has its first one; the tasks around take in
        this. One that had finished begins anew, with all of its timeout."""
        with self._lock:
            if member not in self._unfinished:
                if self.tstop is not None:
                    self.tstart = self.tstop = None
                self._unfinished.add(member)
                self._closed = False
                self.numadded += 1
            if self.task is not None:
                self.task._add(self)

    def _withdraw(self, member: Member) -> None:
        """Undo _add for a job that could not be scheduled, and for a task that nothing else was added to."""
        with self._lock:
            if member not in self._unfinished:
                return
            self._unfinished.discard(member)
            self.numadded -= 1
            if self._is_finished():
                _, self.tstart, self.tstop = self._past
                if self.task is not None:
                    self.task._withdraw(self)

    def _is_finished(self) -> bool:
        """Whether nothing was added since it last finished, or ever."""
        return self.numadded == self._past[0]

    def _jobs(self) -> Iterator[Job]:
        """The jobs in it, and in the tasks in it, that have not been counted as finished."""
        for member in self._unfinished:
            yield from member._jobs()

    def _started(self) -> None:
        """Note the start."""
        if self.task is not None:
            self.task._started()
        if self.tstart is None:
            self.tstart = time.perf_counter()

    def _announce(self) -> None:
        """Call onstart, of the outer tasks first; for each task once."""
        if self.task is not None:
            self.task._announce()
        self._started()
        if not self._announced:
            self._announced = True
            call(self.onstart, self)

    def _waits_to_be_announced(self) -> bool:
        """Whether a callback has to be called before a job of this task may start."""
        if self.onstart is not None and not self._announced:
            return True
        return self.task is not None and self.task._waits_to_be_announced()

    def _count(self, member: Member, succeeded: bool) -> None:
        """Note the end of a member."""
        with self._lock:
            if member in self._unfinished:
                self._unfinished.discard(member)
                self._last = member.tstop
                self.numdone += succeeded
                self.numterm += not succeeded

    def _finish(self, *, closing: bool) -> None:
        """Finish if all that was added has finished, and nothing more can come; then see to the task around.

        :param closing: nothing more can come, save from callbacks of what has not finished.
        """
        with self._lock:
            if self._unfinished or self._is_finished() or not (closing or self._is_closed()):
                return
            self.tstop = self._last
            self._past = self.numadded, self.tstart, self.tstop
            succeeded = self.numdone == self.numadded
            if self.task is not None:
                self.task._count(self, succeeded)  # first, so that it is added again if its callbacks add to it
        around = self.task
        in_turn(
            lambda: call(self.ondone if succeeded else None, self),
            lambda: call(self.onfinish, self),
            None if around is None else lambda: around._finish(closing=closing),
        )

    def _finish_closed(self) -> None:
        """Finish a task that was closed, and the tasks in it, as far as all in them has finished."""
        for member in self._unfinished:
            if isinstance(member, Task):
                member._finish_closed()
        self._finish(closing=False)

    def _is_closed(self) -> bool:
        return self._closed or (self.task is not None and self.task._is_closed())

    def _remaining(self) -> float:
        """What is left of the timeout."""
        if self.tstart is None or self.tstop is not None:
            return self.timeout
        return max(0.001, self.timeout - (time.perf_counter() - self.tstart))


def check_member(name: object, task: object) -> None:
    """Refuse what neither a job nor a task can have."""
    checks.kind("name", name, str, "a str")
    checks.kind("task", task, (Task, type(None)), "a Task, or None")


def _detail(member: Member, column: str) -> Any:
    if column == "Tstart":
        return member.tstart
    if column == "Tstop":
        return member.tstop
    if column == "Duration":
        return None if member.tstart is None else time.perf_counter() - member.tstart
    if isinstance(member, Task):
        return None
    if column == "Memory":
        return member.mem
    return None if member.proc is None else member.proc.pid

"""Task: a named group of jobs and of other tasks."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Union

from . import _checks as checks
from ._owner import Callback, bind, call
from ._streams import Output

if TYPE_CHECKING:
    from ._job import Job

Member = Union["Job", "Task"]


class Task:
    """A group of jobs and subtasks, with callbacks and a timeout of its own.

    It starts before the first of its jobs does, and finishes when all that was added to it has finished and no more can
    come: in `ExecPool.join`, at the end of the pool, or after `ExecPool.close`.

    :param name: a name for people; need not be unique.
    :param timeout: seconds from its start to the end of all that is in it; 0 for none. Such jobs have the reason
        ``task_timeout``.
    :param onstart: called with the task before its first job starts. Like all callbacks, in the thread that serves the
        pool; an exception is reported on the standard error and discarded.
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
        self._unfinished: dict[Member, None] = {}  # in the order in which they were added
        self._lock = threading.Lock()
        self._last: float | None = None  # when the last member so far ended
        self._announced = False
        self._closed = False
        self._wire: tuple[object, int] | None = None  # the time in which the server has it, and its id there

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
        with self._lock:
            members = list(self._unfinished)
        rows: list[Any] = [["Name", *wanted] if wanted else "Name"] if header else []
        for member in members:
            if recursive and isinstance(member, Task):
                rows.append(member.uncompleted(True, False, pid, tstart, tstop, duration, memory))
            else:
                rows.append([member.name, *(_detail(member, column) for column in wanted)] if wanted else member.name)
        return rows

    def _add(self, member: Member) -> None:
        """Take in a job that is about to be scheduled, or a task that has its first one; the tasks around take in
        this."""
        with self._lock:
            if member not in self._unfinished:
                self._unfinished[member] = None
                self._closed = False
                self.numadded += 1
                self.tstop = None
        if self.task:
            self.task._add(self)

    def _withdraw(self, job: Job) -> None:
        """Undo _add for a job that could not be scheduled."""
        with self._lock:
            if self._unfinished.pop(job, self) is None:
                self.numadded -= 1

    def _started(self) -> None:
        """Note the start."""
        if self.task:
            self.task._started()
        if self.tstart is None:
            self.tstart = time.perf_counter()

    def _announce(self) -> None:
        """Call onstart, of the outer tasks first; for each task once."""
        if self.task:
            self.task._announce()
        self._started()
        if not self._announced:
            self._announced = True
            call(self.onstart, self)

    def _waits_to_be_announced(self) -> bool:
        """Whether a callback has to be called before a job of this task may start."""
        return bool(self.onstart and not self._announced) or bool(self.task and self.task._waits_to_be_announced())

    def _count(self, member: Member, succeeded: bool) -> None:
        """Note the end of a member."""
        with self._lock:
            if self._unfinished.pop(member, self) is None:
                self._last = member.tstop
                self.numdone += succeeded
                self.numterm += not succeeded

    def _finish(self, *, closing: bool) -> None:
        """Finish if all that was added has finished, and nothing more can come; then see to the task around.

        :param closing: nothing more can come, save from callbacks of what has not finished.
        """
        with self._lock:
            if self._unfinished or self.tstop is not None or not self.numadded or not (closing or self._is_closed()):
                return
            self.tstop = self._last
            succeeded = self.numdone == self.numadded
        if succeeded:
            call(self.ondone, self)
        call(self.onfinish, self)
        if self.task:
            self.task._count(self, succeeded)
            self.task._finish(closing=closing)

    def _is_closed(self) -> bool:
        return self._closed or bool(self.task and self.task._is_closed())

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

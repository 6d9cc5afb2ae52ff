"""Job: one command to execute, with its constraints."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Union

from . import _checks as checks
from ._clock import perf_time
from ._held import HeldFile, release
from ._memory import tree_memory
from ._owner import Callback, bind, report
from ._proc import JobProcess
from ._records import JobRecord
from ._streams import Output
from ._task import Task, check_member
from ._units import inGigabytes

if TYPE_CHECKING:
    from ._future import JobFuture
    from ._session import Session

Args = Union[Sequence[Union[str, "os.PathLike[str]"]], str, None]


class Job:
    """One command to execute.

    :param name: a name for people; need not be unique.
    :param workdir: the folder where it runs; None for the host's.
    :param args: the command and its arguments, or one str, a command without arguments. None or empty makes a stub,
        which runs nothing and succeeds at once.
    :param timeout: seconds that an attempt may run; 0 for none.
    :param rsrtonto: restart on timeout, instead of failing.
    :param task: the `Task` that it belongs to.
    :param startdelay: seconds after its start in which no other queued job starts.
    :param onstart: called with the job before each attempt; an exception discards the job. It is called in the thread
        that serves the pool (in `ExecPool.execute`, `ExecPool.join` or `ExecPool.process_events`), and the job waits
        for that; `ExecPool.submit` calls it once, before it schedules the job. None for the method ``onstart``, if a
        subclass has one; so with the others.
    :param ondone: called with the job when it has succeeded: it exited by itself, with code 0. An exception in this
        or in ``onfinish`` is reported on the standard error, and discarded.
    :param onfinish: called when it has ended, in whatever way.
    :param params: anything, for the callbacks.
    :param category: what kind of job it is; related jobs have the same.
    :param size: memory complexity relative to others of the category; 0 for unknown, which keeps it out of chains.
    :param slowdown: slowness relative to others of the category and size.
    :param omitafn: run outside of the affinity groups.
    :param memkind: whose memory counts: 0 the main process's, 1 the heaviest's of its tree, 2 the whole tree's.
    :param memlim: the GB that it may use; 0 for no limit.
    :param stdout: where its output goes: a file name (appended), PIPE (into ``pipedout``; of each stream the first and
        the last MiB are kept), DEVNULL, an open file, pipe or terminal or its descriptor (flushed and held when it is
        scheduled, so that it may be closed then; appended, and so does the host to a file until the job has ended, and
        goes on at its end), or the host's own stream (sys.stdout, None). A line with the time comes first in each
        attempt if the file has content.
    :param stderr: the same for the standard error, and STDOUT for where the output goes.
    :param poutlog: the name of a file that captured output is appended to.
    :param perrlog: the same for the standard error.
    :param ontimeout: what PyExPool 2 calls ``rsrtonto``.
    :raises ValueError: an argument is wrong.

    What is known of its execution:

    - ``tstart``, when its last attempt was about to start, and ``tstop``, when it ended, in seconds of
      `time.perf_counter`, or None;
    - ``proc``, a `JobProcess`; None before the start, and if there was none;
    - ``pipedout`` and ``pipederr``, the captured text, or None;
    - ``mem``, the GB that it used as last seen;
    - ``terminates``, above 0 if the pool ended it;
    - ``chtermtime``, True if it was ended in a chain by time, False by memory, else None;
    - ``wkslim``, beside at most how many workers it was scheduled, if the memory of the pool is limited, else None;
    - ``state`` (None before it is scheduled), ``reason`` and ``record``, a `JobRecord` (None before its end).
    """

    def __init__(
        self,
        name: str,
        workdir: str | os.PathLike[str] | None = None,
        args: Args = (),
        timeout: float = 0,
        rsrtonto: bool = False,
        task: Task | None = None,
        startdelay: float = 0.0,
        onstart: Callback = None,
        ondone: Callback = None,
        onfinish: Callback = None,
        params: Any = None,
        category: str | None = None,
        size: float = 0,
        slowdown: float = 1.0,
        omitafn: bool = False,
        memkind: int = 1,
        memlim: float = 0.0,
        stdout: Output = sys.stdout,
        stderr: Output = sys.stderr,
        poutlog: str | os.PathLike[str] | None = None,
        perrlog: str | os.PathLike[str] | None = None,
        *,
        ontimeout: bool = False,
    ) -> None:
        check_member(name, task)
        self.name = name
        self.workdir = checks.path("workdir", workdir)
        self.args = list(args) if isinstance(args, Iterator) else args  # which it needs again if it is executed again
        self.timeout = checks.seconds("timeout", timeout)
        self.rsrtonto = rsrtonto or ontimeout
        self.task = task
        self.startdelay = checks.seconds("startdelay", startdelay)
        self.onstart = bind("onstart", onstart, self)
        self.ondone = bind("ondone", ondone, self)
        self.onfinish = bind("onfinish", onfinish, self)
        self.params = params
        self.category = category
        self.size = checks.amount("size", size)
        self.slowdown = checks.factor("slowdown", slowdown)
        self.memkind = checks.whole("memkind", memkind, "0, 1 or 2", least=0, below=3)
        self.memlim = checks.gigabytes("memlim", memlim)
        self.stdout = stdout
        self.stderr = stderr
        self.poutlog = checks.path("poutlog", poutlog)
        self.perrlog = checks.path("perrlog", perrlog)
        self._omitafn = omitafn
        self.wkslim: int | None = None
        self.mem = 0.0
        self._future: JobFuture | None = None
        self._session: Session | None = None
        self._collector: deque[Job] | None = None  # where it goes when it has finished
        self._tscheduled = 0.0
        self._held: list[HeldFile] = []  # the open files that it writes to
        self._reset()

    def _reset(self) -> None:
        """Forget an execution."""
        self.state: str | None = None
        self.tstart: float | None = None
        self.tstop: float | None = None
        self.proc: JobProcess | None = None
        self.pipedout: str | None = None
        self.pipederr: str | None = None
        self.terminates = 0
        self.chtermtime: bool | None = None
        self._stub = False  # it runs nothing
        self._unwanted = False  # it is to be cancelled as soon as the server has it
        self._id: int | None = None
        self._end: dict[str, Any] | None = None

    def __str__(self) -> str:
        return self.name

    @property
    def record(self) -> JobRecord | None:
        """The typed record of its end; None before."""
        return None if self._end is None else JobRecord.from_wire({**self._end, "params": self.params})

    @property
    def reason(self) -> str | None:
        """Why it ended, as in `JobRecord`; ``"lost"`` if the server died."""
        return None if self._end is None else self._end["reason"]

    @property
    def succeeded(self) -> bool:
        """Whether it ended by itself, with exit code 0."""
        return self.state == "done"

    @property
    def finished(self) -> bool:
        """Whether it was executed, and has ended."""
        return self._end is not None

    def lessmem(self, job: Job) -> bool | None:
        """Whether this uses less memory than another one, as seen or else by size; None if that is not known."""
        if self.mem and job.mem:
            return self.mem < job.mem
        if self.size and job.size and self.category == job.category:
            return self.size < job.size
        return None

    def _updateMem(self) -> float:
        """Measure the memory, by ``memkind``, in GB; ``mem`` follows it, slowly downwards.

        :raises AttributeError: the job has not started.
        """
        if self.proc is None or self.proc.pid is None:
            raise AttributeError(f'job "{self.name}" has no process to measure: it has not started')
        now = inGigabytes(tree_memory(self.proc.pid, self.memkind))
        self.mem = max(now, 0.85 * self.mem + 0.15 * now)
        return self.mem

    def _announce(self) -> None:
        """Call what is to be called before it starts; what onstart raises is for the caller to handle."""
        if self.task is not None:
            self.task._announce()
        if self.onstart is not None:
            self.onstart()

    def _waits_to_be_announced(self) -> bool:
        """Whether a callback has to be called before it may start."""
        return self.onstart is not None or (self.task is not None and self.task._waits_to_be_announced())

    def _taken(self, answer: dict[str, Any]) -> None:
        """Take in the server's answer: it has the job."""
        self._id = answer["job"]
        self.state = answer["state"]

    def _started(self, params: dict[str, Any], confirmed: bool) -> None:
        """Take in that an attempt starts, or that it asks to."""
        self._id = params["job"]
        self.tstart = perf_time(params["time"])
        self.state = "running" if confirmed else "starting"
        self.proc = JobProcess(self) if confirmed and not self._stub else None
        if self.task is not None:
            self.task._started()

    def _confirmed(self) -> None:
        """Take in that the start was confirmed."""
        if not self.finished:
            self.state = "running"
            self.proc = None if self._stub else JobProcess(self)

    def _jobs(self) -> Iterator[Job]:
        """The job, as `Task` has its jobs."""
        yield self

    def _ended(self, record: dict[str, Any]) -> None:
        """Take in the record of the end."""
        self._id = record["job"]
        self.tstop = perf_time(record["tstop"])
        if record["tstart"] is None and record["reason"] != "lost":
            self.tstart = None
        if record["mem"] is not None:
            self.mem = inGigabytes(record["mem"])
        reason = record["reason"]
        self.terminates = int(reason not in _OTHERS)
        self.chtermtime = _CHAINED.get(reason)
        self.pipedout = record.get("stdout")
        self.pipederr = record.get("stderr")
        if record["pid"] is not None:
            self.proc = self.proc or JobProcess(self)
        elif reason != "lost":
            self.proc = None
        if self.proc:
            self.proc._ended(record)
        release(self._held)
        self.state = record["state"]
        self._end = record

    def _failed(self, reason: str, warning: str) -> None:
        """Take in an end that the server can't tell of."""
        code = -signal.SIGKILL if self.proc else None  # its guardian ends it when the server is gone
        pid = self.proc and self.proc._pid
        known = {"job": self._id or 0, "name": self.name, "category": self.category, "tstop": time.time()}
        end = {
            "reason": reason,
            "code": code,
            "pid": pid,
            "attempts": int(self.proc is not None),
            "warnings": [warning],
        }
        self._ended({**_UNKNOWN, **known, **end})

    def _has_followers(self) -> bool:
        """Whether anything is to be done at its end, in the thread that serves."""
        logged = self.poutlog or self.perrlog
        reported = self._end is not None and self._end["code"] is None
        called = (self.ondone, self.onfinish, self.task, self._collector)
        return bool(logged or reported) or any(one is not None for one in called)

    def _log_output(self) -> None:
        """Append captured output to the log files."""
        for text, path in ((self.pipedout, self.poutlog), (self.pipederr, self.perrlog)):
            if text and path:
                try:
                    append_log(path, text)
                except (OSError, ValueError, TypeError) as error:  # such as of text that can't be encoded
                    reason = getattr(error, "strerror", None) or error
                    report(f'ERROR on logging the output of "{self}" to {path!r}: {reason}')

    def _wait(self, timeout: float | None) -> bool:
        if self._session is None or self.finished:
            return True
        self._session.check_owner()
        return self._session.callbacks.wait(lambda: self.finished, timeout)

    def _cancel(self) -> None:
        if self._session:
            self._session.cancel(self)


_OTHERS = frozenset(("exited", "signaled", "oom", "start_failed", "rejected", "lost"))
"""The reasons of ends that are not the pool's doing."""

_CHAINED = {"chained_timeout": True, "chained_memory": False}

_UNKNOWN: dict[str, Any] = dict(
    state="failed",
    cputime={"user": None, "sys": None},
    io={"read": None, "write": None},
    mempeak={"bytes": None, "source": "none"},
    leaked=0,
    **dict.fromkeys(("task", "params", "cpus", "mem", "tstart", "duration")),
)
"""The record of a job that the server tells nothing of."""


def append_log(path: str | os.PathLike[str], text: str) -> None:
    """Append text to a file; a line with the time comes first when the file has content."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        if file.tell():
            file.write(time.strftime("# %Y-%m-%dT%H:%M:%S%z\n"))
        file.write(text)

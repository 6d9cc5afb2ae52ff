"""JobProcess: the process of a job, in the words of `subprocess.Popen`."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any

from ._errors import PoolError

if TYPE_CHECKING:
    from ._job import Job


class JobProcess:
    """The main process of a job that has started, as ``job.proc``.

    ``args`` are those of the job. ``stdout`` and ``stderr`` are None, or, once the job has finished, what PIPE
    captured, as binary files.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._pid: int | None = None
        self.args = job.args
        self.returncode: int | None = None
        self.stdin = None
        self.stdout: io.BytesIO | None = None
        self.stderr: io.BytesIO | None = None

    def __repr__(self) -> str:
        return f"<JobProcess: returncode: {self.returncode} args: {self.args!r}>"

    @property
    def pid(self) -> int | None:
        """The process id; None if there is no process after all, since the start fails."""
        if self._pid is None:
            self._pid = _find_pid(self._job)
        return self._pid

    def poll(self) -> int | None:
        """The exit code, or the negative signal that ended it; None while it runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for the end of the job, and return its code. No callbacks are served meanwhile.

        :raises subprocess.TimeoutExpired: it runs for longer than ``timeout`` seconds.
        """
        if not self._job._wait(timeout):
            raise subprocess.TimeoutExpired(() if self.args is None else self.args, timeout or 0)
        return self.returncode

    def communicate(self, input: None = None, timeout: float | None = None) -> tuple[bytes | None, bytes | None]:
        """Wait for the end of the job, and return what PIPE captured of its standard output and error.

        :raises ValueError: there is input, which jobs don't take.
        :raises subprocess.TimeoutExpired: it runs for longer than ``timeout`` seconds.
        """
        if input is not None:
            raise ValueError("communicate(input=...): a job reads from /dev/null; give it a file")
        self.wait(timeout)
        return self.stdout.read() if self.stdout else None, self.stderr.read() if self.stderr else None

    def terminate(self) -> None:
        """End the job, with all of its processes: softly, and after the grace for good."""
        self._job._cancel()

    def kill(self) -> None:
        """End the main process at once; what it leaves is ended with it."""
        self.send_signal(signal.SIGKILL)

    def send_signal(self, sig: int) -> None:
        """Send a signal to the main process; none once the job has finished."""
        pid = self.pid
        if self.returncode is None and pid is not None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(pid, sig)

    def _ended(self, record: dict[str, Any]) -> None:
        """Note the end."""
        self._pid = record["pid"]
        self.stdout = _file(record.get("stdout"))
        self.stderr = _file(record.get("stderr"))
        self.returncode = record["code"]


def _find_pid(job: Job) -> int | None:
    """The process id of a job that runs, once it has one."""
    session = job._session
    while session is not None and job._id is not None and not job.finished:
        try:
            records = session.connection.call("jobs", {"after": job._id - 1, "limit": 1})["jobs"]
        except PoolError:
            return None
        if not records or records[0]["job"] != job._id:
            return None
        if records[0]["pid"] is not None or records[0]["state"] not in ("starting", "running"):
            pid: int | None = records[0]["pid"]
            return pid
        session.callbacks.wait(lambda: job.finished, 0.001)
    return None if job.record is None else job.record.pid


def _file(text: str | None) -> io.BytesIO | None:
    return None if text is None else io.BytesIO(text.encode())

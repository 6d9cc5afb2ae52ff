"""JobFuture: the record of a job to come."""

from __future__ import annotations

import concurrent.futures
from typing import TYPE_CHECKING

from ._records import JobRecord

if TYPE_CHECKING:
    from ._job import Job
    from ._pool import ExecPool
    from ._session import Session

    _Future = concurrent.futures.Future[JobRecord]
else:
    _Future = concurrent.futures.Future

_PENDING: set[concurrent.futures.Future[JobRecord]] = set()


class JobFuture(_Future):
    """A future of the `JobRecord` of a job, whatever its end was; it fails only if the server died, or refused the job.

    It is completed by itself, so that `concurrent.futures.wait` and `as_completed` can be used. While `result` or
    `exception` waits, the callbacks of the pool are served. Until then it keeps its pool alive, also if nothing refers
    to it.

    What `add_done_callback` adds is called in the thread that reads from the server, so it must return soon. It may
    submit, execute and cancel, but what waits for the pool raises a RuntimeError there.
    """

    def __init__(self, job: Job, session: Session, pool: ExecPool) -> None:
        super().__init__()
        self.job = job
        self._session = session
        self._pool: ExecPool | None = pool

    def _keep(self) -> None:
        """Be kept until it is done, though nothing may refer to it but what it calls back."""
        _PENDING.add(self)
        self.add_done_callback(_PENDING.discard)

    def running(self) -> bool:
        """Whether the job has started, and not finished."""
        return not self.done() and self.job.state == "running"

    def cancel(self) -> bool:
        """End the job, running or not; False if it has finished already. It does not wait for the end.

        :raises ConnectionClosed: in a forked process.
        """
        self._session.check_owner()
        if not super().cancel():
            return False
        self.set_running_or_notify_cancel()
        self._session.forward_cancel(self.job)
        return True

    def result(self, timeout: float | None = None) -> JobRecord:
        """The record, when the job has finished.

        :raises TimeoutError: (that of `concurrent.futures`) it takes longer than ``timeout`` seconds.
        :raises CancelledError: (that of `concurrent.futures`) it was cancelled by `cancel`.
        :raises PoolError: the server died, or refused the job, or this is a forked process.
        :raises RuntimeError: the job has not finished, and this is a callback, which it may have to wait for.
        """
        self._await(timeout)
        return super().result(0)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Why there is no record; None if there is one. Waits, and raises, as `result` does."""
        self._await(timeout)
        return super().exception(0)

    def _await(self, timeout: float | None) -> None:
        if self.done():
            return
        self._session.check_owner()
        callbacks = self._session.callbacks
        if callbacks.inside and timeout != 0:
            raise RuntimeError(f'waiting for job "{self.job}" in a callback could wait for itself: let it return')
        callbacks.serve_until(self.done, timeout)

    def _complete(self, record: JobRecord | None, error: BaseException | None) -> None:
        """Set the record of the job, or why there is none, unless it was cancelled."""
        try:
            if error is not None:
                self.set_exception(error)
            else:
                assert record is not None  # it is called at the end of the job
                self.set_result(record)
        except concurrent.futures.InvalidStateError:
            pass
        finally:
            self._pool = None

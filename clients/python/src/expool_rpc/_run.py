"""The loop of `ExecPool.run`: jobs are taken as they are needed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ._job import Job

if TYPE_CHECKING:
    from ._pool import ExecPool


def run(pool: ExecPool, jobs: Iterable[Job], ahead: int) -> Iterator[Job]:
    """Execute jobs, with up to ``ahead`` of them scheduled, and yield each when it has finished."""
    session = pool._need_session()
    finished: deque[Job] = deque()
    pending, more = 0, True
    source = iter(jobs)
    while more or pending:
        if session.callbacks.inside:
            raise RuntimeError("run() in a callback would wait for itself: let the callback return")
        while more and pending < max(ahead, session.workers) and pool._live_session() is session:
            job = next(source, None)
            if job is None:
                more = False
            else:
                pool._schedule(session, job, collector=finished)
                pending += 1
        session.check_owner()
        if not pending:
            break
        session.callbacks.serve_until(lambda: bool(finished))
        while finished:
            pending -= 1
            yield finished.popleft()
    session.raise_death()
    if more and next(source, None) is not None:
        raise pool._not_alive()

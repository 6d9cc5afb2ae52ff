"""A display of how far a pool is: by tqdm or rich where they are installed, else by lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import IO, Any, Protocol

from ._checks import wrong
from ._job import Job

_LINES_EVERY = 5.0  # seconds between two lines where nothing can be overwritten


class Display(Protocol):
    """What shows the progress."""

    def update(self, done: int, failed: int, last: str) -> None:
        """Show that so many jobs have finished."""

    def close(self) -> None:
        """Leave the last state on the screen."""


def progress(jobs: Iterable[Job], total: int | None = None, *, style: str | None = None) -> Iterator[Job]:
    """Pass on finished jobs, and show how many there were, on the standard error.

    ``for job in progress(pool.run(jobs), total=len(jobs)): ...``

    :param total: how many there will be; None if that is not known.
    :param style: ``"tqdm"``, ``"rich"`` (both extras of this package), ``"plain"``; None for the first that is there,
        or plain where the standard error is no terminal.
    :raises ImportError: the style is not installed.
    :raises ValueError: there is no such style.
    """
    done = failed = 0
    display = _display(total, style)
    try:
        for job in jobs:
            done += 1
            failed += not job.succeeded
            display.update(done, failed, _on_a_line(job.name))
            yield job
    finally:
        display.close()


def _display(total: int | None, style: str | None) -> Display:
    if style is not None:
        if style not in _STYLES:
            raise wrong("style", style, f"{', '.join(map(repr, _STYLES))}, or None")
        display: Display = _STYLES[style](total)
        return display
    if sys.stderr is not None and sys.stderr.isatty():
        for kind in (_Tqdm, _Rich):
            try:
                return kind(total)
            except ImportError:
                continue
    return _Plain(total)


def _on_a_line(name: str) -> str:
    """A name with what would move the cursor, such as a newline, escaped."""
    if name.isprintable():
        return name
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in name)


class _Plain:
    """One line on a terminal; elsewhere a line now and then, and at the end."""

    def __init__(self, total: int | None, file: IO[str] | None = None) -> None:
        self._file = file or sys.stderr
        self._total = "" if total is None else f"/{total}"
        self._overwrites = self._file.isatty()
        self._text = self._shown = ""
        self._next = time.monotonic() + _LINES_EVERY

    def update(self, done: int, failed: int, last: str) -> None:
        self._text = f"{done}{self._total} jobs, {failed} failed, last: {last}"
        if self._overwrites:
            self._file.write(f"\r\033[K{self._text:.100}")
            self._file.flush()
        elif time.monotonic() >= self._next:
            self._line()

    def close(self) -> None:
        if self._overwrites:
            self._file.write("\n" if self._text else "")
        elif self._text != self._shown:
            self._line()

    def _line(self) -> None:
        self._file.write(f"{self._text}\n")
        self._file.flush()
        self._shown = self._text
        self._next = time.monotonic() + _LINES_EVERY


class _Tqdm:
    """A bar of tqdm."""

    def __init__(self, total: int | None) -> None:
        from tqdm import tqdm  # optional

        self._bar = tqdm(total=total, unit="job")

    def update(self, done: int, failed: int, last: str) -> None:
        self._bar.set_postfix(failed=failed, last=last, refresh=False)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        self._bar.close()


class _Rich:
    """A bar of rich."""

    def __init__(self, total: int | None) -> None:
        from rich.console import Console  # optional
        from rich.markup import escape
        from rich.progress import Progress

        self._escape = escape  # names are no markup
        self._progress = Progress(console=Console(stderr=True))
        self._task = self._progress.add_task("jobs", total=total)
        self._progress.start()

    def update(self, done: int, failed: int, last: str) -> None:
        self._progress.update(
            self._task, completed=done, description=self._escape(f"{failed} failed, last: {last:.40}")
        )

    def close(self) -> None:
        self._progress.stop()


_STYLES: dict[str, Any] = {"tqdm": _Tqdm, "rich": _Rich, "plain": _Plain}

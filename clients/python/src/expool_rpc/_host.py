"""What jobs take from this program as it is when they are scheduled: its folder, its environment, its streams."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ._checks import items
from ._errors import invalid_params
from ._held import HeldFile
from ._streams import HostStreams, Output, Wire, absolute
from ._units import whole_bytes

if TYPE_CHECKING:
    from ._job import Args, Job
    from ._task import Task


class Host:
    """This program, compared with what it was when the server was started and took over folder and environment."""

    def __init__(self) -> None:
        self.streams = HostStreams()
        self._folder = _folder()
        self._environment = dict(os.environ)
        self._raw = dict(_environment())

    def job(self, job: Job, held: list[HeldFile], *, limits: bool, chained: bool) -> dict[str, Any]:
        """The params of ``execute`` that follow from the job alone; what has its default is left out.

        :param held: gets the open files among its outputs, also if this raises; to be released at its end.
        :param limits: whether memory is limited at all.
        :param chained: whether categories count.
        :raises InvalidParams: the job can't be executed like that.
        """
        params: dict[str, Any] = {"name": job.name, "args": _args(job.args)}
        if job.timeout:
            params["timeout"] = job.timeout
            if job.rsrtonto:
                params["rsrtonto"] = True
        if job.startdelay:
            params["startdelay"] = job.startdelay
        if job._omitafn:
            params["omitafn"] = True
        if job.memkind != 1:
            params["memkind"] = job.memkind
        if limits and job.memlim:
            params["memlim"] = whole_bytes(job.memlim)
        if chained and job.category is not None:
            params.update(category=str(job.category), size=job.size, slowdown=job.slowdown)
        self._surround(params, job, held)
        return params

    def _surround(self, params: dict[str, Any], job: Job, held: list[HeldFile]) -> None:
        """Add the folder, the environment and the streams."""
        if job.workdir is not None:
            params["workdir"] = absolute("workdir", os.fspath(job.workdir))
        else:
            folder = _folder()
            if folder != self._folder:
                params["workdir"] = folder or absolute("workdir", os.curdir)  # which raises that there is none
        if _environment() != self._raw:
            params["env"] = self._changes()
        params.update(self._outputs(job, held))

    def _changes(self) -> dict[str, str]:
        """The environment's changes. The wire can't remove a variable: it becomes empty."""
        removed = {name: "" for name in self._environment if name not in os.environ}
        changed = {name: value for name, value in os.environ.items() if self._environment.get(name) != value}
        return {**removed, **changed}

    def _outputs(self, job: Job, held: list[HeldFile]) -> dict[str, Wire]:
        """The outputs that are not the host's own. What a job leaves to its task is resolved here, and not by the
        server, so that open files are held for as long as the job needs them."""
        outputs: dict[str, Wire] = {}
        for name in ("stdout", "stderr"):
            wire = self.streams.wire(name, self._output(name, job), held)
            if wire != "inherit":
                outputs[name] = wire
        return outputs

    def _output(self, name: str, job: Job) -> Output:
        """An output of a job: its own, else that of the nearest task around it that has one."""
        owner: Job | Task = job
        output: Output = getattr(job, name)
        while owner.task is not None and self.streams.is_default(name, output):
            owner = owner.task
            output = getattr(owner, name)
        return output


def _folder() -> str | None:
    """The folder of this process; None if it is no more."""
    try:
        return os.getcwd()
    except OSError:
        return None


def _environment() -> Mapping[Any, Any]:
    """The environment in a form that is compared fast: the dict under os.environ, where there is one."""
    environment: Mapping[Any, Any] = getattr(os.environ, "_data", os.environ)
    return environment


def _args(args: Args) -> list[str] | None:
    """What is executed; None for a stub. Nothing here asks for the truth of args, which numpy's arrays have not."""
    if args is None:
        return None
    items("args", args, "a list or tuple of str, or one str")
    words = [_word(index, arg) for index, arg in enumerate([args] if isinstance(args, str) and args else args)]
    if words and not words[0]:
        raise invalid_params("args[0]", "is empty: give a command; or no args at all, for a stub that runs nothing")
    return words or None


def _word(index: int, arg: object) -> str:
    word = os.fspath(arg) if isinstance(arg, os.PathLike) else arg
    if not isinstance(word, str):
        raise invalid_params(f"args[{index}]", f"is {arg!r}: give a str, as in str({arg!r})")
    if "\0" in word:
        raise invalid_params(f"args[{index}]", f"is {arg!r}: no command can receive a NUL character")
    return word

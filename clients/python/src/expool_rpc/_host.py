"""What jobs take from this program as it is when they are scheduled: its folder, its environment, its streams."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ._errors import invalid_params
from ._streams import HostStreams, Wire
from ._units import whole_bytes

if TYPE_CHECKING:
    from ._job import Args, Job
    from ._task import Task


class Host:
    """This program, compared with what it was when the server was started and took over folder and environment."""

    def __init__(self) -> None:
        self.streams = HostStreams()
        self._folder = os.getcwd()
        self._environment = dict(os.environ)
        self._raw = dict(_environment())

    def job(self, job: Job, *, limits: bool, chained: bool) -> dict[str, Any]:
        """The params of ``execute`` that follow from the job alone; what has its default is left out.

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
        self._surround(params, job)
        return params

    def task(self, task: Task) -> dict[str, Any]:
        """The params of ``task`` that follow from the task alone."""
        params: dict[str, Any] = {"name": task.name}
        params.update(self._outputs(task))
        return params

    def _surround(self, params: dict[str, Any], job: Job) -> None:
        """Add the folder, the environment and the streams."""
        folder = os.getcwd()
        if job.workdir is not None:
            params["workdir"] = os.path.join(folder, os.fspath(job.workdir))
        elif folder != self._folder:
            params["workdir"] = folder
        if _environment() != self._raw:
            params["env"] = self._changes()
        params.update(self._outputs(job))

    def _changes(self) -> dict[str, str]:
        """The environment's changes. The wire can't remove a variable: it becomes empty."""
        removed = {name: "" for name in self._environment if name not in os.environ}
        changed = {name: value for name, value in os.environ.items() if self._environment.get(name) != value}
        return {**removed, **changed}

    def _outputs(self, owner: Job | Task) -> dict[str, Wire]:
        """The outputs that are not left to the task."""
        outputs: dict[str, Wire] = {}
        for name, output in (("stdout", owner.stdout), ("stderr", owner.stderr)):
            wire = self.streams.wire(name, output)
            if wire != "inherit" or not self.streams.is_default(name, output):
                outputs[name] = wire
        return outputs


def _environment() -> Mapping[Any, Any]:
    """The environment in a form that is compared fast: the dict under os.environ, where there is one."""
    environment: Mapping[Any, Any] = getattr(os.environ, "_data", os.environ)
    return environment


def _args(args: Args) -> str | list[str] | None:
    if not args:
        return None
    if isinstance(args, str):
        return args
    try:
        return [os.fspath(arg) for arg in args]
    except TypeError:
        index, arg = next((index, arg) for index, arg in enumerate(args) if not isinstance(arg, (str, os.PathLike)))
        raise invalid_params(f"args[{index}]", f"is {arg!r}: give a str, as in str({arg!r})") from None

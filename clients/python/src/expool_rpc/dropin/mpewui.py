"""PyExPool's module ``mpewui``, on expool-rpc: it is imported and constructed as there, and has no page yet."""

from __future__ import annotations

import enum
import sys
import threading
from typing import Any

UiCmdId = enum.IntEnum("UiCmdId", "FAILURES LIST_JOBS LIST_TASKS API_MANUAL")


class UiCmd:
    """A command of the page; it is never given."""

    def __init__(self, cid: Any = None, params: Any = None, data: Any = None) -> None:
        self.id = cid
        self.params = params if params is not None else {}
        self.data = data if data is not None else []
        self.cond = threading.Condition()


class WebUiApp(threading.Thread):
    """Takes what PyExPool's takes, and says on the standard error, once, that there is no page."""

    RAM = LCPUS = CPUCORES = CPUNODES = WKSMAX = None
    _told = False

    def __init__(
        self,
        host: str = "localhost",
        port: int = 8080,
        name: str | None = None,
        daemon: bool | None = None,
        group: None = None,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(group=group, name=name, daemon=daemon)
        self.host = host
        self.port = port
        self.cmd = UiCmd()
        if not WebUiApp._told:
            WebUiApp._told = True
            sys.stderr.write(f"WARNING, expool_rpc has no web page yet: nothing listens on {host}:{port}\n")

    def run(self) -> None:
        """There is nothing to serve."""

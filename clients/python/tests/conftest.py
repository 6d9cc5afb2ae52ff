"""Fixtures: the real server, and one that goes wrong."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest

from expool_rpc import Connection, PoolError
from support import CLIENT

FAKE = Path(__file__).with_name("fake_server.py")


@pytest.fixture(autouse=True, scope="session")
def signals() -> None:
    """Signals do what they do in a terminal. In the background of a script, or under nohup, some are ignored, which
    the programs that tests start would inherit: Python takes no Ctrl-C then."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True, scope="session")
def server() -> str:
    """The path of the server under test; all tests find it as users do."""
    os.environ.setdefault("EXPOOL_RPC", str(CLIENT.parents[1] / "bin" / "expool-rpc"))
    path = os.path.abspath(os.environ["EXPOOL_RPC"])
    assert os.access(path, os.X_OK), f"there is no server at {path}: run make build"
    os.environ["EXPOOL_RPC"] = path
    return path


class Told:
    """What a connection told."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.closed: list[PoolError | None] = []

    def named(self, method: str) -> list[dict[str, Any]]:
        return [message["params"] for message in self.messages if message["method"] == method]


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def connect(told: Told) -> Iterator[Callable[..., Connection]]:
    """Makes connections that note into told, and are closed at the end of the test."""
    made: list[Connection] = []

    def make(**options: Any) -> Connection:
        options = {"on_message": told.messages.append, "on_closed": told.closed.append, **options}
        options["settings"] = {"workers": 2, **options.get("settings", {})}
        made.append(Connection(**options))
        return made[-1]

    yield make
    for connection in made:
        connection.close()


@pytest.fixture
def fake(tmp_path: Path) -> Callable[[str], str]:
    """The path of a server that goes wrong in the way that mode says."""

    def make(mode: str) -> str:
        path = tmp_path / f"server that {mode}"
        command = shlex.join([sys.executable, "-S", str(FAKE), mode])
        path.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
        path.chmod(0o755)
        return str(path)

    return make

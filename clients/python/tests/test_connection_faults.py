"""Connections to servers that go wrong: each way gives an error that names the cause, and nothing hangs."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any, Callable

import pytest

from conftest import Told
from expool_rpc import (
    BinaryNotFound,
    CallTimeout,
    Connection,
    PoolError,
    ProtocolMismatch,
    ServerDied,
    _connection,
    _link,
)
from support import until

Connect = Callable[..., Connection]
Fake = Callable[[str], str]


@pytest.mark.parametrize(
    ("mode", "problem"),
    [
        ("version", "speaks version 99 of the protocol, this package 1"),
        ("refuses", "refuses this package's protocol, protocol is 1, and I speak 0"),
        ("unversioned", "does not say which protocol it speaks"),
        ("garbage", "does not speak the protocol of expool-rpc: it wrote 'Hello, this is no JSON'"),
        ("array", r"does not speak the protocol of expool-rpc: it wrote \[1, 2\]"),
        ("null", "does not speak the protocol of expool-rpc: it wrote None"),
        ("echo", "it wrote .*'initialize'.* instead of an answer"),
    ],
)
def test_another_protocol_is_a_mismatch_that_names_the_program(
    connect: Connect, fake: Fake, told: Told, mode: str, problem: str
) -> None:
    with pytest.raises(ProtocolMismatch, match=problem) as caught:
        connect(binary=fake(mode))
    assert f"server that {mode}" in str(caught.value)
    assert (told.messages, told.closed) == ([], [])


def test_a_server_that_ends_at_once_is_told_with_its_words(connect: Connect, fake: Fake) -> None:
    with pytest.raises(ServerDied) as caught:
        connect(binary=fake("exits"))
    assert (caught.value.status, caught.value.stderr) == (1, "no room on this machine")
    assert "exited with status 1" in str(caught.value)


def test_a_program_that_never_answers_is_given_up(
    connect: Connect, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_connection, "_START", 0.2)
    with pytest.raises(CallTimeout, match=r"initialize was not answered within 0\.2 seconds"):
        connect(binary=fake("silent"))


def test_what_is_no_program_is_said_to_be_none(connect: Connect, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("for another machine", encoding="utf-8")
    text.chmod(0o755)
    with pytest.raises(BinaryNotFound, match=r"starting .*/text: Exec format error"):
        connect(binary=str(text))


def test_a_death_under_way_fails_the_calls_that_wait_and_those_to_come(
    connect: Connect, fake: Fake, told: Told
) -> None:
    connection = connect(binary=fake("dies"))
    assert connection.call("first")["method"] == "first"
    futures = [connection.send("second"), connection.send("third")]
    for future in futures:
        with pytest.raises(ServerDied, match="ended by SIGKILL; its jobs have ended with it\npanic: the disk is on"):
            future.result()
    with pytest.raises(ServerDied):
        connection.call("fourth")
    until(lambda: told.closed, "the end is told")
    assert told.closed == [connection.error]
    assert isinstance(connection.error, ServerDied)
    assert connection.error.status == -signal.SIGKILL
    assert not connection.alive
    connection.close()
    assert len(told.closed) == 1


def test_each_caller_gets_an_error_of_its_own(connect: Connect, fake: Fake) -> None:
    connection = connect(binary=fake("dies"))
    connection.call("first")
    errors = [connection.send("more").exception() for _ in range(3)]
    assert len({id(error) for error in errors}) == 3


@pytest.mark.parametrize("mode", ["turns bad", "refuses a line"])
def test_garbage_under_way_ends_the_connection(connect: Connect, fake: Fake, told: Told, mode: str) -> None:
    connection = connect(binary=fake(mode))
    with pytest.raises(ProtocolMismatch, match="does not speak the protocol"):
        connection.call("status")
    until(lambda: told.closed, "the end is told")
    assert isinstance(told.closed[0], ProtocolMismatch)


@pytest.mark.parametrize("mode", ["closes its output", "closes its input"])
def test_a_server_that_closes_a_pipe_is_ended(
    connect: Connect, fake: Fake, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr(_link, "_EXIT", 0.1)
    connection = connect(binary=fake(mode))
    until(lambda: connection.send("status") and not connection.alive, "the server is found to be deaf, or mute")
    with pytest.raises(ServerDied, match="SIGKILL"):
        connection.call("status")


def test_answers_that_nobody_waits_for_are_ignored(connect: Connect, fake: Fake) -> None:
    connection = connect(binary=fake("answers twice"))
    assert connection.call("first")["method"] == "first"
    assert connection.call("second")["method"] == "second"


@pytest.mark.parametrize("mode", ["stays", "deaf"])
def test_close_kills_what_does_not_end(connect: Connect, fake: Fake, told: Told, mode: str) -> None:
    connection = connect(binary=fake(mode))
    future = connection.send("status", "x" * (1 << 22))  # deaf does not read it, so that the writer is stuck
    connection.close(timeout=0.1)
    assert not os.path.exists(f"/proc/{connection.pid}")
    assert told.closed == [None]
    assert future.done()


def test_calls_never_block_on_a_server_that_does_not_read(connect: Connect, fake: Fake) -> None:
    connection = connect(binary=fake("deaf"))
    futures = [connection.send("status", "x" * (1 << 20)) for _ in range(20)]
    assert not any(future.done() for future in futures)
    connection.close(timeout=0)


def test_answers_never_block_on_a_server_that_does_not_read(connect: Connect, fake: Fake) -> None:
    connection = connect(binary=fake("deaf"))
    for number in range(5000):  # more than the pipe takes
        connection.reply(f"confirm-{number}-1")
        connection.refuse(f"confirm-{number}-2", "no")
    assert connection.alive
    connection.close(timeout=0)


def test_a_stopped_server_is_killed_by_close(connect: Connect) -> None:
    connection = connect()
    os.kill(connection.pid, signal.SIGSTOP)
    connection.close(timeout=0.1)
    assert not os.path.exists(f"/proc/{connection.pid}")


def test_a_killed_server_is_told_and_so_are_its_jobs(connect: Connect, told: Told) -> None:
    connection = connect()
    futures = connection.post("execute", [{"name": "x", "args": ["sleep", "1000"], "wait": True}] * 20)
    until(lambda: connection.call("status")["running"] == 20, "the jobs run")
    os.kill(connection.pid, signal.SIGKILL)
    assert [type(future.exception()) for future in futures] == [ServerDied] * 20
    until(lambda: told.closed, "the end is told")
    assert isinstance(told.closed[0], ServerDied)


def test_no_descriptor_is_left_by_connections_that_went_wrong(connect: Connect, fake: Fake) -> None:
    def attempt(action: Callable[[], Any]) -> None:
        with pytest.raises((PoolError, subprocess.SubprocessError)):
            action()

    before = set(os.listdir("/proc/self/fd"))
    attempt(lambda: connect(binary=fake("exits")))
    attempt(lambda: connect(binary=fake("garbage")))
    attempt(lambda: connect(binary="/nowhere"))
    attempt(lambda: connect(stdout=987654))
    connect().close()
    assert set(os.listdir("/proc/self/fd")) == before

"""Connections to the real server."""

from __future__ import annotations

import concurrent.futures
import gc
import logging
import os
import threading
from pathlib import Path
from typing import Any, Callable

import pytest

from conftest import Told
from expool_rpc import (
    Busy,
    CallTimeout,
    Connection,
    ConnectionClosed,
    InvalidParams,
    InvalidRequest,
    NoSuchJob,
    NoSuchMethod,
    NotAlive,
    PoolError,
)
from support import gone, run_python, until

Connect = Callable[..., Connection]
SLEEP = {"name": "sleep", "args": ["sleep", "1000"]}


def test_a_connection_tells_what_is_in_effect(connect: Connect, server: str) -> None:
    connection = connect(settings={"workers": 1, "memlimit": "100MiB"})
    assert connection.initialized["workers"] == 1
    assert connection.initialized["memlimit"] == 100 << 20
    assert connection.binary == server
    assert os.path.samefile(f"/proc/{connection.pid}/exe", server)
    assert (connection.alive, connection.error) == (True, None)


def test_calls_give_results_and_errors(connect: Connect) -> None:
    connection = connect()
    with pytest.raises(NoSuchMethod):
        connection.call("nosuch")
    with pytest.raises(NoSuchJob):
        connection.call("explain", {"job": 7})
    with pytest.raises(InvalidRequest):
        connection.call("initialize")
    with pytest.raises(InvalidParams, match="did you mean timeout") as caught:
        connection.call("execute", {"name": "x", "args": None, "timeuot": 1})
    assert caught.value.field == "timeuot"
    connection.call("execute", SLEEP)
    with pytest.raises(Busy):
        connection.call("clear")
    connection.call("terminate")
    with pytest.raises(NotAlive):
        connection.call("execute", SLEEP)
    assert connection.call("status")["alive"] is False


def test_a_wrong_setting_is_refused_by_its_name(connect: Connect, told: Told) -> None:
    with pytest.raises(InvalidParams, match="workers"):
        connect(settings={"workers": -1})
    with pytest.raises(InvalidParams, match="grace is nan"):
        connect(settings={"grace": float("nan")})
    assert told.closed == []  # there was no connection


def test_a_wrong_flag_is_told_in_the_words_of_the_server(connect: Connect) -> None:
    with pytest.raises(PoolError, match=r"exited with status 2[^$]*--?bogus"):
        connect(flags=["--bogus"])


def test_an_unanswered_call_times_out_and_the_connection_goes_on(connect: Connect) -> None:
    connection = connect()
    connection.call("execute", SLEEP)
    with pytest.raises(CallTimeout, match="join was not answered within"):
        connection.call("join", timeout=0.01)
    assert connection.call("cancel", {"job": 1}) == {"cancelled": 1}
    assert connection.call("join")["failed"] == 1


def test_an_answer_is_told_before_what_its_call_caused(connect: Connect) -> None:
    order: list[str] = []
    connection = connect(on_message=lambda message: order.append(message["params"]["name"]))
    for number in range(100):
        told = f"answer to {number}"
        connection.ask("execute", {"name": str(number), "args": None}, lambda *_, told=told: order.append(told))
    connection.call("join")
    assert all(order.index(f"answer to {number}") < order.index(str(number)) for number in range(100))


def test_futures_work_with_wait_and_cannot_be_cancelled(connect: Connect) -> None:
    futures = [connect().send("status") for _ in range(3)]
    assert not futures[0].cancel()
    assert concurrent.futures.wait(futures).not_done == set()


def test_an_answer_can_be_told_instead_of_awaited(connect: Connect) -> None:
    answers: list[tuple[Any, Any]] = []
    connection = connect()

    def told(result: Any, error: PoolError | None) -> None:
        answers.append((result, type(error)))

    connection.ask("execute", {"name": "x", "args": None}, told)
    connection.call("join")
    connection.ask("nosuch", None, told)
    with pytest.raises(InvalidParams):
        connection.ask("execute", {"name": object()}, told)
    until(lambda: len(answers) == 2, "both answers")
    connection.close()
    connection.ask("status", None, told)
    assert answers == [
        ({"job": 1, "state": "starting"}, type(None)),
        (None, NoSuchMethod),
        (None, ConnectionClosed),
    ]


def test_an_error_in_what_is_told_an_answer_is_logged_and_disturbs_nothing(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    connection = connect()
    with caplog.at_level(logging.ERROR, "expool_rpc"):
        connection.ask("status", None, lambda result, error: result["nosuch"])
        assert connection.call("status")["alive"] is True
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [KeyError]


def test_calls_arrive_in_the_order_in_which_they_are_sent_however_long_they_are(connect: Connect) -> None:
    connection = connect()
    names = ["short" if number % 3 else "long" * 50_000 for number in range(150)]
    futures = [connection.send("execute", {"name": name, "args": None}) for name in names]
    assert [future.result()["job"] for future in futures] == list(range(1, 151))
    assert connection.call("join")["done"] == 150


def test_many_calls_are_sent_at_once_or_not_at_all(connect: Connect) -> None:
    connection = connect()
    jobs: list[dict[str, Any]] = [{"name": str(i), "args": None} for i in range(100)]
    with pytest.raises(InvalidParams):
        connection.post("execute", [*jobs, {"name": object()}])
    assert [future.result()["job"] for future in connection.post("execute", jobs)] == list(range(1, 101))
    assert connection.call("join")["done"] == 100


def test_starts_are_confirmed_and_refused_from_within_the_callback(connect: Connect, told: Told) -> None:
    def decide(message: dict[str, Any]) -> None:
        told.messages.append(message)
        if "id" in message and message["params"]["name"] == "good":
            connection.reply(message["id"])
        elif "id" in message:
            connection.refuse(message["id"], "not today")

    connection = connect(on_message=decide)
    for name in ("good", "bad"):
        connection.send("execute", {"name": name, "args": ["true"], "confirm": True})
    until(lambda: len(told.named("onfinish")) == 2, "both jobs end")
    ends = {record["name"]: record for record in told.named("onfinish")}
    assert ends["good"]["reason"] == "exited"
    assert (ends["bad"]["reason"], ends["bad"]["warnings"]) == ("rejected", ["the client refused the start: not today"])


def test_answers_amid_long_calls_from_other_threads_never_cut_a_line(connect: Connect) -> None:
    connection = connect()

    def answer() -> None:
        for number in range(2000):
            connection.reply(f"confirm-{number}-4711")  # of no attempt, and so ignored; a cut line ends the connection

    threads = [threading.Thread(target=answer) for _ in range(2)]
    for thread in threads:
        thread.start()
    jobs = [{"name": "x" * 300_000, "args": None} for _ in range(50)]
    futures = [connection.send("execute", job) for job in jobs]
    assert [future.result()["job"] for future in futures] == list(range(1, 51))
    for thread in threads:
        thread.join()
    assert connection.call("join")["done"] == 50


def test_a_call_in_a_callback_is_refused_since_it_would_wait_for_itself(connect: Connect) -> None:
    errors = []

    def call(_: Any) -> None:
        try:
            connection.call("status")
        except PoolError as error:
            errors.append(str(error))

    connection = connect(on_message=call)
    connection.call("execute", {"name": "x", "args": None, "wait": True})
    assert set(errors) == {"call('status') in a callback of the connection would wait for itself: use send"}


def test_an_error_in_a_callback_is_logged_and_disturbs_nothing(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    connection = connect(on_message=lambda message: message["nosuch"])
    with caplog.at_level(logging.ERROR, "expool_rpc"):
        connection.call("execute", {"name": "x", "args": None, "wait": True})
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [KeyError] * 3
    assert connection.alive


def test_close_ends_server_and_jobs_and_leaves_no_zombie(connect: Connect, told: Told) -> None:
    connection = connect(settings={"grace": 0})
    connection.call("execute", SLEEP)
    job = until(lambda: connection.call("jobs")["jobs"][0]["pid"], "the job runs")
    pending = connection.send("join")
    connection.close()
    assert not os.path.exists(f"/proc/{connection.pid}")
    assert gone(job)
    assert (told.closed, connection.alive, connection.error) == ([None], False, None)
    assert pending.done()
    connection.close()
    assert told.closed == [None]
    with pytest.raises(ConnectionClosed, match="closed: make a new one"):
        connection.call("status")
    with pytest.raises(ConnectionClosed):
        connection.send("status").result()


def test_a_shutdown_is_no_fault(connect: Connect, told: Told) -> None:
    connection = connect()
    connection.call("shutdown")
    until(lambda: told.closed, "the connection ends")
    assert (told.closed, connection.error) == ([None], None)
    with pytest.raises(ConnectionClosed, match="shut down"):
        connection.call("status")


def test_a_connection_that_nobody_refers_to_ends_its_server() -> None:
    connection = Connection(on_message=print, on_closed=(ended := []).append)
    pid = connection.pid
    del connection
    gc.collect()  # for interpreters that don't count references
    until(lambda: ended and gone(pid), "the server ends")
    assert ended == [None]


def test_big_answers_do_not_block_big_calls(connect: Connect, told: Told) -> None:
    connection = connect()
    text = "x" * (1 << 20)
    futures = [connection.send("execute", {"name": str(i), "args": None, "params": text}) for i in range(50)]
    assert connection.call("join")["done"] == 50
    assert all(future.done() for future in futures)
    assert [record["params"] == text for record in told.named("onfinish")] == [True] * 50


def test_several_threads_may_call_at_the_same_time(connect: Connect) -> None:
    connection = connect()
    jobs: list[int] = []

    def execute() -> None:
        for _ in range(50):
            jobs.append(connection.call("execute", {"name": "x", "args": None})["job"])

    threads = [threading.Thread(target=execute) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(jobs) == list(range(1, 201))
    assert connection.call("join")["done"] == 200


def test_jobs_write_to_the_streams_that_are_handed_over(connect: Connect, tmp_path: Path) -> None:
    with open(tmp_path / "out", "w", encoding="utf-8") as out, open(tmp_path / "err", "wb") as err:
        out.write("before\n")
        connection = connect(stdout=out, stderr=err.fileno())
        connection.call("execute", {"name": "x", "args": ["sh", "-c", "echo out; echo err >&2"], "wait": True})
    assert (tmp_path / "out").read_text() == "before\nout\n"
    assert (tmp_path / "err").read_text() == "err\n"


def test_a_closed_stream_is_refused(connect: Connect, tmp_path: Path) -> None:
    with open(tmp_path / "out", "wb") as out:
        pass
    with pytest.raises(PoolError, match="give an open file"):
        connect(stdout=out)
    with pytest.raises(PoolError, match="give an open file"):
        connect(stderr=987654)


ECHO = """
    import io, os, sys
    from expool_rpc import Connection
    {before}
    connection = Connection(stdout={stdout}, on_message=lambda m: None, on_closed=lambda e: None)
    connection.call("execute", {{"name": "x", "args": ["sh", "-c", "echo job || echo >&2 lost"], "wait": True}})
    connection.close()
    {after}
"""


@pytest.mark.parametrize("stdout", ["None", "sys.stdout", "sys.__stdout__", "1", "io.StringIO()"])
def test_by_default_and_without_a_descriptor_jobs_write_to_the_process_s_own_stream(stdout: str) -> None:
    assert run_python(ECHO.format(before="", stdout=stdout, after="")) == "job\n"


def test_a_redirected_stream_is_that_of_the_jobs_too(tmp_path: Path) -> None:
    redirect = f"sys.stdout = open({str(tmp_path / 'log')!r}, 'w')"
    assert run_python(ECHO.format(before=redirect, stdout="sys.stdout", after="sys.stdout.close()")) == ""
    assert (tmp_path / "log").read_text() == "job\n"


def test_a_process_without_standard_streams_can_have_a_pool() -> None:
    run_python(ECHO.format(before="os.close(0); os.close(1)", stdout="None", after=""), stdout=None)

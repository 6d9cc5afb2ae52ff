"""What becomes of the server when the process that has it forks, ends, is interrupted or killed."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from typing import Any

import pytest

from support import PATIENCE, gone, run_python, start_python, until

START = """
    import os, signal, sys, threading, time, warnings
    from expool_rpc import *
    connection = Connection(settings={"workers": 2, "grace": 0}, on_message=lambda m: None, on_closed=lambda e: None)
    job = connection.call("execute", {"name": "x", "args": ["sleep", "1000"]})["job"]
    while connection.call("jobs")["jobs"][0]["pid"] is None:
        pass
    print(connection.pid, connection.call("jobs")["jobs"][0]["pid"], flush=True)
"""


def started(code: str, **options: Any) -> tuple[subprocess.Popen[str], list[int]]:
    """Start a host with a running job and then code; return it and the process ids of its server and job."""
    process = start_python(START + code, **options)
    assert process.stdout is not None
    return process, [int(pid) for pid in process.stdout.readline().split()]


def ended(process: subprocess.Popen[str], pids: list[int]) -> tuple[int, str, str]:
    """Wait until a host, its server and its job have ended; return the host's status and what it wrote."""
    assert process.stdout is not None
    assert process.stderr is not None
    watchdog = threading.Timer(PATIENCE, process.kill)
    watchdog.start()
    # Not communicate(), which overlooks what was buffered when the first lines were read.
    with process:
        out, err = process.stdout.read(), process.stderr.read()
    watchdog.cancel()
    until(lambda: all(map(gone, pids)), "server and job end")
    return process.returncode, out, err


@pytest.mark.parametrize(
    ("code", "status", "err"),
    [
        ("", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("raise ValueError('oops')", 1, "ValueError: oops"),
        ("os.kill(os.getpid(), signal.SIGINT); time.sleep(60)", -signal.SIGINT, "KeyboardInterrupt"),
        ("threading.Thread(target=sys.exit).start()", 0, ""),
        ("os._exit(4)", 4, ""),
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL, ""),
        ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM, ""),
        ("connection.close(); connection.close()", 0, ""),
        ("del connection", 0, ""),
    ],
)
def test_however_the_host_ends_server_and_jobs_end_and_it_does_not_hang(code: str, status: int, err: str) -> None:
    outcome = ended(*started(f"    {code}\n"))
    assert outcome[0] == status
    assert outcome[2].rstrip().endswith(err)
    assert err or not outcome[2]


def test_an_interrupted_call_leaves_the_connection_usable() -> None:
    code = """
    try:
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        connection.call("join")
    except KeyboardInterrupt:
        print("interrupted", connection.call("cancel", {"job": job}), connection.call("join")["failed"])
    """
    assert ended(*started(code)) == (0, "interrupted {'cancelled': 1} 1\n", "")


def test_interrupts_while_calls_are_made_never_cut_a_line() -> None:
    code = """
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    big, hits, sent = "x" * 300_000, 0, 0
    while hits < 30:
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.002)
            for _ in range(100):  # an interrupt in what the interpreter calls by itself is lost
                connection.send("status", {"big": big})
            signal.setitimer(signal.ITIMER_REAL, 0)
        except KeyboardInterrupt:
            hits += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(connection.call("status")["running"], connection.alive)
    """
    status, out, _ = ended(*started(code))  # PyPy tells on the standard error of the interrupts that it loses
    assert (status, out) == (0, "1 True\n")


def test_a_signal_handler_may_call_while_calls_are_made() -> None:
    code = """
    hits = 0

    def call(*_):
        global hits
        hits += 1
        connection.send("status")
        connection.reply("confirm-1-4711")

    signal.signal(signal.SIGALRM, call)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    while hits < 200:
        connection.send("status")
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(connection.call("status")["running"], connection.alive)
    """
    assert ended(*started(code)) == (0, "1 True\n", "")


def test_ctrl_c_in_a_terminal_interrupts_the_host_only() -> None:
    code = """
    try:
        print("ready", flush=True)
        connection.call("join")
    except KeyboardInterrupt:
        print("interrupted", connection.call("status")["running"])
    """
    process, pids = started(code, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does it
    assert ended(process, pids) == (0, "interrupted 1\n", "")


FORK = """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads
        child = os.fork()
    if child == 0:
        {child}
    assert os.waitpid(child, 0)[1] == 0
    print(connection.call("status")["running"])
"""


@pytest.mark.parametrize(
    "child",
    [
        "connection.close(); sys.exit()",
        "del connection; sys.exit()",
        "sys.exit()",
        "os._exit(0)",
        "os.execvp('true', ['true'])",
    ],
)
def test_whatever_a_forked_process_does_the_parent_s_server_goes_on(child: str) -> None:
    assert ended(*started(FORK.format(child=child))) == (0, "1\n", "")


def test_a_call_in_a_forked_process_says_whose_pool_it_is() -> None:
    child = """
        try:
            connection.call("status")
        except ConnectionClosed as error:
            print(str(error).replace(str(os.getppid()), "PARENT"), connection.alive)
        sys.exit()
    """
    said = "the pool belongs to process PARENT, not to this fork of it: make one here False\n"
    assert ended(*started(FORK.format(child=child))) == (0, said + "1\n", "")


def test_a_forked_process_that_lives_on_does_not_keep_the_server() -> None:
    code = """
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os.close(write)
        os.read(read, 1)  # until the parent has ended
        os._exit(0)
    os.close(read)
    connection.close(timeout=60)
    print(connection.error)
    """
    assert ended(*started(code)) == (0, "None\n", "")


def test_a_forked_process_can_have_a_pool_of_its_own() -> None:
    child = """
        mine = Connection(on_message=lambda m: None, on_closed=lambda e: None)
        print(mine.call("execute", {"name": "x", "args": None}), mine.pid != connection.pid)
        sys.exit()
    """
    assert ended(*started(FORK.format(child=child))) == (0, "{'job': 1, 'state': 'starting'} True\n1\n", "")


def test_multiprocessing_works_beside_a_connection() -> None:
    code = """
    import multiprocessing
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with multiprocessing.get_context("fork").Pool(2) as pool:
            print(pool.map(abs, [-1, -2]), connection.call("status")["running"])
            pool.close()
            pool.join()
    """
    assert ended(*started(code)) == (0, "[1, 2] 1\n", "")


def test_many_pools_end_with_the_interpreter() -> None:
    code = """
    from expool_rpc import Connection
    pools = [Connection(on_message=print, on_closed=lambda e: None) for _ in range(5)]
    print(*[pool.pid for pool in pools])
    """
    for pid in run_python(code).split():
        assert gone(int(pid))

"""How pools end: by the host's death, the server's, forks, interrupts, and being dropped."""

from __future__ import annotations

import gc
import os
import signal
from pathlib import Path

import pytest

from expool_rpc import BinaryNotFound, ExecPool, Job, ServerDied, Task
from support import PATIENCE, gone, run_python, start_python, until

FOREVER = ("sleep", "1000")
SCRIPT = """
    import os, signal, sys, time
    from expool_rpc import ExecPool, Job
    pool = ExecPool(2)
    job = Job("a", args=("sleep", "1000"))
    pool.execute(job)
    while job.proc is None:
        time.sleep(0.01)
    print(pool._session.connection.pid, job.proc.pid, flush=True)
"""


def test_a_server_that_dies_is_an_error_and_all_jobs_are_reported() -> None:
    finished: list[str] = []
    with ExecPool(1) as pool:
        task = Task("t", onfinish=lambda task: finished.append(task.name))
        jobs = [Job(n, args=FOREVER, task=task, onfinish=lambda job: finished.append(job.name)) for n in "abc"]
        for job in jobs:
            pool.execute(job)
        future = pool.submit(Job("f", args=FOREVER))
        assert pool._session
        os.kill(pool._session.connection.pid, signal.SIGKILL)
        with pytest.raises(ServerDied, match="SIGKILL"):
            pool.join()
        assert finished == ["a", "b", "c", "t"]
        assert {job.reason for job in jobs} == {"lost"}
        assert len(pool.failures) == 4
        assert isinstance(future.exception(PATIENCE), ServerDied)
        assert not pool.alive
        with pytest.raises(ServerDied):
            pool.execute(Job("late", args=("true",)))
        pool.clear()
        assert pool.execute(Job("again", args=("true",))) == 0
        assert pool.join()


def test_a_server_that_dies_during_join_does_not_hang_it() -> None:
    with ExecPool(1) as pool:
        assert pool._session
        server = pool._session.connection.pid
        pool.execute(Job("a", args=("sh", "-c", f"kill -9 {server}; sleep 1000")))
        with pytest.raises(ServerDied):
            pool.join()


def test_leaving_the_context_ends_all_jobs_and_the_server() -> None:
    calls: list[str] = []
    with ExecPool(1) as pool:
        job = Job("a", args=FOREVER, onfinish=lambda job: calls.append(job.name))
        pool.execute(job)
        assert pool._session
        server = pool._session.connection.pid
        pid = until(lambda: job.proc and job.proc.pid, "the process")
    assert calls == ["a"]
    assert gone(server)
    assert gone(pid)
    assert not pool.alive
    with pool:
        assert pool.alive
        pool.execute(Job("b", args=("true",)))
        assert pool.join()


def test_a_pool_that_is_dropped_ends_its_jobs() -> None:
    pool = ExecPool(1)
    job = Job("a", args=FOREVER)
    pool.execute(job)
    pid = until(lambda: job.proc and job.proc.pid, "the process")
    del pool
    gc.collect()
    until(lambda: gone(pid), "the end of the job")


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ("", 0),
        ("raise SystemExit(3)", 3),
        ("os._exit(4)", 4),
        ("del pool", 0),
        ("os.kill(os.getpid(), signal.SIGKILL)", -9),
        ("os.kill(os.getpid(), signal.SIGTERM)", -15),
    ],
)
def test_whatever_ends_the_host_ends_its_jobs(end: str, status: int) -> None:
    out = run_python(f"{SCRIPT}    {end}\n", status=status)
    for pid in map(int, out.split()):
        until(lambda pid=pid: gone(pid), "the end of the server and of the job")


def test_an_interrupt_leaves_join_and_the_interpreter_ends() -> None:
    with start_python(SCRIPT + "    pool.join()\n") as process:
        assert process.stdout
        pids = [int(pid) for pid in process.stdout.readline().split()]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
    assert "KeyboardInterrupt" in err
    for pid in pids:
        until(lambda pid=pid: gone(pid), "the end of the server and of the job")


def test_a_forked_process_leaves_the_pool_alone_and_is_told() -> None:
    out = run_python("""
        import os, sys, time, warnings
        from expool_rpc import ConnectionClosed, ExecPool, Job
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks with threads
        with ExecPool(2) as pool:
            job = Job("a", args=("sh", "-c", "sleep 1"), onfinish=lambda job: print("finished in", os.getpid() == host))
            host = os.getpid()
            pool.execute(job)
            while job.proc is None:
                time.sleep(0.01)
            if os.fork() == 0:
                for call in (pool.join, lambda: job.proc.wait(), lambda: pool.execute(Job("b"))):
                    try:
                        call()
                    except ConnectionClosed:
                        pass
                    else:
                        os._exit(1)
                sys.exit(0)
            assert os.wait()[1] == 0
            print(pool.join(), job.reason)
    """)
    assert out.splitlines() == ["finished in True", "True exited"]


def test_a_missing_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPOOL_RPC", "/no/such/server")
    with pytest.raises(BinaryNotFound, match="/no/such/server"):
        ExecPool(1)


def test_signal_handlers_that_drop_the_pool_end_the_program(tmp_path: Path) -> None:
    out = run_python(
        """
        import os, signal, sys
        from expool_rpc import ExecPool, Job
        pool = None

        def handler(sig=None, frame=None):
            global pool
            del pool
            pool = None
            sys.exit()

        signal.signal(signal.SIGTERM, handler)
        pool = ExecPool(1)
        pool.execute(Job("a", args=("sh", "-c", f"kill -TERM {os.getpid()}; exec sleep 1000")))
        pool.join()
        print("never here")
        """
    )
    assert out == ""


def test_no_process_is_left_when_a_pool_has_ended() -> None:
    with ExecPool(2) as pool:
        pool.execute(Job("a", args=("true",)))
        assert pool.join()
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
    commands = [Path(f"/proc/{child}/cmdline").read_bytes() for child in children]
    assert not [command for command in commands if b"expool-rpc" in command]

"""How pools end: by the host's death, the server's, forks, interrupts, and being dropped."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from expool_rpc import BinaryNotFound, ExecPool, Job, NotAlive, ServerDied, Task
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
        pool._session.await_taken(future.job)  # else what was just sent is lost first
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


@pytest.mark.parametrize("onstart", [None, lambda _: None])
def test_an_interrupt_after_a_job_was_sent_keeps_it(onstart: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with ExecPool(1) as pool:
        job = Job("a", args=("true",), onstart=onstart, task=Task("t"))
        with pytest.raises(KeyboardInterrupt), monkeypatch.context() as patch:
            interrupt(patch, pool, sent=True)
            pool.execute(job)
        assert pool.join()
        assert (job.succeeded, pool.jobsdone, pool.status().done) == (True, 1, 1)


def test_an_interrupt_before_a_job_was_sent_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    with ExecPool(1) as pool:
        job, task = Job("a", args=("true",)), Task("t")
        job.task = task
        with pytest.raises(KeyboardInterrupt), monkeypatch.context() as patch:
            interrupt(patch, pool, sent=False)
            pool.execute(job)
        until(lambda: job.state is None, "what the server says of the job")
        assert (pool._session and pool._session.live, task.numadded) == ({}, 0)
        assert pool.cancel(job) == 0
        assert pool.execute(job) == 0
        assert pool.join()


def interrupt(patch: pytest.MonkeyPatch, pool: ExecPool, *, sent: bool) -> None:
    """Have Ctrl-C come when the next job is sent to the server, after or before that."""
    assert pool._session
    process = pool._session.connection._link.process
    write = process.write

    def interrupted(data: Any) -> Any:
        ours = b'"execute"' in data
        if ours:
            patch.undo()
        if sent or not ours:
            written = write(data)
        if ours:
            raise KeyboardInterrupt
        return written

    patch.setattr(process, "write", interrupted)


def test_an_interrupt_before_the_reply_to_a_start_rejects_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    with ExecPool(1) as pool:
        assert pool._session

        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        job = Job("a", args=("true",), onstart=lambda _: None)
        with pytest.raises(KeyboardInterrupt), monkeypatch.context() as patch:
            patch.setattr(pool._session.connection, "reply", interrupted)
            pool.execute(job)
        assert pool.join()
        assert job.reason == "rejected"


def test_join_answers_what_an_interrupt_left_unanswered() -> None:
    with ExecPool(1) as pool:
        session = pool._session
        assert session
        job = Job("a", args=("true",), onstart=lambda _: None)
        pool._schedule(session, job)
        until(lambda: session._unconfirmed and session.callbacks._actions, "the request to confirm the start")
        session.callbacks._actions.clear()
        assert pool.join()
        assert job.succeeded


def test_the_start_of_a_job_that_is_not_known_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with ExecPool(1) as pool:
        assert pool._session
        refused: list[str] = []
        monkeypatch.setattr(pool._session.connection, "refuse", lambda request, _: refused.append(request))
        pool._session._on_message({"method": "onstart", "id": "confirm-7-1", "params": {"kind": "job", "params": 4711}})
        assert refused == ["confirm-7-1"]


def test_a_server_that_dies_ends_run_by_an_error_after_what_was_lost() -> None:
    taken: list[Job] = []
    seen: list[str | None] = []

    def jobs() -> Iterator[Job]:
        while True:
            taken.append(Job("a", args=FOREVER if taken else ("true",)))
            yield taken[-1]

    with ExecPool(2) as pool:
        assert pool._session
        with pytest.raises(ServerDied, match="SIGKILL"):
            for job in pool.run(jobs(), ahead=4):
                seen.append(job.reason)
                if job.succeeded:
                    os.kill(pool._session.connection.pid, signal.SIGKILL)
                    until(lambda: not pool.alive, "the end of the server")
        assert seen == ["exited", "lost", "lost", "lost"]
        assert len(taken) == 4


def test_a_pool_that_is_terminated_ends_run_by_an_error_if_not_all_was_taken() -> None:
    with ExecPool(1) as pool:
        for count, more in ((4, True), (3, False)):  # 3 are taken at first
            seen: list[str | None] = []
            jobs = pool.run((Job("a", args=FOREVER if seen else ("true",)) for _ in range(count)), ahead=3)
            for _ in range(3):
                seen.append(next(jobs).reason)
                if pool.alive:
                    pool.terminate()
            with pytest.raises(NotAlive) if more else contextlib.nullcontext():
                assert list(jobs) == []
            pool.clear()


def test_in_a_forked_process_waiting_for_a_future_is_refused() -> None:
    out = run_python("""
        import os, sys, warnings
        from expool_rpc import ConnectionClosed, ExecPool, Job
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks with threads
        with ExecPool(1) as pool:
            run = pool.run([Job("a", args=("true",)), Job("b", args=("sleep", "1000"))])
            next(run)
            future = pool.submit(Job("c", args=("sleep", "1000")))
            if os.fork() == 0:
                calls = (future.result, future.exception, future.cancel, lambda: pool.cancel(future.job),
                         lambda: pool.explain(future.job), lambda: next(run))
                for call in calls:
                    try:
                        call()
                    except ConnectionClosed:
                        print("refused", flush=True)
                os._exit(0)
            assert os.wait()[1] == 0
    """)
    assert out.splitlines() == ["refused"] * 6


@pytest.mark.parametrize("live", [False, True])
def test_a_dropped_pool_that_its_jobs_and_tasks_refer_to_ends(live: bool) -> None:
    def start() -> tuple[int, weakref.ref[ExecPool]]:
        pool = ExecPool(1)
        task = Task("t", onfinish=lambda _: pool, params=pool)
        pool.execute(Job("a", args=FOREVER if live else ("true",), task=task, onfinish=lambda _: pool))
        assert live or pool.join()
        assert pool._session
        return pool._session.connection.pid, weakref.ref(pool)

    def collected() -> bool:
        gc.collect()
        return reference() is None

    server, reference = start()
    until(collected, "the end of the pool")
    until(lambda: gone(server), "the end of the server")


def test_clear_starts_another_server_if_the_one_that_it_asks_dies() -> None:
    with ExecPool(1) as pool:
        assert pool._session
        connection = pool._session.connection
        os.kill(connection.pid, signal.SIGSTOP)
        clear = threading.Thread(target=pool.clear)
        clear.start()
        until(lambda: connection._link._pending, "the call")
        os.kill(connection.pid, signal.SIGKILL)
        clear.join()
        assert pool.execute(Job("a", args=("true",))) == 0
        assert pool.join()


def test_a_program_whose_folder_is_gone_can_use_absolute_paths(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    out = run_python(
        """
        import os, sys
        from expool_rpc import ExecPool, Job, PoolError
        folder, log = sys.argv[1:]

        def execute(**options):
            job = Job("a", args=("echo", "x"), **options)
            try:
                pool.execute(job)
            except PoolError as error:
                print("refused:", str(error).partition(":")[0], error.field)
            else:
                print(pool.join(), job.reason)

        with ExecPool(1) as pool:
            execute(stdout=log)
            os.rmdir(folder)
            execute(workdir="/", stdout=log)
            execute(workdir="here")
            execute(stdout=log)
            execute(workdir="/", stdout="log")
        with ExecPool(1) as pool:
            execute(workdir="/", stdout=log)
            os.chdir("/")
            execute(stdout=log)
        """,
        str(folder),
        str(tmp_path / "log"),
        cwd=folder,
    )
    refused = ["workdir", "workdir", "stdout"]
    ran = "True exited"
    assert out.splitlines() == [ran, ran, *(f"refused: invalid params {name}" for name in refused), ran, ran]

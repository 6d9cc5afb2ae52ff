"""The drop-in: programs written for PyExPool's modules."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support import PATIENCE, SOURCES, run_python

DROPIN = SOURCES / "expool_rpc" / "dropin"
SUITE = Path(__file__).with_name("pyexpool_suite")


def run(code: str, **options: Any) -> str:
    """Run a program that finds PyExPool's modules in the drop-in."""
    path = {"PYTHONPATH": os.pathsep.join([str(SOURCES), str(DROPIN)])}
    return run_python(code, env=path, **options)


def test_the_folder_of_the_drop_in_is_printed() -> None:
    command = [sys.executable, "-m", "expool_rpc", "dropin"]
    printed = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(SOURCES)}, capture_output=True, text=True, check=True
    )
    assert printed.stdout == f"{DROPIN}\n"


def test_a_program_of_pyexpool_3_runs(tmp_path: Path) -> None:
    out = run(
        """
        import sys
        from multiprocessing import cpu_count
        from sys import executable as PYEXEC
        from subprocess import PIPE
        from mpepool import AffinityMask, ExecPool, Job, Task, cpucorethreads, ramfracs

        pool = ExecPool(max(cpu_count() - 1, 1), AffinityMask(1), latency=0.2, name="pool")
        program = "import sys; print('value', 6 * 7)"

        def show(job):
            print(job, job.proc.returncode, job.pipedout.strip(), job.params)

        task = Task("task", onfinish=lambda task: print(task, task.numdone, "of", task.numadded))
        pool.execute(Job(name="python", workdir=None, args=(PYEXEC, "-c", program), timeout=60, task=task,
            ondone=show, params={"x": 1}, stdout=PIPE))
        pool.execute(Job("slow", args=("sleep", "1000"), timeout=0.3, task=task))
        print(pool.join(30 * 60), [(info.name, info.code) for info in pool.failures])
        """,
        cwd=tmp_path,
    )
    assert out.splitlines() == ["python 0 value 42 {'x': 1}", "task 1 of 2", "True [('slow', -15)]"]


def test_a_program_of_pyexpool_2_runs(tmp_path: Path) -> None:
    out = run(
        """
        from multiprocessing import cpu_count
        from mpepool import *

        pool = ExecPool(max(cpu_count() - 1, 1), cpucorethreads(), vmlimit=0.5, latency=0.2)
        runs = []
        command = "[ -e mark ] || { touch mark; exec sleep 1000; }"
        job = Job("restarts", args=("sh", "-c", command), timeout=1, ontimeout=True, onstart=lambda job: runs.append(1))
        print(pool.execute(Job("sync", args=("true",)), **{"async": False}))
        pool.execute(job)
        print(pool.join(), len(runs) > 1, pool.memlimit)
        """,
        cwd=tmp_path,
    )
    assert out.splitlines() == ["0", "True True 0.5"]


def test_the_internals_that_programs_use_are_there() -> None:
    out = run("""
        import mpepool
        from mpepool import (_CHAINED_CONSTRAINTS, _LIMIT_WORKERS_RAM, _RAM_SIZE, AffinityMask, ExecPool, Job, JobInfo,
            TaskInfo, Task, inBytes, inGigabytes, secondsToHms)
        assert _CHAINED_CONSTRAINTS and _LIMIT_WORKERS_RAM and _RAM_SIZE > 0
        assert inGigabytes(inBytes(3)) == 3
        assert secondsToHms(3725.5) == (1, 2, 5.5)
        assert AffinityMask.CPUS >= AffinityMask.CORES >= 1
        assert AffinityMask.NODES * AffinityMask.NODE_CPUS <= AffinityMask.CPUS
        assert AffinityMask.CORE_THREADS >= 1 and AffinityMask.SEQUENTIAL in (True, False)
        assert AffinityMask(1)(0).isdigit()
        with ExecPool(1) as pool:
            assert ExecPool._KILLDELAY == 3 and pool._wkslim == 1 and not pool._workers and not pool._jobs
            pool.execute(Job("a", args=("sleep", "1000")))
            pool.execute(Job("b", args=("sleep", "1000"), task=Task("t")))
            assert [job.name for job in pool._workers] == ["a"] and [job.name for job in pool._jobs] == ["b"]
            assert JobInfo(*pool._jobs).name == "b" and TaskInfo(*pool.tasks).name == "t"
        print("fine")
    """)
    assert out == "fine\n"


@pytest.mark.parametrize(("limits", "chained"), [(True, True), (False, True), (True, False)])
def test_the_modules_globals_switch_limits_and_chains(limits: bool, chained: bool) -> None:
    out = run(
        """
        import mpepool
        mpepool._LIMIT_WORKERS_RAM, mpepool._CHAINED_CONSTRAINTS = LIMITS, CHAINED
        with mpepool.ExecPool(2, memlimit=0.25, latency=0.1) as pool:
            first = mpepool.Job("first", args=("sleep", "1000"), timeout=0.3, category="c", size=1)
            other = mpepool.Job("other", args=("sleep", "1000"), timeout=0.9, category="c", size=2)
            pool.execute(first)
            pool.execute(other)
            pool.join()
            print(pool.memlimit, other.reason)
        """.replace("LIMITS, CHAINED", f"{limits}, {chained}")
    )
    assert out.split() == ["0.25" if limits else "0.0", "chained_timeout" if chained else "timeout"]


def test_the_web_page_says_once_that_it_is_not_there() -> None:
    code = """
        import contextlib, io
        told = io.StringIO()
        with contextlib.redirect_stderr(told):
            from mpepool import ExecPool
            from mpewui import UiCmdId, WebUiApp
            for port in (8080, 8081):
                app = WebUiApp(host="localhost", port=port, name="ui", daemon=True)
            with ExecPool(1, webuiapp=app):
                pass
        print(told.getvalue().count("no web page"), UiCmdId.FAILURES.name)
    """
    assert run(code) == "1 FAILURES\n"


@pytest.mark.skipif(
    "PYEXPOOL_SOURCE" not in os.environ,
    reason="PYEXPOOL_SOURCE names no folder with PyExPool's sources; tests/pyexpool_suite fetches them, and runs more",
)
def test_pyexpools_own_tests_and_examples_pass() -> None:
    command = [sys.executable, str(SUITE), "--cpus", "4"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=10 * PATIENCE, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr

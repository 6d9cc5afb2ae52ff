"""Tasks: groups of jobs, with callbacks, counts and timeouts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, Callable

import pytest

from expool_rpc import ExecPool, Job, Task, TaskInfo
from support import PATIENCE, run_python, until


@pytest.fixture
def pool() -> Iterator[ExecPool]:
    with ExecPool(3, latency=0.05) as pool:
        yield pool


def noting(calls: list[str], name: str) -> dict[str, Any]:
    return {
        "onstart": lambda _: calls.append(f"{name} starts"),
        "ondone": lambda _: calls.append(f"{name} done"),
        "onfinish": lambda _: calls.append(f"{name} finishes"),
    }


def test_a_task_surrounds_its_jobs(pool: ExecPool) -> None:
    calls: list[str] = []
    task = Task("t", **noting(calls, "t"))
    pool.execute(Job("a", args=("true",), task=task, **noting(calls, "a")))
    assert calls[:2] == ["t starts", "a starts"]
    assert pool.join()
    assert calls == ["t starts", "a starts", "a done", "a finishes", "t done", "t finishes"]
    assert (task.numadded, task.numdone, task.numterm) == (1, 1, 0)
    assert task.tstart is not None
    assert task.tstop is not None
    assert pool.tasks == {task}


def test_a_task_is_announced_before_a_job_without_callbacks_starts(pool: ExecPool) -> None:
    calls: list[str] = []
    task = Task("t", onstart=lambda _: calls.append(f"t starts, a: {job.proc}"))
    job = Job("a", args=("true",), task=task)
    pool.execute(job)
    assert calls == ["t starts, a: None"]
    assert pool.join()


def test_subtasks_count_as_members_and_finish_before_the_task_around(pool: ExecPool) -> None:
    calls: list[str] = []
    outer = Task("outer", **noting(calls, "outer"))
    inner = Task("inner", task=outer, **noting(calls, "inner"))
    pool.execute(Job("a", args=("true",), task=outer))
    pool.execute(Job("b", args=("false",), task=inner))
    pool.execute(Job("c", args=("true",), task=inner))
    assert pool.join()
    assert calls == ["outer starts", "inner starts", "inner finishes", "outer finishes"]
    assert (inner.numadded, inner.numdone, inner.numterm) == (2, 1, 1)
    assert (outer.numadded, outer.numdone, outer.numterm) == (2, 1, 1)
    assert pool.tasks == {outer, inner}


def test_the_timeout_of_a_task_ends_its_jobs_nested_ones_too(pool: ExecPool) -> None:
    outer = Task("outer", timeout=0.3)
    inner = Task("inner", task=outer)
    jobs = [Job("a", args=("sleep", "1000"), task=outer), Job("b", args=("sleep", "1000"), task=inner)]
    free = Job("free", args=("true",))
    for job in (*jobs, free):
        pool.execute(job)
    assert pool.join()
    assert [job.reason for job in jobs] == ["task_timeout", "task_timeout"]
    assert free.succeeded
    assert outer.numterm == 2


def test_a_callback_adds_to_its_task_during_join_and_the_task_finishes_once(pool: ExecPool) -> None:
    calls: list[str] = []
    task = Task("t", **noting(calls, "t"))

    def ondone(job: Job) -> None:
        if job.name != "aaa":
            pool.execute(Job(job.name + "a", args=("true",), task=task, ondone=ondone))

    pool.execute(Job("a", args=("true",), task=task, ondone=ondone))
    assert pool.join()
    assert calls == ["t starts", "t done", "t finishes"]
    assert (task.numadded, task.numdone) == (3, 3)


def test_a_closed_task_finishes_without_a_join(pool: ExecPool) -> None:
    calls: list[str] = []
    task = Task("t", **noting(calls, "t"))
    job = Job("a", args=("true",), task=task)
    pool.execute(job)
    pool.close(task)
    for _ in pool.run([Job("b", args=("true",))]):
        pass
    while not job.finished or len(calls) < 3:
        pool.process_events(60)
    assert calls == ["t starts", "t done", "t finishes"]


def test_cancelling_a_task_ends_all_that_is_in_it(pool: ExecPool) -> None:
    task = Task("t")
    jobs = [Job(str(index), args=("sleep", "1000"), task=task) for index in range(5)]
    for job in jobs:
        pool.execute(job)
    assert pool.cancel(task) == 5
    assert pool.join()
    assert {job.reason for job in jobs} == {"cancelled"}


def test_uncompleted_lists_what_has_not_finished(pool: ExecPool) -> None:
    outer = Task("outer")
    inner = Task("inner", task=outer)
    for name, task in (("a", outer), ("b", inner), ("c", inner)):
        pool.execute(Job(name, args=("sleep", "1000"), task=task))
    assert outer.uncompleted() == ["a", "inner"]
    assert outer.uncompleted(recursive=True, header=True) == ["Name", "a", ["b", "c"]]
    until(lambda: len(pool._workers) == 3, "the start of all jobs")
    header, row = inner.uncompleted(header=True, pid=True, duration=True, memory=True)[:2]
    assert header == ["Name", "PID", "Duration", "Memory"]
    assert row[0] == "b"
    assert row[1] > 0
    pool.terminate()
    assert outer.uncompleted() == []


def test_an_exception_in_a_tasks_callback_is_reported_and_discarded(
    pool: ExecPool, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: Task) -> None:
        raise RuntimeError("oh no")

    job = Job("a", args=("true",), task=Task("t", onstart=fail, onfinish=fail))
    pool.execute(job)
    assert pool.join()
    assert job.succeeded
    assert capsys.readouterr().err.count("RuntimeError: oh no") == 2


def test_what_jobs_leave_to_the_task_goes_where_the_task_says(pool: ExecPool, tmp_path: Any) -> None:
    task = Task("t", stdout=str(tmp_path / "log"))
    pool.execute(Job("a", args=("echo", "one"), task=task))
    pool.execute(Job("b", args=("echo", "two"), task=task, stdout=str(tmp_path / "own")))
    assert pool.join()
    assert (tmp_path / "log").read_text() == "one\n"
    assert (tmp_path / "own").read_text() == "two\n"


def test_infos_tell_what_pyexpools_tell(pool: ExecPool) -> None:
    task = Task("t")
    pool.execute(Job("a", args=("false",), task=task, category="c"))
    assert pool.join()
    (info,) = pool.failures
    assert "pid" in info
    assert "color" not in info
    assert (info.json()["task"], info.code, info.category) == ("t", 1, "c")
    assert info.duration is not None
    assert list(TaskInfo(task).iterprop())[:4] == ["name", "tstart", "tstop", "numadded"]
    assert TaskInfo(task).json()["numterm"] == 1


def test_a_job_that_its_callback_executes_again_counts_again_and_its_task_finishes_once(pool: ExecPool) -> None:
    calls: list[str] = []
    task = Task("t", **noting(calls, "t"))

    def again(job: Job) -> None:
        if task.numadded < 3:
            pool.execute(job)

    pool.execute(Job("a", args=("true",), task=task, onfinish=again))
    assert pool.join()
    assert calls == ["t starts", "t done", "t finishes"]
    assert (task.numadded, task.numdone, task.numterm) == (3, 3, 0)


@pytest.mark.parametrize("adds", [False, True])
def test_a_callback_cancels_its_task_during_join(pool: ExecPool, adds: bool) -> None:
    task = Task("t")
    jobs = [Job(str(index), args=("sleep", "1000"), task=task) for index in range(4)]
    cancelled: list[int] = []

    def cancel(_: Job) -> None:
        if adds:
            pool.execute(jobs[3])
        cancelled.append(pool.cancel(task))

    pool.execute(Job("bad", args=("false",), task=task, onfinish=cancel))
    for job in jobs[: 3 if adds else 4]:
        pool.execute(job)
    assert pool.join(PATIENCE)
    assert cancelled == [4]
    assert {job.reason for job in jobs} == {"cancelled"}


def test_each_pool_cancels_its_own_jobs_of_a_task(pool: ExecPool) -> None:
    task = Task("t")
    with ExecPool(1) as other:
        jobs = [Job(name, args=("sleep", "1000"), task=task) for name in "ab"]
        for owner, job in zip((pool, other), jobs):
            owner.execute(job)
        assert pool.cancel(task) == 1
        assert pool.join(PATIENCE)
        assert [job.reason for job in jobs] == ["cancelled", None]
        assert other.cancel(task) == 1


@pytest.mark.parametrize("end", [lambda pool: None, lambda pool: pool.terminate()])
def test_a_task_is_used_again_after_clear(pool: ExecPool, end: Callable[[ExecPool], None]) -> None:
    task = Task("t")
    assert pool.submit(Job("a", args=("true",), task=task)).result(PATIENCE).ok
    end(pool)
    pool.clear()
    again = Job("b", args=("true",), task=task)
    pool.execute(again)
    assert pool.join()
    assert again.succeeded


def test_a_task_that_is_used_again_has_all_of_its_timeout(pool: ExecPool) -> None:
    task = Task("t", timeout=600)
    pool.execute(Job("a", args=("true",), task=task))
    assert pool.join()
    assert task.tstart
    task.tstart -= 1000  # as if that had been long ago
    again = Job("b", args=("sleep", "0.1"), task=task)
    pool.execute(again)
    assert pool.join()
    assert again.reason == "exited"


def test_a_job_that_is_refused_holds_up_no_task(pool: ExecPool) -> None:
    calls: list[str] = []
    outer = Task("outer", onfinish=lambda _: calls.append("outer"))
    inner = Task("inner", task=outer, onfinish=lambda _: calls.append("inner"))
    pool.execute(Job("a", args=("true",), task=outer))
    with pytest.raises(ValueError, match="args"):
        pool.execute(Job("b", args=("echo", "\udcff"), task=inner))
    assert pool.join()
    assert (calls, outer.numadded, outer.uncompleted()) == (["outer"], 1, [])


def test_a_job_that_is_refused_does_not_have_a_finished_task_finish_again(pool: ExecPool) -> None:
    calls: list[str] = []
    outer = Task("outer", onfinish=lambda _: calls.append("outer"))
    inner = Task("inner", task=outer, onfinish=lambda _: calls.append("inner"))
    pool.execute(Job("a", args=("true",), task=inner))
    assert pool.join()
    times = inner.tstart, inner.tstop
    with pytest.raises(ValueError, match="args"):
        pool.execute(Job("b", args=("echo", "\udcff"), task=inner))
    assert (inner.tstart, inner.tstop, inner.numadded, outer.numadded) == (*times, 1, 1)
    pool.execute(Job("c", args=("true",)))
    assert pool.join()
    assert calls == ["inner", "outer"]


def test_closing_a_task_finishes_the_idle_tasks_in_it(pool: ExecPool) -> None:
    calls: list[str] = []
    outer = Task("outer", onfinish=lambda _: calls.append("outer"))
    inner = Task("inner", task=outer, onfinish=lambda _: calls.append("inner"))
    for _ in pool.run([Job("a", args=("true",), task=inner)]):
        pass
    assert calls == []
    pool.close(outer)
    assert calls == ["inner", "outer"]


def test_a_task_whose_callback_adds_to_it_is_awaited_by_the_task_around(pool: ExecPool) -> None:
    calls: list[str] = []
    outer = Task("outer", onfinish=lambda _: calls.append("outer"))

    def more(task: Task) -> None:
        calls.append("inner")
        if task.numadded < 2:
            pool.execute(Job("b", args=("true",), task=inner, onfinish=lambda _: calls.append("b")))

    inner = Task("inner", task=outer, onfinish=more)
    pool.execute(Job("a", args=("true",), task=inner))
    assert pool.join()
    assert calls == ["inner", "b", "inner", "outer"]


def test_a_task_around_the_one_that_feeds_it_finishes_once(pool: ExecPool) -> None:
    calls: list[str] = []
    fed = Task("fed", onfinish=lambda task: calls.append(f"fed {task.numdone}"))
    feeding = Task("feeding", task=fed, onfinish=lambda _: calls.append("feeding"))

    def feed(_: Job) -> None:
        quick = Job("quick", args=("true",), task=fed)
        pool.execute(quick)
        until(lambda: quick.finished, "the end of a job while others that feed its task wait")

    for name in "abc":
        pool.execute(Job(name, args=("true",), task=feeding, ondone=feed))
    assert pool.join()
    assert (calls[0], calls[-1], len(calls)) == ("feeding", "fed 4", 2)


def test_a_signal_handler_schedules_in_a_task_that_is_in_use() -> None:
    out = run_python(f"""
        import signal
        from expool_rpc import ExecPool, Job, Task
        signal.alarm({PATIENCE:.0f})  # a deadlock ends
        with ExecPool(1) as pool:
            task = Task("t")
            signal.signal(signal.SIGUSR1, lambda *_: pool.execute(Job("a", args=("true",), task=task)))
            with task._lock:
                signal.raise_signal(signal.SIGUSR1)
            print(pool.join(), task.numdone)
    """)
    assert out == "True 1\n"


@dataclasses.dataclass
class ValueTask(Task):
    """Equal to those of the same name, unhashable, and false."""

    name: str
    task: Task | None = None
    onfinish: Any = None

    def __post_init__(self) -> None:
        super().__init__(self.name, task=self.task, onfinish=self.onfinish)

    def __len__(self) -> int:
        return 0


@dataclasses.dataclass
class ValueJob(Job):
    name: str
    task: Task | None = None

    def __post_init__(self) -> None:
        super().__init__(self.name, args=("true",), task=self.task)


def test_jobs_and_tasks_are_told_apart_by_identity(pool: ExecPool) -> None:
    finished: list[int] = []
    outer = ValueTask("t", onfinish=lambda task: finished.append(task.numdone))
    tasks = [ValueTask("t", task=outer) for _ in range(2)]
    for task in tasks * 2:
        pool.execute(ValueJob("a", task=task))
    assert len(pool._workers) <= 3
    assert pool.join()
    assert (finished, [task.numdone for task in tasks]) == ([2], [2, 2])
    assert (len(pool.tasks), outer in pool.tasks, ValueTask("t") in pool.tasks) == (3, True, False)
    assert repr(pool.tasks).startswith("{ValueTask(name='t'")
    pool.tasks.discard(outer)
    assert outer not in pool.tasks


@pytest.mark.parametrize("kind", [Job, Task])
def test_callbacks_that_are_methods_of_a_subclass_are_called(pool: ExecPool, kind: Any) -> None:
    calls: list[str] = []

    class Noting(kind):  # type: ignore[misc]
        def onfinish(self) -> None:
            calls.append(self.name)

    member = Noting("a")
    pool.execute(member if kind is Job else Job("b", task=member))
    assert pool.join()
    assert calls == ["a"]

from __future__ import annotations

import dataclasses
import pickle
from typing import Any, Callable

import pytest

from expool_rpc import (
    Connection,
    CPUTime,
    Event,
    JobFinished,
    JobRecord,
    JoinResult,
    Node,
    Status,
    TaskFinished,
    TaskRecord,
    Topology,
    Truncated,
    UnknownEvent,
    _events,
    _records,
)
from expool_rpc._events import event_from

RECORD = {
    **{"job": 3, "name": "n", "task": 2, "category": "c", "state": "failed", "reason": "timeout", "code": -9},
    **{"attempts": 2, "tstart": 1.5, "tstop": 2.5, "duration": 0.75, "cputime": {"user": 0.5, "sys": 0.25}},
    **{
        "mem": 7,
        "mempeak": {"bytes": 8, "source": "rusage"},
        "io": {"read": 9, "write": 10},
        "pid": 11,
        "cpus": [0, 4],
    },
    **{"leaked": 1, "params": {"a": [1]}},
}
EXTRAS = {"interference": ["l3"], "stdout": "out", "stderr": "", "truncated": {"stdout": 5}, "warnings": ["w"]}


def test_a_record_has_what_the_wire_has() -> None:
    record = JobRecord.from_wire({**RECORD, **EXTRAS})
    for name, value in RECORD.items():
        if name not in ("cputime", "mempeak", "io", "cpus"):
            assert getattr(record, name) == value
    assert record.cputime == CPUTime(0.5, 0.25)
    assert (record.mempeak.bytes, record.mempeak.source) == (8, "rusage")
    assert (record.io.read, record.io.write) == (9, 10)
    assert record.cpus == (0, 4)
    assert (record.interference, record.stdout, record.stderr) == (("l3",), "out", "")
    assert (record.truncated, record.warnings, record.ok) == (Truncated(5, 0), ("w",), False)


def test_what_is_absent_from_a_record_is_none() -> None:
    record = JobRecord.from_wire({**RECORD, "cpus": None})
    assert (record.interference, record.stdout, record.stderr, record.truncated) == (None, None, None, None)
    assert (record.cpus, record.warnings) == (None, ())


def test_fields_of_a_newer_server_are_ignored() -> None:
    assert JobRecord.from_wire({**RECORD, "mood": "good"}) == JobRecord.from_wire(RECORD)


def test_records_are_immutable_and_can_be_pickled() -> None:
    record = JobRecord.from_wire(RECORD)
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.code = 0  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(record)) == record


def test_an_unknown_event_keeps_what_was_said() -> None:
    wire = {"seq": 1, "time": 2.0, "kind": "star", "mass": 3}
    assert event_from("shines", wire) == UnknownEvent(1, 2.0, "shines", wire)


@pytest.fixture
def busy(connect: Callable[..., Connection]) -> Connection:
    """A server on which each kind of event has happened."""
    connection = connect(settings={"grace": 0})
    task = connection.call("task", {"name": "t", "params": 5})["task"]
    jobs: list[dict[str, Any]] = [
        {"name": "ok", "args": ["true"], "task": task},
        {"name": "again", "args": ["sleep", "1000"], "timeout": 0.05, "rsrtonto": True},
    ]
    connection.call("execute", {"jobs": jobs})
    while not connection.call("jobs", {"name": "again"})["jobs"][0]["attempts"] > 1:
        pass
    connection.call("cancel", {"job": 2})
    doomed = connection.call("task", {"name": "doomed"})["task"]
    connection.call("execute", {"jobs": [{"name": "d", "args": ["sleep", "1000"], "task": doomed}]})
    connection.call("cancel", {"task": doomed})
    connection.call("join")
    connection.call("terminate")
    return connection


def test_each_entry_of_a_real_log_is_a_typed_event(busy: Connection) -> None:
    busy.call("clear")
    busy.call("execute", {"name": "x", "args": None, "wait": True})
    entries = busy.call("events")["events"]
    events = [event_from(entry["event"], entry) for entry in entries]
    assert [event.seq for event in events] == [entry["seq"] for entry in entries]
    assert not [event for event in events if isinstance(event, UnknownEvent)]


def test_the_log_has_events_of_every_type(busy: Connection) -> None:
    events = [event_from(entry["event"], entry) for entry in busy.call("events")["events"]]
    seen = {type(event).__name__ for event in events}
    all_types = {name for name, kind in vars(_events).items() if isinstance(kind, type) and issubclass(kind, Event)}
    made_here = {"Event", "JobEvent", "TaskEvent", "EventsLost", "UnknownEvent"}
    assert seen == all_types - made_here - {"PoolCleared"}  # which forgets all before it
    finished = {event.name: event.record for event in events if isinstance(event, (JobFinished, TaskFinished))}
    assert finished["ok"].ok
    assert (finished["again"].reason, finished["doomed"].reason) == ("cancelled", "cancelled")
    assert finished["t"] == TaskRecord.from_wire(busy.call("tasks", {"name": "t"})["tasks"][0])
    assert (finished["t"].numadded, finished["t"].params) == (1, 5)


def test_results_of_a_real_server_have_all_fields(busy: Connection) -> None:
    joined = JoinResult.from_wire(busy.call("join"))
    assert (joined.done, joined.failed, {record.name for record in joined.failures}) == (1, 2, {"again", "d"})
    status = Status.from_wire(busy.call("status"))
    assert (status.alive, status.workers, status.done, status.failed, status.memory.limit) == (False, 2, 1, 2, 0)
    explanation = _records.Explanation.from_wire(busy.call("explain", {"job": 1}))
    assert (explanation.job, explanation.state, explanation.constraint) == (1, "done", "finished")
    topology = Topology.from_wire(busy.call("topology"))
    assert sorted(cpu for core in topology.cores for cpu in core.cpus) == list(topology.cpus)
    assert set(topology.allowed) <= set(topology.cpus)
    assert isinstance(topology.nodes[0], Node)

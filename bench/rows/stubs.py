"""Stub jobs per second: the wire and the scheduler, without processes."""

from __future__ import annotations

import json
import time

from harness.lab import Lab
from harness.row import Goal, Row, Side
from harness.server import filtered, job, timed, write

JOBS = 100_000


def through(lab: Lab, listed: bool) -> float:
    n = lab.size(JOBS)
    return n / filtered(lab, write(lab, n, job(), listed), "--workers=2")


def piped(lab: Lab) -> float:
    n = lab.size(JOBS)
    script = 'cat "$1" | "$2" --workers=2 | cat >/dev/null'
    return n / timed(["sh", "-c", script, "sh", str(write(lab, n, job())), lab.server])


def python_json(lab: Lab) -> float:
    """What Python's own json needs to read a request and to write a reply of the usual kind."""
    n = lab.size(JOBS) // 4
    with open(write(lab, n, job())) as lines, open("/dev/null", "w") as null:
        start = time.monotonic()
        for line in lines:
            print(json.dumps({"jsonrpc": "2.0", "id": json.loads(line)["id"], "result": {"job": 1, "state": "queued"}}), file=null)
        return n / (time.monotonic() - start)


REQUESTS, LIST = "a request for each job", "one list of jobs"
ROWS = (Row(
    name="stubs",
    title="Stub jobs",
    unit="jobs/s",
    sides=(
        Side(REQUESTS, lambda lab: through(lab, False)),
        Side(LIST, lambda lab: through(lab, True), own=True),
        Side("a request for each job, through pipes from and to cat", piped, own=True),
        Side("Python's json, one message read and one written for each job", python_json),
    ),
    goals=(Goal(REQUESTS, at_least=100_000), Goal(LIST, at_least=100_000)),
    about="Jobs that run nothing. Each gives a reply (or an id in a list) and three notifications, written to /dev/null; the server's start and end count.",
    bound="JSON: about 100 bytes are read, and 900 written, for each job; and the scheduler's four events for each.",
    short=True,
),)

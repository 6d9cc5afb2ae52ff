"""expool-rpc under measurement: as a filter that reads a file, and as a partner of a conversation."""

from __future__ import annotations

import itertools
import json
import os
import pathlib
import subprocess
import threading
import time
import zlib
from typing import Any, Iterator

from .lab import NOBODY, Lab
from .row import Missing

PATIENCE = 120  # seconds after which a server that does not answer has failed


def request(id: int, method: str, **params: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params}) + "\n"


def job(*args: str, **fields: Any) -> dict[str, Any]:
    """A job with its output discarded, unless fields say otherwise."""
    return {"name": "job", "args": list(args) or None, "stdout": None, "stderr": None, **fields}


def write(lab: Lab, n: int, what: dict[str, Any], listed: bool = False) -> pathlib.Path:
    """A file with n times a job: one request each, or all in one list. The same file is written once."""
    text = json.dumps(what, sort_keys=True)
    path = lab.scratch / f"{n}-{'list' if listed else 'lines'}-{zlib.crc32(text.encode())}"
    if not path.exists():
        with open(path, "w") as f:
            if listed:
                f.write(request(1, "execute", jobs=[what] * n))
            else:
                f.writelines(request(i + 1, "execute", **what) for i in range(n))
    return path


def plain_user() -> dict[str, Any]:
    """Arguments of subprocess that make the process one of a plain user."""
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def timed(command: list[str], **options: Any) -> float:
    """The seconds that a command takes; an error if it fails."""
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, **options}
    start = time.monotonic()
    subprocess.run(command, check=True, stderr=subprocess.PIPE, **options)
    return time.monotonic() - start


def filtered(lab: Lab, requests: pathlib.Path, *flags: str, **options: Any) -> float:
    """The seconds that the server takes for a file of requests, from its start to its exit."""
    with open(requests, "rb") as f:
        return timed([lab.server, *flags], stdin=f, **options)


class Server:
    """A server in a conversation. Records of finished jobs and replies are kept as they come."""

    def __init__(self, lab: Lab, *flags: str, **options: Any):
        self.process = subprocess.Popen([lab.server, "--on-eof=terminate", *flags], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, **options)
        self.records: list[dict[str, Any]] = []
        self._replies: dict[int, dict[str, Any]] = {}
        self._ids = itertools.count(1)
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: Any) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join()
        self.process.stdout.close()

    def _read(self) -> None:
        for line in self.process.stdout:
            if b'"method":"onstart"' in line[:60] or b'"method":"ondone"' in line[:60]:
                continue  # cheap, so that the client takes little of the machine
            message = json.loads(line)
            with self._news:
                if "method" in message:
                    self.records.append(message["params"])
                else:
                    self._replies[message["id"]] = message
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def call(self, method: str, **params: Any) -> Any:
        """The result of a call."""
        id = next(self._ids)
        self.process.stdin.write(request(id, method, **params).encode())
        self.process.stdin.flush()
        with self._news:
            if not self._news.wait_for(lambda: id in self._replies, PATIENCE):
                raise RuntimeError(f"the server did not answer {method} in {PATIENCE} s")
            reply = self._replies.pop(id)
        if "error" in reply:
            raise RuntimeError(f"{method}: {reply['error']}")
        return reply["result"]

    def execute(self, n: int, what: dict[str, Any]) -> None:
        """Adds n times a job, in lists of a thousand."""
        for done in range(0, n, 1000):
            self.call("execute", jobs=[what] * min(1000, n - done))

    def processes(self, jobs: bool = False) -> Iterator[int]:
        """The server and its guardians; with jobs also what the guardians run."""
        yield self.process.pid
        for guardian in children(self.process.pid):
            yield guardian
            if jobs:
                yield from children(guardian)

    def until(self, what: str, wanted: int) -> None:
        """Waits until a count of status is as wanted."""
        deadline = time.monotonic() + PATIENCE
        while (found := self.call("status")[what]) != wanted:
            if time.monotonic() > deadline:
                raise RuntimeError(f"after {PATIENCE} s {found} jobs are {what}, not {wanted}")
            time.sleep(0.02)


def capability(lab: Lab, name: str, **options: Any) -> Any:
    with Server(lab, **options) as server:
        return server.call("initialize")["capabilities"][name]


def need_cgroups(lab: Lab) -> None:
    if capability(lab, "cgroups") == "none":
        raise Missing("this host gives no cgroups to this user")


def children(pid: int) -> list[int]:
    found: list[int] = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        found += map(int, (task / "children").read_text().split())
    return found


def pss(pids: Iterator[int]) -> int:
    """Bytes of memory of processes, what they share counted once."""
    total = 0
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total


def activity(pids: Iterator[int]) -> tuple[float, int]:
    """Seconds of CPU that processes have used, and how often their threads went to sleep (and so woke up)."""
    cpu, sleeps = 0.0, 0
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            cpu += int((task / "schedstat").read_text().split()[0]) / 1e9
            status = (task / "status").read_text()
            sleeps += int(status.split("\nvoluntary_ctxt_switches:")[1].split()[0])
    return cpu, sleeps

"""What the tests share."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any, Callable

CLIENT = Path(__file__).resolve().parents[1]
SOURCES = CLIENT / "src"
PATIENCE = 120.0  # seconds until a condition that must come true is given up; no test waits for a time


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait until condition gives something true, and return that."""
    end = time.monotonic() + PATIENCE
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < end, f"gave up waiting: {what}"
        time.sleep(0.01)


def allowed_cpus() -> set[int]:
    """The CPUs that this process may use; PyPy has no os.sched_getaffinity."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith("Cpus_allowed_list:"))
    spans = (span.partition("-") for span in line.split()[1].split(","))
    return {cpu for first, _, last in spans for cpu in range(int(first), int(last or first) + 1)}


def gone(pid: int) -> bool:
    """Whether a process has ended; it may be a zombie where nobody reaps orphans."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def start_python(code: str, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    """Start an interpreter of its own that sees the package, with a script."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCES), **options.pop("env", {})}
    command = [sys.executable, "-W", "error", "-X", "dev", "-c", textwrap.dedent(code), *arguments]
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    return subprocess.Popen(command, text=True, env=environment, **options)


def run_python(code: str, *arguments: str, status: int = 0, **options: Any) -> str:
    """Run a script to its end and return what it printed; it must exit with status, and be silent on standard error."""
    with start_python(code, *arguments, **options) as process:
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (status, ""), err
    return out

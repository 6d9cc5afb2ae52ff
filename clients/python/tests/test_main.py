"""python -m expool_rpc."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import expool_rpc
from support import SOURCES


def main(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(SOURCES), **environment}
    command = [sys.executable, "-W", "error", "-m", "expool_rpc", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env, stdin=subprocess.DEVNULL)


def test_it_says_versions_and_where_the_binary_is(server: str) -> None:
    version = expool_rpc.__version__
    done = main()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"package  {version}, protocol 1",
        f"server   expool-rpc {version}",
        f"binary   {server}",
    ]


def test_it_prints_the_folder_of_the_drop_in() -> None:
    folder = Path(main("dropin").stdout.rstrip("\n"))
    assert (folder / "mpepool.py").is_file()
    assert (folder / "mpewui.py").is_file()


def test_it_passes_arguments_to_the_server() -> None:
    assert main("--version").stdout == f"expool-rpc {expool_rpc.__version__}\n"
    assert main("--bogus").returncode == 2


def test_it_says_what_is_missing() -> None:
    done = main(EXPOOL_RPC="/nowhere/expool-rpc")
    assert (done.returncode, done.stdout) == (1, "")
    assert "EXPOOL_RPC names '/nowhere/expool-rpc'" in done.stderr


def test_a_binary_that_does_not_work_is_named() -> None:
    done = main(EXPOOL_RPC="false")
    assert done.returncode == 0
    assert "server   unknown: " in done.stdout

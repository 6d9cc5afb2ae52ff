"""``python -m expool_rpc``: versions, the drop-in, or the server itself.

- Without arguments: the versions of the package and of the server, and where the server is.
- ``dropin``: the folder of the modules that stand in for PyExPool's; put it on PYTHONPATH.
- Anything else is passed to the server: ``python -m expool_rpc --help``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ._binary import find_binary
from ._errors import PoolError
from ._version import __version__
from ._wire import PROTOCOL

DROPIN = Path(__file__).parent / "dropin"


def main(arguments: list[str]) -> int:
    if arguments == ["dropin"]:
        print(DROPIN)
        return 0
    try:
        binary = find_binary()
    except PoolError as error:
        print(error, file=sys.stderr)
        return 1
    if arguments:
        return _become(binary, arguments)
    print(f"package  {__version__}, protocol {PROTOCOL}\nserver   {_ask(binary)}\nbinary   {binary}")
    return 0


def _become(binary: str, arguments: list[str]) -> int:
    try:
        os.execv(binary, [binary, *arguments])
    except OSError as error:
        print(f"starting {binary}: {error.strerror}", file=sys.stderr)
        return 1


def _ask(binary: str) -> str:
    """The version that a binary says it has."""
    try:
        asked = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        return f"unknown: {error}"
    return asked.stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Where the server's binary is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ._errors import BinaryNotFound

NAME = "expool-rpc"
VARIABLE = "EXPOOL_RPC"
BUNDLED = Path(__file__).parent / "bin" / NAME


def find_binary(binary: str | os.PathLike[str] | None = None) -> str:
    """Return the path of the server's binary.

    It is ``binary`` if given, else what the environment variable ``EXPOOL_RPC`` names (each a path, or a command on
    PATH), else the one that the package was installed with, else ``expool-rpc`` on PATH. What was named is used or
    refused; the other places are then not looked at.

    :raises BinaryNotFound: there is none; the message names each place.
    """
    if binary is not None:
        return _named(os.fspath(binary), "the argument binary")
    variable = os.environ.get(VARIABLE)
    if variable:
        return _named(variable, f"the environment variable {VARIABLE}")
    if os.access(BUNDLED, os.X_OK):
        return str(BUNDLED)
    found = shutil.which(NAME)
    if found:
        return os.path.abspath(found)
    raise BinaryNotFound(
        f"{NAME} was not found: {VARIABLE} is not set, the package has none at {BUNDLED}, and it is in no folder of"
        f" PATH {os.environ.get('PATH', '')!r}; install a wheel of {NAME} for this platform, or build the binary"
        f" (make build) and set {VARIABLE} to its path"
    )


def _named(value: str, source: str) -> str:
    found = shutil.which(value)
    if found:
        return os.path.abspath(found)
    where = "is no executable file" if os.sep in value else f"is in no folder of PATH {os.environ.get('PATH', '')!r}"
    raise BinaryNotFound(f"{NAME} was not found: {source} names {value!r}, which {where}; correct or remove it")

"""The version, which the package shares with the server that it carries."""

from __future__ import annotations

import re
from pathlib import Path


def _version() -> str:
    here = Path(__file__).resolve()
    noted = here.with_name("VERSION")  # in what was installed
    if noted.exists():
        return noted.read_text(encoding="utf-8").strip()
    try:  # in a checkout
        source = (here.parents[4] / "rpc" / "version.go").read_text(encoding="utf-8")
        return re.findall(r'const Version = "(.+)"', source)[0]  # type: ignore[no-any-return]
    except (OSError, IndexError):
        return "unknown"


__version__ = _version()

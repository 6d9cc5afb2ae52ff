"""The programs under test, and where they come from.

Our own small ones are built on demand; peers come from Debian's packages (as root, where apt-get is) and from PyPI, into a private
environment. What can't be had is Missing, with what to install.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from typing import Callable, Optional, TypeVar

from .row import Missing

T = TypeVar("T")

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "bench"
NOBODY = 65534

# What each peer from PyPI needs there, pinned.
PYPI = {
    "pyexpool": ("pyexpool==3.2.1", "psutil==7.2.2"),
    "benchexec": ("benchexec==3.35",),
    "hyperqueue": ("hyperqueue==0.27.0",),
}

# The modules that tell whether this host, and this user, will do for a peer.
CHECKS = {"benchexec": "benchexec.check_cgroups"}


class Lab:
    """The place where measurements are made. Close it at the end."""

    def __init__(self, server: str, short: bool = False):
        self.short = short
        self._scratch = tempfile.TemporaryDirectory(prefix="expool-bench-")
        self.scratch = pathlib.Path(self._scratch.name)
        self.scratch.chmod(0o755)  # a plain user runs the server from here
        self.server = str(shutil.copy(server, self.scratch / "expool-rpc"))  # nobody rebuilds it meanwhile

    def close(self) -> None:
        self._scratch.cleanup()

    def size(self, n: int) -> int:
        """How much of a full run's work is done here."""
        return max(1, n // 4) if self.short else n

    def tool(self, name: str) -> str:
        """One of our own programs: spawn, work, chase (C), spawn-go, guardians, sched.test (Go). Where a plain user can run it too."""
        built, copy = build(name), self.scratch / name
        if not copy.exists():
            shutil.copy(built, copy)
        return str(copy)

    def command(self, name: str) -> str:
        """A command of the system's, from the Debian package of the same name if it is not there."""
        return shutil.which(name) or debian(name)

    def python(self, peer: str) -> str:
        """An interpreter that has the peer."""
        return str(environment(peer) / "bin" / "python")

    def peer(self, name: str) -> list[str]:
        """The loop of a peer that is used from Python."""
        interpreter = self.python(name) if name in PYPI else sys.executable
        return [interpreter, str(ROOT / "bench" / "peers" / f"{name}_loop.py")]


def remembered(find: Callable[..., T]) -> Callable[..., T]:
    """Does each search once; what is missing stays so."""
    known: dict[tuple, T | Missing] = {}

    @functools.wraps(find)
    def lookup(*args: str) -> T:
        if args not in known:
            try:
                known[args] = find(*args)
            except Missing as why:
                known[args] = why
        if isinstance(known[args], Missing):
            raise known[args]
        return known[args]
    return lookup


@remembered
def build(name: str) -> pathlib.Path:
    """Builds one of our own programs, once."""
    out = CACHE / "bin" / name
    out.parent.mkdir(parents=True, exist_ok=True)
    go = os.environ.get("GO", "go")
    how = {"spawn-go": [go, "build", "-o", out, "./bench/spawn/go"], "guardians": [go, "build", "-o", out, "./bench/spawn/guardians"],
           "sched.test": [go, "test", "-c", "-o", out, "./pool/sched"]}
    command = how.get(name) or ["gcc", "-O2", "-o", out, f"bench/spawn/{name}.c"]
    if not shutil.which(command[0]):
        if command[0] == go:
            raise Missing(f"it needs Go to be built, and there is no command {go}")
        debian("gcc", "libc6-dev")
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return out


@remembered
def debian(command: str, *more: str) -> str:
    """Installs the Debian package that is named like a command, and others; gives the command's path."""
    packages = [command, *more]
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Missing(f"not installed: install the package {' and '.join(packages)}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["apt-get", "update", "-qq"], ["apt-get", "install", "-qq", "-y", *packages]):
        if subprocess.run(step, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
            raise Missing(f"not installed, and {' '.join(step)} failed")
    return shutil.which(command) or command


@remembered
def environment(peer: str) -> pathlib.Path:
    """A private Python environment with a peer that works here."""
    home = CACHE / peer
    install(peer, home)
    if peer in CHECKS and subprocess.run([home / "bin" / "python", "-m", CHECKS[peer]], capture_output=True).returncode != 0:
        raise Missing(f"it can't work for this user on this host: {home.relative_to(ROOT) / 'bin' / 'python'} -m {CHECKS[peer]} tells why")
    return home


def install(peer: str, home: pathlib.Path) -> None:
    """Installs a peer from PyPI, unless that has been done."""
    wanted = " ".join(PYPI[peer])
    stamp = home / "installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    if importlib.util.find_spec("ensurepip") is None:
        debian("python3-venv")
    for step in ([sys.executable, "-m", "venv", "--clear", home], [home / "bin" / "pip", "-q", "install", *PYPI[peer]]):
        done = subprocess.run(step, capture_output=True, text=True)
        if done.returncode != 0:
            raise Missing(f"could not be installed from PyPI ({wanted}): {last_line(done.stderr or done.stdout)}")
    stamp.write_text(wanted)


def last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no reason given"


def version(command: list[str]) -> Optional[str]:
    """The first line that a command says of its version; None if it is not there."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return None

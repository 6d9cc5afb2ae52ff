"""Builds the server with Go into the wheel, and gives the distribution its version.

In a checkout the Go sources are two folders up; a source distribution carries them in its folder ``go``.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).resolve().parent
PACKAGES = ("cmd", "rpc", "pool", "numa")  # those that the binary is made of
ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
# The binary is static, so that it runs with any C library.
TAGS = {
    "amd64": "manylinux_2_17_x86_64.manylinux2014_x86_64.musllinux_1_1_x86_64",
    "arm64": "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64",
}


def sources() -> Path:
    """The folder of the Go module."""
    carried = HERE / "go"
    return carried if carried.is_dir() else HERE.parents[1]


def version() -> str:
    """The version, which client and server share, from the server's source."""
    text = (sources() / "rpc" / "version.go").read_text(encoding="utf-8")
    match = re.search(r'^const Version = "([^"]+)"', text, re.MULTILINE)
    if match is None:
        raise RuntimeError("rpc/version.go has no line: const Version = ...")
    return match.group(1)


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the Go sources to the source distribution, and the binary and the version to the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name == "sdist":
            build_data["force_include"].update(go_files())
        elif version != "editable":  # which uses EXPOOL_RPC or PATH, and the checkout's version
            self.scratch = tempfile.mkdtemp(prefix="expool-rpc-")
            architecture = wanted_architecture()
            build_data["tag"] = f"py3-none-{TAGS[architecture]}"
            build_data["pure_python"] = False
            build_data["force_include"].update(wheel_files(Path(self.scratch), architecture))

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        scratch = getattr(self, "scratch", None)
        if scratch:
            shutil.rmtree(scratch)


def go_files() -> dict[str, str]:
    """What of the Go module the binary is built from, and where in the source distribution that goes."""
    root = sources()
    files = [root / "go.mod", root / "go.sum"]
    for package in PACKAGES:
        found = (file for kind in ("*.go", "*.s") for file in (root / package).rglob(kind))
        files += sorted(file for file in found if not file.name.endswith("_test.go"))
    return {str(file): f"go/{file.relative_to(root)}" for file in files}


def wheel_files(scratch: Path, architecture: str) -> dict[str, str]:
    """Build the binary, note the version, and tell where in the wheel they go."""
    binary, note = scratch / "expool-rpc", scratch / "VERSION"
    build(binary, architecture)
    note.write_text(version() + "\n", encoding="utf-8")
    return {str(binary): "expool_rpc/bin/expool-rpc", str(note): "expool_rpc/VERSION"}


def wanted_architecture() -> str:
    """What to build for: GOARCH, as Go itself takes it, or this machine."""
    if platform.system() != "Linux":
        raise RuntimeError(f"expool-rpc runs on Linux only, and this is {platform.system()}")
    name = os.environ.get("GOARCH") or platform.machine()
    if name not in ARCHITECTURES:
        raise RuntimeError(f"expool-rpc runs on x86_64 and aarch64, not on {name}")
    return ARCHITECTURES[name]


def build(binary: Path, architecture: str) -> None:
    """Run go build."""
    go = shutil.which(os.environ.get("GO", "go"))
    if go is None:
        needed = re.search(r"^go (\S+)", (sources() / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
        raise RuntimeError(
            f"building expool-rpc needs Go {needed.group(1) if needed else ''} or later, and there is no go on PATH:"
            " install it from https://go.dev/dl, set GO to its command, or install a wheel of expool-rpc instead"
        )
    command = [go, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", str(binary), "./cmd/expool-rpc"]
    environment = {**os.environ, "CGO_ENABLED": "0", "GOOS": "linux", "GOARCH": architecture}
    subprocess.run(command, cwd=sources(), env=environment, check=True)

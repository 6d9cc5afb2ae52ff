"""The distribution, as users install it: built from the source distribution with Go, and used without."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import expool_rpc
from support import CLIENT

pytestmark = pytest.mark.packaging

QUICK_START = """
import sys
import expool_rpc
from expool_rpc import Connection

records = []
connection = Connection(on_message=records.append, on_closed=print)
print(connection.call("execute", {"name": "x", "args": [sys.executable, "-c", "print(6 * 7)"], "wait": True})["code"])
connection.close()
assert expool_rpc.__file__.startswith(sys.prefix), expool_rpc.__file__
assert connection.binary.startswith(sys.prefix), connection.binary
"""


def run(*command: object, path: object = None) -> subprocess.CompletedProcess[str]:
    """Run a command in an environment that has nothing of ours; with path as its PATH."""
    foreign = ("PYTHONPATH", "EXPOOL_RPC", "PYTHONHOME")
    environment = {name: value for name, value in os.environ.items() if name not in foreign}
    environment["PATH"] = os.environ["PATH"] if path is None else str(path)
    return subprocess.run(
        list(map(str, command)), check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=environment, cwd="/",
    )  # fmt: skip


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source distribution, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    done = run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, CLIENT)
    assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture(scope="module")
def wheel(distributions: Path) -> Path:
    (wheel,) = distributions.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def sdist(distributions: Path) -> Path:
    (sdist,) = distributions.glob("*.tar.gz")
    return sdist


def test_twine_finds_nothing_wrong(wheel: Path, sdist: Path) -> None:
    done = run(sys.executable, "-m", "twine", "check", "--strict", wheel, sdist)
    assert done.returncode == 0, done.stdout


def test_the_wheel_is_for_the_platform_and_carries_all(wheel: Path) -> None:
    assert wheel.name.startswith(f"expool_rpc-{expool_rpc.__version__}-py3-none-manylinux_2_17_")
    with zipfile.ZipFile(wheel) as files:
        binary = files.getinfo("expool_rpc/bin/expool-rpc")
        assert (binary.external_attr >> 16) & 0o111 == 0o111
        assert files.read("expool_rpc/VERSION").decode().strip() == expool_rpc.__version__
        for name in ("expool_rpc/py.typed", "expool_rpc/dropin/mpepool.py", "expool_rpc/dropin/mpewui.py"):
            assert files.getinfo(name)


def test_the_source_distribution_has_no_more_than_it_needs(sdist: Path) -> None:
    with tarfile.open(sdist) as files:
        names = [name.partition("/")[2] for name in files.getnames()]
    assert "go/go.mod" in names
    assert "go/cmd/expool-rpc/main.go" in names
    assert "go/pool/proc/child_amd64.s" in names
    assert not [name for name in names if name.endswith("_test.go") or ".cache" in name or "__pycache__" in name]
    assert {name.partition("/")[0] for name in names} <= {
        *("go", "src", "docs", "examples"),
        *("PKG-INFO", "README.md", "LICENSE", "pyproject.toml", "hatch_build.py", ".gitignore"),
    }


def test_the_wheel_works_in_an_empty_environment_without_go(wheel: Path, tmp_path: Path) -> None:
    empty = tmp_path / "no Go here"
    empty.mkdir()
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    done = run(python, "-m", "pip", "install", "--no-index", "--disable-pip-version-check", wheel, path=empty)
    assert done.returncode == 0, done.stdout
    assert run(python, "-W", "error", "-c", QUICK_START, path=empty).stdout == "42\n0\nNone\n"
    told = run(python, "-m", "expool_rpc", path=empty).stdout
    assert f"server   expool-rpc {expool_rpc.__version__}\nbinary   {tmp_path}" in told


def test_building_without_go_says_what_to_do(tmp_path: Path) -> None:
    done = run(
        *(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path, CLIENT),
        path=tmp_path,
    )
    assert done.returncode != 0
    assert "there is no go on PATH" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_another_architecture_can_be_built_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(CLIENT))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    import hatch_build

    monkeypatch.setenv("GOARCH", "arm64")
    assert "aarch64" in hatch_build.TAGS[hatch_build.wanted_architecture()]
    monkeypatch.setenv("GOARCH", "mips")
    with pytest.raises(RuntimeError, match="x86_64 and aarch64, not on mips"):
        hatch_build.wanted_architecture()
    assert hatch_build.version() == expool_rpc.__version__

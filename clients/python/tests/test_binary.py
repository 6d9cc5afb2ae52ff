from __future__ import annotations

from pathlib import Path

import pytest

from expool_rpc import BinaryNotFound, _binary, find_binary


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all places, with nothing in them: bundled/expool-rpc, and path/ as PATH."""
    monkeypatch.setattr(_binary, "BUNDLED", tmp_path / "bundled" / "expool-rpc")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.delenv("EXPOOL_RPC")
    return tmp_path


def test_the_argument_precedes_the_variable_the_package_and_path(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_path = executable(places / "path" / "expool-rpc")
    assert find_binary() == str(on_path)
    bundled = executable(places / "bundled" / "expool-rpc")
    assert find_binary() == str(bundled)
    named = executable(places / "named")
    monkeypatch.setenv("EXPOOL_RPC", str(named))
    assert find_binary() == str(named)
    assert find_binary(on_path) == str(on_path)


def test_the_variable_may_name_a_command(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = executable(places / "path" / "mine")
    monkeypatch.setenv("EXPOOL_RPC", "mine")
    assert find_binary() == str(mine)


def test_a_relative_path_becomes_absolute(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = executable(places / "named")
    monkeypatch.chdir(places)
    assert find_binary("./named") == str(named)


@pytest.mark.parametrize(("value", "problem"), [("/nowhere/x", "no executable file"), ("nosuch", "no folder of PATH")])
def test_what_was_named_is_used_or_refused(
    places: Path, monkeypatch: pytest.MonkeyPatch, value: str, problem: str
) -> None:
    executable(places / "path" / "expool-rpc")
    monkeypatch.setenv("EXPOOL_RPC", value)
    with pytest.raises(BinaryNotFound, match=f"EXPOOL_RPC names '{value}', which is (in )?{problem}"):
        find_binary()


def test_not_found_names_each_place_and_what_to_do(places: Path) -> None:
    with pytest.raises(BinaryNotFound) as caught:
        find_binary()
    for place in ("EXPOOL_RPC is not set", str(places / "bundled" / "expool-rpc"), str(places / "path"), "make build"):
        assert place in str(caught.value)

"""The examples of the README, of the guide, and in examples/ run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support import CLIENT, PATIENCE, SOURCES

REPOSITORY = CLIENT.parents[1]


def run(*arguments: str, cwd: Path = CLIENT) -> str:
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    command = [sys.executable, "-W", "error", *arguments]
    ended = subprocess.run(
        command, env=environment, cwd=cwd, capture_output=True, text=True, timeout=3 * PATIENCE, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def blocks(page: str, language: str) -> list[str]:
    text = (CLIENT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_readme_runs_and_prints_what_it_says(tmp_path: Path) -> None:
    (code,) = blocks("README.md", "python")
    (printed,) = blocks("README.md", "text")
    assert sorted(run("-c", code, cwd=tmp_path).splitlines()) == sorted(printed.splitlines())


def test_the_guide_runs(tmp_path: Path) -> None:
    program = tmp_path / "guide.py"
    program.write_text("\n".join(blocks("docs/guide.md", "python")), encoding="utf-8")
    out = run(str(program), cwd=tmp_path)
    assert "all 1 of 2" in out
    assert "invalid params: timeout is -1" in out


def test_the_links_of_the_guide_lead_to_its_sections() -> None:
    text = (CLIENT / "docs" / "guide.md").read_text(encoding="utf-8")
    sections = {title.lower().replace(" ", "-") for title in re.findall(r"^## (.*)$", text, re.MULTILINE)}
    assert set(re.findall(r"\]\(#(.*?)\)", text)) == sections


@pytest.mark.parametrize(
    ("example", "told"),
    [
        (["sweep.py"], "28: perfect"),
        (["pipeline.py"], "sorted 5 of 5"),
        (["compressors.py", "--bytes=100000", f"--source={REPOSITORY / 'rpc'}"], "2 failed, 2 of them on purpose"),
    ],
)
def test_the_examples_run(example: list[str], told: str) -> None:
    assert told in run(f"examples/{example[0]}", *example[1:])


def test_the_reference_stands_in_the_docstrings() -> None:
    import expool_rpc

    for name in expool_rpc.__all__:
        member = getattr(expool_rpc, name)
        assert isinstance(member, (int, str)) or member.__doc__, name
    assert "wksnum" in run("-m", "pydoc", "expool_rpc.ExecPool")

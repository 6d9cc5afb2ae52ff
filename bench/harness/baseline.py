"""Compares the ratios of a run with those that are committed. Only ratios within one run are comparable from machine to machine."""

from __future__ import annotations

import json
import pathlib
from typing import Sequence

from .row import Result

FALL = 1 / 3  # the share of a ratio that may be lost


def load(path: pathlib.Path) -> dict[str, dict[str, float]]:
    return json.loads(path.read_text())


def save(path: pathlib.Path, results: Sequence[Result]) -> None:
    ratios = {r.row.name: {figure: round(ratio, 3) for figure, ratio in r.held().items()} for r in results if r.held()}
    path.write_text(json.dumps(ratios, indent=2, ensure_ascii=False) + "\n")


def fallen(result: Result, baseline: dict[str, dict[str, float]]) -> list[str]:
    """What of a row fell by a third, or has got lost, in words. What this host lacks is no complaint: the log tells it."""
    found = result.held()
    complaints = []
    for figure, was in baseline.get(result.row.name, {}).items():
        name, least = f"{result.row.name}: {result.row.subject} / {figure}", was * (1 - FALL)
        if figure in found and found[figure] < least:
            complaints.append(f"{name} is {found[figure]:.2f}; it was {was:.2f}, and {least:.2f} is the least that is accepted")
        elif figure not in found and not {figure, result.row.subject} & result.missing.keys():
            complaints.append(f"{name} was not measured")
    return complaints

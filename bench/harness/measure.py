"""Runs the sides of a row in turn, to and fro: A B C, C B A, ... so that what disturbs the machine, or gets slower by and by, disturbs all of them."""

from __future__ import annotations

import subprocess
import sys
from typing import Optional

from .lab import Lab
from .row import Missing, Result, Row, Side


def measure(row: Row, lab: Lab, rounds: int) -> Result:
    """Measures a row. A side that fails is left out of the rounds that follow; the others go on."""
    result = Result(row)
    sides = [s for s in row.sides if not (lab.short and s.peer)]
    for n in range(rounds):
        for side in sides[:: -1 if n % 2 else 1]:
            if side.name not in result.missing and side.name not in result.failed and n < (side.rounds or rounds):
                once(side, lab, result)
    log(result)
    return result


def once(side: Side, lab: Lab, result: Result) -> None:
    try:
        result.add(side, side.run(lab))
    except Missing as why:
        result.missing[side.name] = str(why)
    except Exception as err:  # whatever it is, the other sides and rows are to be measured
        result.failed[side.name] = explain(err)


def explain(err: Exception) -> str:
    text = f"{type(err).__name__}: {err}"
    if isinstance(err, subprocess.CalledProcessError) and err.stderr:
        tail = err.stderr if isinstance(err.stderr, str) else err.stderr.decode(errors="replace")
        text += ": " + tail.strip()[-300:]
    return " ".join(text.split())


def log(result: Result) -> None:
    """Tells the person who waits what came out."""
    print(f"{result.row.name} ({result.row.unit})", file=sys.stderr)
    for figure in result.samples:
        ratio: Optional[float] = result.ratio(figure)
        print(f"  {result.median(figure):12,.2f}  {'' if ratio is None else f'{ratio:8.2f}x':9}  {figure}", file=sys.stderr)
    for name, why in {**result.missing, **result.failed}.items():
        print(f"  {'-':>12}  {'':9}  {name}: {why}", file=sys.stderr, flush=True)

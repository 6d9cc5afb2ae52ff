#!/usr/bin/env python3
"""Measures expool-rpc beside other programs, and writes what comes out as Markdown.

    python3 bench/run.py --out docs/benchmarks.md    # all of it: some 20 minutes, on a machine that does nothing else
    python3 bench/run.py --rows noop,startup         # some rows, to the standard output; a name stands for all that begin with it
    python3 bench/run.py --short                     # CI: less than a minute; fails if a ratio fell by a third against bench/baseline.json

The exit status is 0; 1 if a side failed or, with --short, a ratio fell; 2 after wrong flags. A goal that is not met is no failure:
the document says so. Rows are in bench/rows, the harness in bench/harness. Imports the standard library.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
from typing import Sequence

from harness import baseline, machine, report
from harness.lab import ROOT, Lab
from harness.measure import measure
from harness.row import Result, Row
from rows import ROWS

ROUNDS, SHORT_ROUNDS, RETRIES = 9, 6, 3
BASELINE = ROOT / "bench" / "baseline.json"


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", metavar="NAMES", help="measure these only, with commas between them; noop stands for noop-1, noop-2 and noop-8")
    parser.add_argument("--list", action="store_true", help="print the names and titles of the rows")
    parser.add_argument("--short", action="store_true", help="less of everything, no peers from outside of the base system, and compare with the baseline")
    parser.add_argument("--save-baseline", action="store_true", help="with --short: keep the ratios as the baseline instead of comparing")
    parser.add_argument("--rounds", type=int, help=f"how often each side runs ({ROUNDS}, or what the row says; {SHORT_ROUNDS} with --short)")
    parser.add_argument("--out", type=pathlib.Path, help="where the Markdown goes (standard output)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write all samples too")
    parser.add_argument("--server", default=str(ROOT / "bin" / "expool-rpc"), help="the binary to measure (bin/expool-rpc, which make build makes)")
    return parser


def options() -> argparse.Namespace:
    """The flags, checked, and the rows that they choose."""
    parser = arguments()
    found = parser.parse_args()
    if found.rounds is not None and found.rounds < 1:
        parser.error(f"--rounds {found.rounds}: at least 1 is needed")
    if not pathlib.Path(found.server).is_file():
        parser.error(f"there is no server {found.server}: run make build")
    if found.save_baseline and (not found.short or found.rows):
        parser.error("--save-baseline needs --short and all rows")
    try:
        found.chosen = choose(found.rows, found.short)
    except LookupError as err:
        parser.error(str(err))
    return found


def choose(names: str | None, short: bool) -> list[Row]:
    """The rows that are meant, in the order of the document."""
    candidates = [r for r in ROWS if r.short or not short]
    if not names:
        return candidates
    wanted = names.split(",")
    for name in wanted:
        if not any(matches(r, name) for r in candidates):
            raise LookupError(f"there is no row {name!r}: --list prints those that there are" + (", --short has some of them only" if short else ""))
    return [r for r in candidates if any(matches(r, name) for name in wanted)]


def matches(row: Row, name: str) -> bool:
    return row.name == name or row.name.startswith(name + "-")


def compared(results: list[Result], lab: Lab, rounds: int) -> list[str]:
    """Compares with the baseline. A row that looks worse gets more rounds, a few times: machines are noisy, and the best of all rounds count."""
    known = baseline.load(BASELINE)
    for result in results:
        for _ in range(RETRIES):
            fallen = baseline.fallen(result, known)
            if not fallen:
                break
            print(f"once more, since {fallen[0]}", file=sys.stderr)
            result.extend(measure(result.row, lab, rounds))
    return [text for result in results for text in baseline.fallen(result, known)]


def write(results: Sequence[Result], lab: Lab, to: argparse.Namespace) -> None:
    text = report.document(results, machine.describe(lab))
    if to.out:
        to.out.write_text(text)
    elif not to.short:
        print(text)
    if to.json:
        to.json.write_text(json.dumps({r.row.name: r.samples for r in results}, indent=1) + "\n")


def rounds_of(row: Row, lab: Lab) -> int:
    return SHORT_ROUNDS if lab.short else row.rounds or ROUNDS


def run(chosen: argparse.Namespace, lab: Lab) -> list[str]:
    """Measures and writes; gives what went wrong."""
    results = [measure(row, lab, chosen.rounds or rounds_of(row, lab)) for row in chosen.chosen]
    fallen = []
    if chosen.save_baseline:
        baseline.save(BASELINE, results)
    elif chosen.short:
        fallen = compared(results, lab, chosen.rounds or SHORT_ROUNDS)
    write(results, lab, chosen)
    return [f"{r.row.name}: {side}: {why}" for r in results for side, why in r.failed.items()] + fallen


def main() -> int:
    chosen = options()
    if chosen.list:
        for row in chosen.chosen:
            print(f"{row.name:20} {row.title}")
        return 0
    lab = Lab(chosen.server, chosen.short)
    try:
        wrong = run(chosen, lab)
    finally:
        lab.close()
    for text in wrong:
        print(f"wrong: {text}", file=sys.stderr)
    if chosen.short and not wrong:
        print("no ratio fell by a third" if not chosen.save_baseline else f"written: {BASELINE}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""Turns results into Markdown. No effects."""

from __future__ import annotations

from typing import Optional, Sequence, Tuple

from .row import Goal, Result

INTRODUCTION = """# Benchmarks

Made by `make bench`; `python3 bench/run.py --rows NAME` measures one row again. The sides of a row ran in turn (A B C, C B A, ...), so that what disturbed the machine
disturbed all of them. A figure is the median of its rounds, with the least and the most of them. **Compare ratios only**: all other figures belong to this machine. A ratio
is the median of those within the rounds, and tells how many times better the row's first side is (above 1: better; with a goal it stands in bold); the true median is in the interval behind it
with a confidence of 95%, as far as the rounds tell (the sign test's interval; six rounds are the fewest for one). A goal within that interval is met or not by chance. Command-line programs are timed from their
start to their exit; libraries from the first submission to the last end, in a loop of `bench/peers`; slow ones get fewer jobs and rounds.
"""


def document(results: Sequence[Result], machine: dict[str, str]) -> str:
    parts = [INTRODUCTION, "## Machine\n\n" + "\n".join(f"- {name}: {value}" for name, value in machine.items()) + "\n", goals(results)]
    return "\n".join(parts + [section(r) for r in results])


def goals(results: Sequence[Result]) -> str:
    """All goals, and whether they are met."""
    lines = ["## Goals", "", "| row | goal | reached | |", "|---|---|---|---|"]
    for result in results:
        lines += [goal_line(result, goal) for goal in result.row.goals if goal_measured(result, goal)]
    return "\n".join(lines) + "\n"


def goal_measured(result: Result, goal: Goal) -> bool:
    """A goal about a side that was not part of the run (a short one) is not spoken of; one about a side that could not run is."""
    return result.reached(goal) is not None or goal.figure in {**result.missing, **result.failed} or result.row.subject in result.missing


def goal_line(result: Result, goal: Goal) -> str:
    value = result.reached(goal)
    what = f"{result.row.subject} / {goal.figure}" if goal.ratio else f"{goal.figure} ({result.row.unit})" if result.row.unit else goal.figure
    return f"| [{result.row.name}](#{result.row.name}) | {what}: {goal} | {number(value)}{span(result.reached_within(goal))} | {verdict(result, goal)} |"


def verdict(result: Result, goal: Goal) -> str:
    value, within, limit = result.reached(goal), result.reached_within(goal), result.limit(goal)
    if value is None:
        return "not measured"
    unsure = within and goal.met(within[0]) != goal.met(within[1])
    text = "met" if goal.met(value) else "not met" if unsure else "**not met**"
    if unsure:
        text += ", within the noise"
    if limit is not None and not goal.met(value) and not goal.met(limit):
        text += f": beyond this machine (the limit, {goal.limit}: {number(limit)})"
    return text


def span(ends: Optional[Tuple[float, float]]) -> str:
    return "" if ends is None else f" ({number(ends[0])} to {number(ends[1])})"


def section(result: Result) -> str:
    row = result.row
    head = f"## {row.name}\n\n**{row.title}.** {row.about}\n\nBound by: {row.bound}\n"
    unit = f"{row.unit}, median" if row.unit else "median"
    table = [f"| | {unit} | least to most | ratio (95% interval) | rounds |", "|---|---:|---|---:|---:|"]
    table += [figure_line(result, figure) for figure in result.samples]
    notes = [f"\nNot run: {name}: {why}." for name, why in result.missing.items()]
    notes += [f"\n**Failed**: {name}: {why}" for name, why in result.failed.items()]
    return "\n".join([head, *table, *notes, f"\n`python3 bench/run.py --rows {row.name}`\n"])


def figure_line(result: Result, figure: str) -> str:
    values = result.samples[figure]
    ratio = result.ratio(figure)
    text = "" if ratio is None else number(ratio)
    if any(goal.ratio and goal.figure == figure for goal in result.row.goals):
        text = f"**{text}**"
    text += span(result.interval(figure))
    return f"| {figure} | {number(result.median(figure))} | {number(min(values))} to {number(max(values))} | {text} | {len(values)} |"


def number(value: Optional[float]) -> str:
    """Three significant digits, but all of an integer part."""
    if value is None:
        return ""
    if abs(value) >= 100 or value == 0:
        return f"{value:,.0f}"
    return f"{value:.3g}"

"""What a row of the benchmarks is, and what its samples say. No effects."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field
from typing import Callable, Dict, Optional, Sequence, Tuple, Union

# What a side gives each time it runs: a figure, or several under their names.
Sample = Union[float, Dict[str, float]]


CONFIDENCE = 0.95


class Missing(Exception):
    """What the host lacks for a side, in words. It is left out then; that is no failure."""


@dataclass(frozen=True)
class Side:
    """One of those that a row compares."""

    name: str
    run: Callable[..., Sample]  # takes the Lab
    peer: bool = False  # from outside of the base system: not in the short run
    rounds: int = 0  # at most so many, for a slow one; 0: as many as the row
    own: bool = False  # expool-rpc used in another way: told, but no figure to be held to, for it may get better too


@dataclass(frozen=True)
class Goal:
    """What a figure, or its ratio to the row's first one, has to reach."""

    figure: str
    at_least: Optional[float] = None
    at_most: Optional[float] = None
    ratio: bool = False
    limit: str = ""  # a figure that nothing can be better than: where it does not reach the goal either, the machine can't

    def met(self, value: float) -> bool:
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)

    def __str__(self) -> str:
        return f"at least {self.at_least:,g}" if self.at_least is not None else f"at most {self.at_most:,g}"


@dataclass(frozen=True)
class Row:
    """One table of the document."""

    name: str  # for --rows
    title: str
    unit: str
    sides: Tuple[Side, ...]
    rounds: int = 0  # in a full run; 0: as many as usual
    ours: str = ""  # the figure that the others are compared with; default: that of the first side
    goals: Tuple[Goal, ...] = ()
    about: str = ""  # how it is measured
    bound: str = ""  # what bounds it
    compare: bool = True  # give ratios
    less: bool = False  # the smaller figure is the better one
    short: bool = False  # part of the short run
    only_compare: Tuple[str, ...] = ()  # give ratios to these figures only; none: to all

    @property
    def subject(self) -> str:
        return self.ours or self.sides[0].name


@dataclass
class Result:
    """The samples of a row."""

    row: Row
    samples: dict[str, list[float]] = field(default_factory=dict)  # by figure, in the order in which they came
    missing: dict[str, str] = field(default_factory=dict)  # sides that the host lacks something for, and what
    failed: dict[str, str] = field(default_factory=dict)  # sides that failed, and how

    def add(self, side: Side, sample: Sample) -> None:
        figures = sample if isinstance(sample, dict) else {side.name: sample}
        for name, value in figures.items():
            self.samples.setdefault(name, []).append(value)

    def median(self, figure: str) -> float:
        return statistics.median(self.samples[figure])

    def ratio(self, figure: str) -> Optional[float]:
        """How many times better the row's subject is than the figure: the median of the rounds, so that what disturbed a round disturbed both.
        None where there is no such comparison."""
        ratios = self.ratios(self.row.subject, figure) if self.compared(figure) else []
        return statistics.median(ratios) if ratios else None

    def ratios(self, subject: str, figure: str) -> list[float]:
        """How many times better one figure is than another, for each round. All sides take part from the first round on, some not to the last."""
        rounds = zip(self.samples.get(subject, ()), self.samples.get(figure, ()))
        return [ratio for ratio in (self.better(*both) for both in rounds) if ratio is not None]

    def interval(self, figure: str) -> Optional[Tuple[float, float]]:
        """The confidence interval of the ratio to a figure."""
        return interval(self.ratios(self.row.subject, figure)) if self.compared(figure) else None

    def compared(self, figure: str) -> bool:
        row = self.row
        chosen = not row.only_compare or figure in row.only_compare
        return row.compare and chosen and figure != row.subject and {figure, row.subject} <= self.samples.keys()

    def better(self, ours: float, theirs: float) -> Optional[float]:
        over, under = (theirs, ours) if self.row.less else (ours, theirs)
        return over / under if under else None

    def best(self, figure: str) -> float:
        """The sample that was disturbed least."""
        return (min if self.row.less else max)(self.samples[figure])

    def held(self) -> dict[str, float]:
        """The ratios that must not fall: of the best samples, since these need no more than a quiet moment of each side."""
        own = {side.name for side in self.row.sides if side.own}
        figures = [figure for figure in self.samples if figure not in own and self.compared(figure)]
        ratios = {figure: self.better(self.best(self.row.subject), self.best(figure)) for figure in figures}
        return {figure: ratio for figure, ratio in ratios.items() if ratio is not None}

    def extend(self, more: "Result") -> None:
        """Takes the samples of another run of the same row; what failed once has failed."""
        for figure, values in more.samples.items():
            self.samples.setdefault(figure, []).extend(values)
        self.failed.update(more.failed)

    def reached(self, goal: Goal) -> Optional[float]:
        """The value that the goal is about; None if it was not measured."""
        if goal.ratio:
            return self.ratio(goal.figure)
        return self.median(goal.figure) if goal.figure in self.samples else None

    def reached_within(self, goal: Goal) -> Optional[Tuple[float, float]]:
        """The confidence interval of that value; None with too few rounds."""
        return self.interval(goal.figure) if goal.ratio else interval(self.samples.get(goal.figure, ()))

    def limit(self, goal: Goal) -> Optional[float]:
        """What the goal's limit reaches here, of a ratio."""
        ratios = self.ratios(goal.limit, goal.figure)
        return statistics.median(ratios) if ratios else None


def interval(values: Sequence[float]) -> Optional[Tuple[float, float]]:
    """Two of the values, between which the median of all that could have been measured lies with the CONFIDENCE at least, however such values are
    spread (the sign test turned round: Conover, Practical Nonparametric Statistics, 3.2). None if there are too few for that, less than 6."""
    n = len(values)
    outside, dropped = 0.0, -1  # the chance that the median is beyond one end, and the values left out there
    while dropped + 1 < n / 2 and 2 * (outside + math.comb(n, dropped + 1) / 2**n) <= 1 - CONFIDENCE:
        dropped += 1
        outside += math.comb(n, dropped) / 2**n
    if dropped < 0:
        return None
    ordered = sorted(values)
    return ordered[dropped], ordered[-1 - dropped]

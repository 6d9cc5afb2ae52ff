"""Tests of the harness itself: what it makes of samples. Nothing is measured.

    python3 -m unittest discover bench
"""

import argparse
import contextlib
import io
import math
import pathlib
import subprocess
import sys
import tempfile
import types
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import run
from harness import baseline, lab, report
from harness.measure import measure
from harness.row import Goal, Missing, Row, Side, interval
from rows import ROWS

FULL, SHORT = types.SimpleNamespace(short=False), types.SimpleNamespace(short=True)


def side(name, *values, **more):
    samples = iter(values)

    def run(lab):
        value = next(samples)
        if isinstance(value, Exception):
            raise value
        return value

    return Side(name, run, **more)


def row(*sides, **more):
    return Row(name="a-row", title="A row", unit="jobs/s", sides=sides, **more)


def measured(made, rounds=1, lab=FULL):
    with contextlib.redirect_stderr(io.StringIO()):
        return measure(made, lab, rounds)


class Measuring(unittest.TestCase):
    def test_sides_run_in_turn_to_and_fro(self):
        order = []
        sides = [Side(name, lambda lab, name=name: order.append(name) or 1.0) for name in "ABC"]
        measured(row(*sides), 3)
        self.assertEqual("".join(order), "ABCCBAABC")

    def test_a_slow_side_runs_in_fewer_rounds(self):
        result = measured(row(side("a", 1, 2, 3), side("slow", 4, rounds=1)), 3)
        self.assertEqual(result.samples, {"a": [1, 2, 3], "slow": [4]})

    def test_a_side_gives_several_figures(self):
        result = measured(row(side("both", {"x": 1, "y": 2}, {"x": 3, "y": 4})), 2)
        self.assertEqual(result.samples, {"x": [1, 3], "y": [2, 4]})

    def test_a_side_that_fails_does_not_lose_the_others(self):
        result = measured(row(side("a", 1, 2), side("b", RuntimeError("broke"))), 2)
        self.assertEqual((result.samples, result.failed), ({"a": [1, 2]}, {"b": "RuntimeError: broke"}))

    def test_what_failed_commands_said_is_told(self):
        result = measured(row(side("a", subprocess.CalledProcessError(3, ["x"], stderr=b"no such thing\n"))))
        self.assertIn("no such thing", result.failed["a"])

    def test_a_side_that_the_host_lacks_is_no_failure(self):
        result = measured(row(side("a", 1), side("b", Missing("not installed"))))
        self.assertEqual((result.missing, result.failed), ({"b": "not installed"}, {}))

    def test_the_short_run_leaves_peers_out(self):
        self.assertEqual(measured(row(side("a", 1), side("peer", 2, peer=True)), lab=SHORT).samples, {"a": [1]})


def ratios(result):
    return {figure: result.ratio(figure) for figure in result.samples if result.ratio(figure) is not None}


class Ratios(unittest.TestCase):
    def test_they_are_the_median_of_the_rounds(self):
        result = measured(row(side("ours", 1, 30, 200), side("theirs", 4, 10, 400)), 3)
        self.assertEqual(ratios(result), {"theirs": 0.5})

    def test_a_side_of_fewer_rounds_is_compared_with_the_first_ones(self):
        result = measured(row(side("ours", 1, 30, 200), side("theirs", 4, rounds=1)), 3)
        self.assertEqual(ratios(result), {"theirs": 0.25})

    def test_above_one_is_better_where_less_is_better(self):
        result = measured(row(side("ours", 2), side("theirs", 6), less=True))
        self.assertEqual(ratios(result), {"theirs": 3})

    def test_another_figure_than_the_first_can_be_ours(self):
        result = measured(row(side("all", {"x": 2, "y": 1, "z": 4}), ours="y", only_compare=("x",)))
        self.assertEqual(ratios(result), {"x": 0.5})

    def test_without_our_own_figure_there_are_none(self):
        self.assertEqual(measured(row(side("ours", Missing("x")), side("theirs", 1))).held(), {})


class Intervals(unittest.TestCase):
    def test_the_ends_are_those_of_the_sign_test(self):
        # Conover, Practical Nonparametric Statistics, table A3: with p = 1/2, P(Y <= 1) is 0.0195 of 9, and P(Y <= 7) is 0.0216 of 25.
        for n, dropped in ((6, 0), (8, 0), (9, 1), (25, 7)):
            values = list(range(n))
            self.assertEqual(interval(values[::-1]), (dropped, n - 1 - dropped), n)

    def test_they_hold_the_median_as_often_as_they_say(self):
        for n in range(6, 40):
            low = interval(range(n))[0]
            outside = [2 * sum(math.comb(n, k) for k in range(d + 1)) / 2**n for d in (low, low + 1)]
            self.assertLessEqual(outside[0], 0.05, n)
            self.assertGreater(outside[1], 0.05, f"{n}: a narrower one would do")

    def test_too_few_values_have_none(self):
        self.assertEqual([interval([1] * n) for n in range(6)], [None] * 6)

    def test_a_ratio_has_that_of_its_rounds(self):
        result = measured(row(side("ours", *range(10, 70, 10)), side("theirs", *[10] * 6)), 6)
        self.assertEqual((result.ratio("theirs"), result.interval("theirs")), (3.5, (1, 6)))
        self.assertIsNone(result.interval("ours"))


class Baseline(unittest.TestCase):
    def result(self, ours, theirs):
        return measured(row(side("ours", ours), side("theirs", theirs)))

    def test_a_ratio_may_lose_less_than_a_third(self):
        self.assertEqual(baseline.fallen(self.result(70, 100), {"a-row": {"theirs": 1.0}}), [])

    def test_a_ratio_that_fell_by_more_is_told(self):
        self.assertEqual(baseline.fallen(self.result(60, 100), {"a-row": {"theirs": 1.0}}),
                         ["a-row: ours / theirs is 0.60; it was 1.00, and 0.67 is the least that is accepted"])

    def test_a_ratio_that_is_not_measured_any_more_is_told(self):
        self.assertEqual(baseline.fallen(self.result(1, RuntimeError("x")), {"a-row": {"theirs": 1.0}}), ["a-row: ours / theirs was not measured"])
        self.assertEqual(baseline.fallen(self.result(1, 1), {"a-row": {"renamed": 1.0}}), ["a-row: ours / renamed was not measured"])

    def test_what_the_host_lacks_is_no_complaint(self):
        self.assertEqual(baseline.fallen(self.result(1, Missing("no compiler")), {"a-row": {"theirs": 1.0}}), [])
        self.assertEqual(baseline.fallen(self.result(Missing("no cgroups"), 1), {"a-row": {"theirs": 1.0}}), [])

    def test_another_way_of_using_the_server_is_nothing_to_be_held_to(self):
        made = row(side("ours", 1), side("ours, but otherwise", 9, own=True), side("theirs", 2))
        self.assertEqual(measured(made).held(), {"theirs": 0.5})

    def test_what_is_saved_is_loaded(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "baseline.json"
            baseline.save(path, [self.result(1, 3)])
            self.assertEqual(baseline.load(path), {"a-row": {"theirs": 0.333}})

    def compare(self, *tries):
        """What is told of a ratio that was 1 and looks like a hundredth, and how many of the tries that follow were made."""
        made = iter(tries)
        with mock.patch.object(run, "measure", lambda row, lab, rounds: next(made)), contextlib.redirect_stderr(io.StringIO()), \
                mock.patch.object(baseline, "load", lambda path: {"a-row": {"theirs": 1.0}}):
            told = run.compared([self.result(1, 100)], SHORT, 1)
        return told, len(tries) - len(list(made))

    def test_a_row_that_looks_worse_gets_more_rounds_until_it_does_not(self):
        self.assertEqual(self.compare(self.result(2, 100), self.result(90, 30), self.result(5, 100)), ([], 2))

    def test_a_row_that_stays_worse_is_told(self):
        told, tries = self.compare(*[self.result(50, 100) for _ in range(run.RETRIES)])
        self.assertEqual((told, tries), (["a-row: ours / theirs is 0.50; it was 1.00, and 0.67 is the least that is accepted"], run.RETRIES))

    def test_the_best_samples_of_both_sides_count(self):
        result = measured(row(side("ours", 1, 30, 2), side("theirs", 4, 40, 4)), 3)
        self.assertEqual(result.held(), {"theirs": 0.75})
        result = measured(row(side("ours", 10, 3), side("theirs", 6, 60), less=True), 2)
        self.assertEqual(result.held(), {"theirs": 2})

    def test_the_committed_one_has_rows_and_figures_that_exist(self):
        short = {r.name: r for r in ROWS if r.short}
        known = baseline.load(run.BASELINE)
        self.assertEqual(sorted(known), sorted(short), "make it anew: python3 bench/run.py --short --save-baseline")
        for name, ratios in known.items():
            self.assertTrue(ratios and all(ratio > 0 for ratio in ratios.values()), name)


class Report(unittest.TestCase):
    def test_goals_are_judged(self):
        made = row(side("ours", 90), side("theirs", 100), side("peer", Missing("not installed: install it")),
                   goals=(Goal("theirs", at_least=0.95, ratio=True), Goal("ours", at_most=100), Goal("peer", at_least=5, ratio=True)))
        text = report.goals([measured(made)])
        self.assertIn("| [a-row](#a-row) | ours / theirs: at least 0.95 | 0.9 | **not met** |", text)
        self.assertIn("| [a-row](#a-row) | ours (jobs/s): at most 100 | 90 | met |", text)
        self.assertIn("| [a-row](#a-row) | ours / peer: at least 5 |  | not measured |", text)

    def judged(self, theirs, **more):
        made = row(side("ours", *[100] * 6), side("theirs", *theirs), side("the bound", *[300] * 6), goals=(Goal("theirs", ratio=True, **more),))
        return report.verdict(measured(made, 6), made.goals[0])

    def test_a_goal_within_the_noise_is_told(self):
        around = [80, 90, 90, 110, 110, 120]
        self.assertEqual(self.judged(around, at_least=0.5), "met")
        self.assertEqual(self.judged(around, at_least=0.95), "met, within the noise")
        self.assertEqual(self.judged(around, at_least=1.1), "not met, within the noise")
        self.assertEqual(self.judged(around, at_least=2), "**not met**")
        self.assertEqual(self.judged(around, at_most=0.9), "not met, within the noise")

    def test_a_goal_that_the_machine_cant_reach_is_told(self):
        self.assertEqual(self.judged([100] * 6, at_least=4, limit="the bound"), "**not met**: beyond this machine (the limit, the bound: 3)")
        self.assertEqual(self.judged([100] * 6, at_least=3, limit="the bound"), "**not met**")
        self.assertEqual(self.judged([100] * 6, at_least=1, limit="the bound"), "met")

    def test_a_section_has_figures_and_what_did_not_run(self):
        made = row(side("ours", 10, 30), side("theirs", 1000, 3000), side("gone", Missing("install it")), side("bad", RuntimeError("oops")),
                   goals=(Goal("theirs", at_least=1, ratio=True),))
        text = report.section(measured(made, 2))
        self.assertIn("| ours | 20 | 10 to 30 |  | 2 |", text)
        self.assertIn("| theirs | 2,000 | 1,000 to 3,000 | **0.01** | 2 |", text)
        self.assertIn("Not run: gone: install it.", text)
        self.assertIn("**Failed**: bad: RuntimeError: oops", text)

    def test_numbers_have_three_digits(self):
        self.assertEqual([report.number(v) for v in (None, 0, 0.1234, 1.5, 99.96, 123456.7)], ["", "0", "0.123", "1.5", "100", "123,457"])


class Searching(unittest.TestCase):
    def test_what_is_missing_is_looked_for_once(self):
        calls = []

        @lab.remembered
        def find(name):
            calls.append(name)
            if name == "gone":
                raise Missing(name)
            return name.upper()

        for _ in range(2):
            self.assertEqual(find("here"), "HERE")
            self.assertRaises(Missing, find, "gone")
        self.assertEqual(calls, ["here", "gone"])


class Choosing(unittest.TestCase):
    def names(self, wanted, short=False):
        return [r.name for r in run.choose(wanted, short)]

    def test_a_name_stands_for_all_that_begin_with_it(self):
        self.assertEqual(self.names("startup,noop"), ["noop-1", "noop-2", "noop-8", "startup"])
        self.assertEqual(self.names("noop", short=True), ["noop-2"])
        self.assertEqual(self.names(None), [r.name for r in ROWS])

    def test_an_unknown_name_is_refused(self):
        with self.assertRaisesRegex(LookupError, "no row 'nope'.*--list"):
            run.choose("startup,nope", False)

    def test_rows_are_well_formed(self):
        self.assertEqual(len({r.name for r in ROWS}), len(ROWS))
        for made in ROWS:
            self.assertTrue(made.about and made.bound and made.sides, made.name)
            for side_ in made.sides:
                self.assertTrue(callable(side_.run), made.name)


    def test_a_row_says_how_often_it_is_measured(self):
        self.assertEqual(run.rounds_of(row(), FULL), run.ROUNDS)
        self.assertEqual(run.rounds_of(row(rounds=25), FULL), 25)
        self.assertEqual(run.rounds_of(row(rounds=25), SHORT), run.SHORT_ROUNDS)


class Ending(unittest.TestCase):
    def test_a_failed_side_makes_the_run_fail_after_the_document_is_written(self):
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "out.md"
            chosen = argparse.Namespace(short=False, rounds=1, chosen=[row(side("a", RuntimeError("broke"))), row(side("b", 1))], out=out,
                                        json=None, save_baseline=False)
            with mock.patch("harness.machine.describe", lambda lab: {}), contextlib.redirect_stderr(io.StringIO()):
                self.assertEqual(run.run(chosen, FULL), ["a-row: a: RuntimeError: broke"])
            self.assertIn("| b | 1 |", out.read_text())


if __name__ == "__main__":
    unittest.main()

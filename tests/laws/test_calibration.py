"""docs/calibration.md shows what the intervals and tests of the metrics do on the battery, and what is red stays shown.

`python -m tests.calibration` measures what has changed, and writes the records and the page.
"""

from typing import Any

import numpy as np
import pytest
import xarray as xr
from binomial import binomial_rule
from calibration import answers, page
from calibration.cases import CASES, NOT_JUDGED, Case
from calibration.draws import list_conditions, measure, measure_case, measure_more
from calibration.page import Verdict, colour, judge_rows, show
from calibration.record import list_code, list_inputs
from metric_draws import list_intervals, list_p_values, load
from scipy import stats

from homeoanalysis import catalogue
from homeoanalysis.metric import Metric
from homeoanalysis.statistics.differences import AGREES, DIFFERS

NIGHTLY = 100  # draws of each condition; one metric takes up to a quarter of an hour


def has_claims(name: str) -> bool:
    """Whether a metric has an interval, a p-value or a threshold."""
    one = load(name)
    return bool(list_intervals(one) or list_p_values(one) or one.rejects)


def find_colours(text: str, metric: str) -> set[tuple[str, str, str]]:
    """(row, condition, colour with its mark) of a metric in the tables of the page."""
    rows = {row for row, _, _ in page.name_rows(metric)}
    found, header = set(), [""]
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if line.startswith("| | "):
            header = cells
        elif cells and cells[0] in rows:
            shown = zip(header[1:], cells[1:], strict=True)
            found |= {(cells[0], name, cell.split()[0]) for name, cell in shown if cell}
    return found


@pytest.mark.slow
@pytest.mark.parametrize("metric", CASES)
def test_colours_are_those_of_the_page(metric: str, evidence) -> None:
    """No cell changes its colour unless the page says so."""
    numbers = evidence(
        measure_case,
        metric,
        subject=f"calibration/{metric}",
        code=list_code(metric),
        inputs=list_inputs(metric),
        size=CASES[metric].size,
    )
    verdicts = judge_rows(metric, numbers)
    measured = {(row, name, show(metric, name, one).split()[0]) for (row, name), one in verdicts.items()}
    assert measured
    assert find_colours(page.PAGE.read_text(), metric) == measured, "run `python -m tests.calibration`"


def test_the_page_is_made_from_the_records() -> None:
    assert page.PAGE.read_text() == page.write_page(), "run `python -m tests.calibration`"


def test_every_interval_and_test_is_judged_or_its_absence_explained() -> None:
    claiming = {name for name in catalogue.names("metrics") if has_claims(name)}
    silent = {name for name, why in NOT_JUDGED.items() if why == "gives no interval and no test"}
    assert set(CASES) | (set(NOT_JUDGED) - silent) == claiming
    assert not set(CASES) & set(NOT_JUDGED)
    assert not silent & claiming
    assert silent <= set(catalogue.names("metrics"))


def test_the_page_holds_every_condition_of_a_case() -> None:
    """A cell that no table has a column for would be measured and never shown."""
    columns = {name for conditions in page.TABLES.values() for name in conditions}
    for case in CASES.values():
        assert columns >= set(case.conditions)
        assert set(list_conditions(case.every)) >= set(case.conditions)


@pytest.mark.slow
def test_the_verdict_errs_as_seldom_as_its_page_says(evidence) -> None:
    """A true model differs, and one that is off by the margin agrees, in at most 5 % of the experiments.

    The control: a model that is far enough off is told, so that "cannot tell" is not all that the verdict says.
    """
    numbers = evidence(
        answers.measure_answers, tuple(answers.DURATIONS), answers.DRAWS, subject=answers.SUBJECT, size=answers.SIZE
    )
    for duration, by_subjects in numbers.items():
        for n, shares in by_subjects.items():
            errors = [shares[DIFFERS][answers.TRUE], *(shares[AGREES][k] for k in answers.AT_MARGIN)]
            for share in errors:
                wrong = round(share * answers.DRAWS)
                assert not binomial_rule([True] * wrong + [False] * (answers.DRAWS - wrong), 0.05, at_most=True), (
                    f"{n} recordings of {duration}: {errors}"
                )
    far = numbers["6 h"]["10"][DIFFERS]
    assert far[0] > 0.5
    assert far[-1] > 0.5


@pytest.mark.nightly
@pytest.mark.parametrize("metric", CASES)
def test_more_draws_agree_with_the_page(metric: str, evidence) -> None:
    """Other draws err as often as those of the page, on all conditions that the metric is judged on."""
    case = CASES[metric]
    every = list_conditions(case.every)
    other = evidence(
        measure_more,
        metric,
        NIGHTLY,
        subject=f"calibration/{metric}",
        code=list_code(metric),
        inputs={**list_inputs(metric), "every": every},
        size=f"{NIGHTLY} draws of {len(every)} conditions",
    )
    for condition, cells in page.read_numbers(metric).items():
        for label, cell in cells.items():
            table = [[one["errors"], one["given"] - one["errors"]] for one in (cell, other[condition][label])]
            assert stats.fisher_exact(table).pvalue > 1e-5, f"{label} on {condition}: errors and others {table}"


# ---- on a metric made wrong


class Wrong:
    """A metric of which one variable is changed."""

    def __init__(self, name: str, change: Any) -> None:
        self.metric: Metric = load(name)
        self.change = change
        self.rejects = self.metric.rejects

    def __call__(self, activity: xr.Dataset, **parameters: Any) -> xr.Dataset:
        return self.change(self.metric(activity, **parameters))


def halve(result: xr.Dataset) -> xr.Dataset:
    """Intervals of half the width."""
    low, high = result.residual_change_low, result.residual_change_high
    middle, quarter = (low + high) / 2, (high - low) / 4
    return result.assign(residual_change_low=middle - quarter, residual_change_high=middle + quarter)


def widen(result: xr.Dataset) -> xr.Dataset:
    """Intervals of all numbers."""
    return result.assign(
        residual_change_low=result.residual_change * 0 - 1e9, residual_change_high=result.residual_change * 0 + 1e9
    )


WRONG = {
    "half the width": ("residual_change", "", halve, "red"),
    "far too wide": ("residual_change", "", widen, "amber"),
    "nothing given": ("residual_change", "", lambda result: result * np.nan, "amber"),
    "a variable lost": ("residual_change", "", lambda result: result.drop_vars("residual_change_low"), "red"),
    "p too small": ("set_point_change", "Levene", lambda result: result * 0.1, "red"),
    "an answer to everything": ("recovery_fraction", "", lambda result: result.fillna(1.0), "red"),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_metric_has_another_colour_than_the_right_one(fault: str) -> None:
    """On Poisson units of constant rate, which the right metric is made for. Of 250 draws no miss is too few."""
    metric, label, change, expected = WRONG[fault]

    def find_colour(called: Any = None) -> str:
        numbers = measure(CASES[metric], ["null_poisson"], 0, 300 if fault == "far too wide" else 60, called)
        return judge_rows(metric, numbers)[f"{metric} {label}".strip(), "null_poisson"].colour

    assert find_colour() == "green"
    assert find_colour(Wrong(metric, change)) == expected


def test_colours() -> None:
    """Against the exact binomial: of 60 intervals 13 misses are too many, of 60 tests 12 false positives, one less is not."""

    def one(kind: str, errors: int, given: int = 60, withheld: int = 0, has_truth: bool = True) -> str:
        return colour(kind, {"errors": errors, "given": given, "withheld": withheld, "has_truth": has_truth}).colour

    for kind, share in (("coverage", 0.07), ("p", 0.05)):
        errors = [k for k in range(61) if stats.binom.sf(k - 1, 60, share) < 0.0005]
        assert [k for k in range(61) if one(kind, k) == "red"] == errors
    assert one("coverage", 0) == "green"  # 60 of 60 are no proof of too much width
    assert one("coverage", 0, given=400) == "amber"
    assert one("p", 0, given=400) == "green"
    assert one("p", 0, given=20, withheld=40) == "amber"
    assert one("p", 0, given=0, withheld=60) == "amber"
    assert one("coverage", 0, given=0, withheld=60, has_truth=False) == "green"
    assert one("coverage", 30, given=30, withheld=30, has_truth=False) == "red"
    assert colour("p", {"errors": 0, "given": 0, "withheld": 0, "has_truth": True, "fails": "x"}) == Verdict("red", "fails: x")


def test_cases_say_what_is_judged() -> None:
    """A quantity that no condition of its case serves would never be shown."""
    for metric, case in CASES.items():
        assert isinstance(case, Case)
        shown = {row for row, _ in judge_rows(metric, page.read_numbers(metric))}
        assert shown == {row for row, _, _ in page.name_rows(metric)}

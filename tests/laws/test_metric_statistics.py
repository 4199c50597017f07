"""Bias, coverage and false positives of every file of metrics/. A new metric is tested by being there.

Draws are seeded from the test's name. CI draws 500 times, `nightly` 2000 times; all checks of a generator share its draws,
which metric_draws.py makes and tests/records/metrics keeps. Each check is shown to fail on a metric made wrong.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from binomial import binomial_rule, judge_fraction
from metric_draws import BIAS_DRAWS, draw, draw_named, list_claims, list_intervals, list_p_values, load
from scipy import stats

from homeoanalysis import catalogue
from homeoanalysis.metric import Companion, Metric, Truth, metric, surrogate_of
from homeoanalysis.numerics import intervals, synthetic
from homeoanalysis.provenance import code_of, rng_for

NAMES = catalogue.names("metrics")
CI, NIGHTLY = 500, 2000


# ---- the criteria


def assert_declared(metric: Metric, seed: str) -> None:
    """Whatever has an interval, a p-value or a threshold can be tested, and something is claimed under the null."""
    known, null = metric.truth(rng_for(1, seed)), metric.null(rng_for(1, seed))
    for suffix in list_intervals(metric):
        assert f"{suffix}_high".lstrip("_") in metric.companions, f"{suffix or 'the metric'} has a lower end, but no upper one"
        assert suffix in list_claims(metric, known), f"{suffix or 'the metric'} has an interval, but its truth is not known"
    has_threshold = any(key.endswith(("threshold", "critical")) for key in metric.companions)
    assert not has_threshold or metric.rejects, "a threshold, but `rejects` does not say what it is for"
    has_claim = list_p_values(metric) or metric.rejects or list_claims(metric, null) or metric.no_worst_case
    assert has_claim, "nothing is claimed under the null"


def assert_unbiased(numbers: Mapping[str, Any]) -> None:
    """Mean over 40 draws within four standard errors, plus 1 % for what the formulas of the generators neglect."""
    for name, deviation in numbers.get("deviations", {}).items():
        allowed = 4 * deviation["error"] + 0.01 * deviation["truth"] + 1e-12
        assert abs(deviation["value"]) < allowed, f"{name}: biased by {deviation['value']:.3g}, allowed {allowed:.3g}"


def assert_covering(numbers: Mapping[str, Any]) -> None:
    """95 % of the intervals contain the truth."""
    for name, fraction in numbers.get("coverage", {}).items():
        fault = judge_fraction(fraction, 0.95, at_least=numbers["is_conservative"])
        assert not fault, f"intervals of {name} cover {fault}"


def assert_five_percent(metric: Metric, numbers: Mapping[str, Any]) -> None:
    """Each test rejects in 5 % of the draws, and is defined in nine of ten."""
    for key in [*list_p_values(metric), *(["rejects"] if metric.rejects else [])]:
        fraction = numbers.get("rejections", {}).get(key, {"n": 0})
        n = fraction["n"]
        assert n > 0.9 * numbers["draws"], f"{key} is defined in {n} of {numbers['draws']} draws under the null"
        fault = judge_fraction(fraction, 0.05, at_most=numbers["is_conservative"])
        assert not fault, f"false positives of {key}: {fault}"


@pytest.fixture
def numbers_of(evidence, request: pytest.FixtureRequest) -> Callable[[str, str, int], Mapping[str, Any]]:
    """What n draws of a metric's generator ("truth" or "null") gave."""

    def obtain(name: str, generator: str, n: int) -> Mapping[str, Any]:
        code = code_of("metric", ("metrics", name))
        seed, size = request.node.name, f"{n} draws"
        return evidence(
            draw_named, name, generator, n, seed, subject=f"metrics/{name}", code=code, size=size, rtol=1e-4, atol=1e-12
        )

    return obtain


# ---- on every file


@pytest.mark.parametrize("name", NAMES)
def test_what_is_claimed_can_be_tested(name: str, request: pytest.FixtureRequest) -> None:
    assert_declared(load(name), request.node.name)


SIZES = [pytest.param(CI, marks=pytest.mark.slow, id="ci"), pytest.param(NIGHTLY, marks=pytest.mark.nightly, id="nightly")]
WITH_INTERVAL = [name for name in NAMES if list_intervals(load(name))]
WITH_TEST = [name for name in NAMES if list_p_values(load(name)) or load(name).rejects]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name not in WITH_INTERVAL])
def test_truth_is_found_without_bias(name: str, numbers_of) -> None:
    assert_unbiased(numbers_of(name, "truth", BIAS_DRAWS))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", WITH_INTERVAL)
def test_intervals_cover(name: str, n: int, numbers_of) -> None:
    """The truth, which is found without bias, too."""
    numbers = numbers_of(name, "truth", n)
    assert_unbiased(numbers)
    assert_covering(numbers)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name not in {*WITH_INTERVAL, *WITH_TEST}])
def test_nothing_is_found_in_nothing(name: str, numbers_of) -> None:
    assert_unbiased(numbers_of(name, "null", BIAS_DRAWS))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", [name for name in WITH_INTERVAL if name not in WITH_TEST])
def test_intervals_cover_under_the_null(name: str, n: int, numbers_of, request: pytest.FixtureRequest) -> None:
    """Where the value under the null is known: an interval that excludes it is a false positive."""
    if not list_claims(load(name), load(name).null(rng_for(1, request.node.name))):
        pytest.skip("no value is claimed under the null")
    numbers = numbers_of(name, "null", n)
    assert_unbiased(numbers)
    assert_covering(numbers)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", WITH_TEST)
def test_false_positives_are_five_in_a_hundred(name: str, n: int, numbers_of) -> None:
    """Of tests, and of intervals where the value under the null is known."""
    numbers = numbers_of(name, "null", n)
    assert_unbiased(numbers)
    assert_covering(numbers)
    assert_five_percent(load(name), numbers)


# ---- and on a metric made wrong


def mean_drive(fault: str = "") -> Metric:
    """The mean of twenty Gaussian numbers (of a stimulus) with a t interval, and whether it is 0; right, or with one fault."""

    def a_truth(rng: np.random.Generator) -> Truth:
        return Truth(synthetic.activity([], 0.2, covariate=3 + rng.normal(size=20), sampling_rate=100.0), 3.0, {})

    def centred(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
        signs = rng.choice([-1.0, 1.0], activity.covariate.shape)
        around = activity.covariate.values - 3
        return activity.assign(covariate=(activity.covariate.dims, signs * around, activity.covariate.attrs))

    def drive(activity: xr.Dataset) -> dict[str, Any]:
        """Mean drive."""
        values = activity.covariate.values.ravel()
        mean, error = values.mean(), values.std(ddof=1) / np.sqrt(values.size)
        width = (1.2 if fault == "coverage" else intervals.t_quantile(0.95, values.size - 1)) * error
        p = 2 * stats.t.sf(abs(mean) / error, values.size - 1) * (0.4 if fault == "p" else 1)
        return {
            "drive": mean + (0.3 if fault == "bias" else 0),
            "drive_low": mean - width,
            "drive_high": mean + width,
            "drive_p": p,
            "drive_threshold": intervals.t_quantile(0.95, values.size - 1) * error,
            "coords": {},
        }

    null = surrogate_of(a_truth, centred, 0.0)
    factor = 0.7 if fault == "rejects" else 1.0
    return metric(
        units="1",
        dims=(),
        bounds=(-np.inf, np.inf),
        companions={key: Companion("1", key) for key in ("low", "high", "p", "threshold")},
        source="none",
        scale="linear",
        truth=a_truth if fault != "truth" else lambda rng: a_truth(rng)._replace(value=np.nan),
        surrogate=centred,
        null=null,
        rejects=None if fault == "threshold" else lambda found: abs(found.drive) > factor * found.drive_threshold,
    )(drive)


CHECKS: dict[str, Callable[[Metric, str], None]] = {
    "bias": lambda metric, seed: assert_unbiased(draw(metric, metric.truth, BIAS_DRAWS, seed)),
    "coverage": lambda metric, seed: assert_covering(draw(metric, metric.truth, CI, seed)),
    "p": lambda metric, seed: assert_five_percent(metric, draw(metric, metric.null, CI, seed)),
    "rejects": lambda metric, seed: assert_five_percent(metric, draw(metric, metric.null, CI, seed)),
    "threshold": assert_declared,
    "truth": assert_declared,
}


@pytest.mark.slow
def test_the_page_says_why_an_interval_may_be_too_wide() -> None:
    """docs/metrics.md lists each generator of which a check is one-sided, with its reason, and no other."""
    page = (Path(__file__).parents[2] / "docs/metrics.md").read_text()
    _, _, table = page.partition("| metric | why, in the truth | why, in the null |\n|---|---|---|\n")
    told = {tuple(cell.strip(" `") for cell in line.split("|")[1:-1]) for line in table.partition("\n\n")[0].splitlines()}
    known = {name: [g(rng_for(1, "page")).conservative for g in (load(name).truth, load(name).null)] for name in NAMES}
    assert told == {(name, *reasons) for name, reasons in known.items() if any(reasons)}


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS)
def test_a_check_is_failed_by_a_wrong_metric_and_by_no_right_one(check: str, request: pytest.FixtureRequest) -> None:
    CHECKS[check](mean_drive(), request.node.name)
    with pytest.raises(AssertionError):
        CHECKS[check](mean_drive(check), request.node.name)


@pytest.mark.slow
def test_the_rule_for_fractions() -> None:
    """Against the exact interval: of 500, 95 % may be 456 to 489."""
    allowed = [k for k in range(501) if not binomial_rule([True] * k + [False] * (500 - k), 0.95)]
    by_hand = [k for k in range(501) if min(stats.binom.cdf(k, 500, 0.95), stats.binom.sf(k - 1, 500, 0.95)) >= 0.0005]
    assert allowed == by_hand
    assert not binomial_rule([True] * 500, 0.95, at_least=True)
    assert not binomial_rule([False] * 500, 0.05, at_most=True)
    assert binomial_rule([True] * 500, 0.95)
    assert binomial_rule([False] * 500, 0.05)

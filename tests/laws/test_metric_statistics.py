"""Bias, coverage and false positives of every file of metrics/. A new metric is tested by being there.

Draws are seeded from the test's name. CI draws 500 times, `nightly` 2000 times; all checks of a generator share its draws.
Each check is shown to fail on a metric made wrong.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from binomial import binomial_rule
from scipy import stats

from homeoanalysis import catalogue
from homeoanalysis.metric import Companion, Generate, Metric, Truth, metric, surrogate_of
from homeoanalysis.numerics import intervals, synthetic
from homeoanalysis.provenance import rng_for

NAMES = catalogue.names("metrics")
CI, NIGHTLY = 500, 2000
BIAS_DRAWS = 40


def load(name: str) -> Metric:
    thing: Metric = catalogue.load("metrics", name)
    return thing


def with_interval(metric: Metric) -> list[str]:
    """The quantities that have an interval, by suffix; "" is the metric itself."""
    return [key.removesuffix("low").removesuffix("_") for key in metric.companions if key == "low" or key.endswith("_low")]


def with_p(metric: Metric) -> list[str]:
    return [key for key in metric.companions if key == "p" or key.endswith("_p")]


def with_threshold(metric: Metric) -> list[str]:
    return [key for key in metric.companions if key.endswith(("threshold", "critical"))]


def variable(metric: Metric, suffix: str) -> str:
    return f"{metric.name}_{suffix}" if suffix else metric.name


def claimed(metric: Metric, known: Truth) -> dict[str, Any]:
    """The quantities whose value is claimed, by suffix."""
    every = {"": known.value, **known.companions}
    return {key: value for key, value in every.items() if np.isfinite(np.asarray(value, float)).any()}


def drawn(metric: Metric, generate: Generate, n: int, seed: str) -> Iterator[tuple[Truth, xr.Dataset]]:
    """Activities, and what is measured in them."""
    for draw in range(n):
        known = generate(rng_for(1, seed, draw))
        yield known, metric(known.activity, **known.parameters)


def one(values: np.ndarray, at: int) -> Any:
    """One value of a draw: draws are independent, the values within one are not."""
    return values.ravel()[at % values.size]


# ---- the checks


def is_declared(metric: Metric, seed: str) -> None:
    """Whatever has an interval, a p-value or a threshold can be tested, and something is claimed under the null."""
    known, null = metric.truth(rng_for(1, seed)), metric.null(rng_for(1, seed))
    for suffix in with_interval(metric):
        assert f"{suffix}_high".lstrip("_") in metric.companions, f"{suffix or 'the metric'} has a lower end, but no upper one"
        assert suffix in claimed(metric, known), f"{suffix or 'the metric'} has an interval, but its truth is not known"
    assert not with_threshold(metric) or metric.rejects, "a threshold, but `rejects` does not say what it is for"
    assert with_p(metric) or metric.rejects or claimed(metric, null) or metric.no_worst_case, "nothing is claimed under the null"


class Unbiased:
    """Mean over 40 draws within four standard errors, plus 1 % for what the formulas of the generators neglect."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.deviations: dict[str, list[float]] = {}
        self.sizes: dict[str, float] = {}

    def take(self, draw: int, known: Truth, found: xr.Dataset) -> None:
        if draw >= BIAS_DRAWS:
            return
        for suffix, value in claimed(self.metric, known).items():
            measured = found[variable(self.metric, suffix)].values
            expected = np.broadcast_to(np.asarray(value, float), measured.shape)
            self.deviations.setdefault(suffix, []).append(float(np.nanmean(measured - expected)))
            self.sizes[suffix] = float(np.nanmean(np.abs(expected)))

    def judge(self) -> None:
        for suffix, each in self.deviations.items():
            allowed = 4 * stats.sem(each) + 0.01 * self.sizes[suffix] + 1e-12
            assert abs(np.mean(each)) < allowed, f"{suffix}: biased by {np.mean(each):.3g}, allowed {allowed:.3g}"


class Covering:
    """The fraction of 95 % intervals that contain the truth, for each quantity that has one. No interval contains nothing."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.inside: dict[str, list[bool]] = {}
        self.is_conservative = False

    def take(self, draw: int, known: Truth, found: xr.Dataset) -> None:
        self.is_conservative = bool(known.conservative)
        for suffix in set(with_interval(self.metric)) & set(claimed(self.metric, known)):
            low, high = (found[variable(self.metric, f"{suffix}_{side}".lstrip("_"))].values for side in ("low", "high"))
            expected = np.broadcast_to(np.asarray(claimed(self.metric, known)[suffix], float), low.shape)
            known_at = np.isfinite(expected)
            a, x, b = (one(values[known_at], draw) for values in (low, expected, high))
            self.inside.setdefault(suffix, []).append(bool(a <= x <= b))

    def judge(self) -> None:
        for suffix, hits in self.inside.items():
            fault = binomial_rule(hits, 0.95, at_least=self.is_conservative)
            assert not fault, f"intervals of {suffix or self.metric.name} cover {fault}"


class Levelled:
    """The fraction of false positives at 5 %, for each p-value and threshold; those of intervals are found by `Covering`."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.rejected: dict[str, list[bool]] = {}
        self.n = 0
        self.is_conservative = False

    def take(self, draw: int, known: Truth, found: xr.Dataset) -> None:
        self.is_conservative = bool(known.conservative)
        self.n += 1
        p = {key: found[variable(self.metric, key)].values for key in with_p(self.metric)}
        tests = {key: np.where(np.isnan(value), np.nan, value <= 0.05) for key, value in p.items()}
        if self.metric.rejects:
            tests["rejects"] = np.asarray(self.metric.rejects(found), float)
        for key, test in tests.items():
            decided = test[np.isfinite(test)]
            if decided.size:
                self.rejected.setdefault(key, []).append(bool(one(decided, draw)))

    def judge(self) -> None:
        for key in [*with_p(self.metric), *(["rejects"] if self.metric.rejects else [])]:
            hits = self.rejected.get(key, [])
            assert len(hits) > 0.9 * self.n, f"{key} is defined in {len(hits)} of {self.n} draws under the null"
            fault = binomial_rule(hits, 0.05, at_most=self.is_conservative)
            assert not fault, f"false positives of {key}: {fault}"


def judge(metric: Metric, generate: Generate, n: int, seed: str, *checks: type[Unbiased | Covering | Levelled]) -> None:
    """All checks of the same draws: to make and measure them is what takes the time."""
    open_checks = [check(metric) for check in checks]
    for draw, (known, found) in enumerate(drawn(metric, generate, n, seed)):
        for check in open_checks:
            check.take(draw, known, found)
    for check in open_checks:
        check.judge()


# ---- on every file


@pytest.mark.parametrize("name", NAMES)
def test_what_is_claimed_can_be_tested(name: str, request: pytest.FixtureRequest) -> None:
    is_declared(load(name), request.node.name)


SIZES = [pytest.param(CI, marks=pytest.mark.slow, id="ci"), pytest.param(NIGHTLY, marks=pytest.mark.nightly, id="nightly")]
WITH_INTERVAL = [name for name in NAMES if with_interval(load(name))]
WITH_TEST = [name for name in NAMES if with_p(load(name)) or load(name).rejects]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name not in WITH_INTERVAL])
def test_truth_is_found_without_bias(name: str, request: pytest.FixtureRequest) -> None:
    judge(load(name), load(name).truth, BIAS_DRAWS, request.node.name, Unbiased)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", WITH_INTERVAL)
def test_intervals_cover(name: str, n: int, request: pytest.FixtureRequest) -> None:
    """The truth, which is found without bias, too."""
    judge(load(name), load(name).truth, n, request.node.name, Unbiased, Covering)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name not in {*WITH_INTERVAL, *WITH_TEST}])
def test_nothing_is_found_in_nothing(name: str, request: pytest.FixtureRequest) -> None:
    judge(load(name), load(name).null, BIAS_DRAWS, request.node.name, Unbiased)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", [name for name in WITH_INTERVAL if name not in WITH_TEST])
def test_intervals_cover_under_the_null(name: str, n: int, request: pytest.FixtureRequest) -> None:
    """Where the value under the null is known: an interval that excludes it is a false positive."""
    if not claimed(load(name), load(name).null(rng_for(1, request.node.name))):
        pytest.skip("no value is claimed under the null")
    judge(load(name), load(name).null, n, request.node.name, Unbiased, Covering)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", WITH_TEST)
def test_false_positives_are_five_in_a_hundred(name: str, n: int, request: pytest.FixtureRequest) -> None:
    """Of tests, and of intervals where the value under the null is known."""
    judge(load(name), load(name).null, n, request.node.name, Unbiased, Covering, Levelled)


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
    "bias": lambda metric, seed: judge(metric, metric.truth, BIAS_DRAWS, seed, Unbiased),
    "coverage": lambda metric, seed: judge(metric, metric.truth, CI, seed, Covering),
    "p": lambda metric, seed: judge(metric, metric.null, CI, seed, Levelled),
    "rejects": lambda metric, seed: judge(metric, metric.null, CI, seed, Levelled),
    "threshold": is_declared,
    "truth": is_declared,
}


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

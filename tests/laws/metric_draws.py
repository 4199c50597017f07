"""Repeated draws of a metric's generator of known truth or of its null: what came out, as numbers.

The criteria that the numbers are held against are in test_metric_statistics.py.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from binomial import describe_fraction
from scipy import stats

from homeoanalysis import catalogue
from homeoanalysis.metric import Generate, Metric, Truth
from homeoanalysis.provenance import rng_for

BIAS_DRAWS = 40


def load(name: str) -> Metric:
    """The metric of that name."""
    metric: Metric = catalogue.load("metrics", name)
    return metric


def list_intervals(metric: Metric) -> list[str]:
    """The quantities that have an interval, by suffix; "" is the metric itself."""
    return [key.removesuffix("low").removesuffix("_") for key in metric.companions if key == "low" or key.endswith("_low")]


def list_p_values(metric: Metric) -> list[str]:
    """The companions that are p-values."""
    return [key for key in metric.companions if key == "p" or key.endswith("_p")]


def name_variable(metric: Metric, suffix: str) -> str:
    """The variable of a quantity."""
    return f"{metric.name}_{suffix}" if suffix else metric.name


def list_claims(metric: Metric, known: Truth) -> dict[str, Any]:
    """The quantities whose value is claimed, by suffix."""
    every = {"": known.value, **known.companions}
    return {key: value for key, value in every.items() if np.isfinite(np.asarray(value, float)).any()}


def draw(metric: Metric, generate: Generate, n: int, seed: str) -> dict[str, Any]:
    """What n activities of a generator gave: deviations from the truth, coverage of intervals, and rejections by tests.

    The deviations are of the first 40 draws.
    """
    deviations, coverage, rejections = Deviations(metric), Coverage(metric), Rejections(metric)
    is_conservative = False
    for number in range(n):
        known = generate(rng_for(1, seed, number))
        result = metric(known.activity, **known.parameters)
        is_conservative = bool(known.conservative)
        if number < BIAS_DRAWS:
            deviations.add(known, result)
        coverage.add(number, known, result)
        rejections.add(number, result)
    numbers = {"deviations": deviations.describe(), "coverage": coverage.describe(), "rejections": rejections.describe()}
    return {"draws": n, "is_conservative": is_conservative, **{key: value for key, value in numbers.items() if value}}


def draw_named(name: str, generator: str, n: int, seed: str) -> dict[str, Any]:
    """The same of a metric of the catalogue; generator: "truth" or "null"."""
    return draw(load(name), getattr(load(name), generator), n, seed)


class Deviations:
    """By how much the mean over a draw's values misses the truth."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.deviations: dict[str, list[float]] = {}
        self.sizes: dict[str, float] = {}

    def add(self, known: Truth, result: xr.Dataset) -> None:
        """One draw."""
        for suffix, value in list_claims(self.metric, known).items():
            variable = name_variable(self.metric, suffix)
            measured = result[variable].values
            expected = np.broadcast_to(np.asarray(value, float), measured.shape)
            self.deviations.setdefault(variable, []).append(float(np.nanmean(measured - expected)))
            self.sizes[variable] = float(np.nanmean(np.abs(expected)))

    def describe(self) -> dict[str, Mapping[str, float]]:
        """Variable -> mean deviation, its standard error, the number of draws, and the size of the truth."""
        return {
            variable: {"value": np.mean(values), "error": stats.sem(values), "n": len(values), "truth": self.sizes[variable]}
            for variable, values in self.deviations.items()
        }


class Coverage:
    """How many 95 % intervals contain the truth. An interval without ends contains nothing."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.inside: dict[str, list[bool]] = {}

    def add(self, number: int, known: Truth, result: xr.Dataset) -> None:
        """One value of a draw: draws are independent, the values within one are not."""
        claims = list_claims(self.metric, known)
        for suffix in [s for s in list_intervals(self.metric) if s in claims]:
            low, high = (result[name_variable(self.metric, f"{suffix}_{side}".lstrip("_"))].values for side in ("low", "high"))
            expected = np.broadcast_to(np.asarray(claims[suffix], float), low.shape)
            is_claimed = np.isfinite(expected)
            a, x, b = (_pick(values[is_claimed], number) for values in (low, expected, high))
            self.inside.setdefault(name_variable(self.metric, suffix), []).append(bool(a <= x <= b))

    def describe(self) -> dict[str, Any]:
        """Variable -> fraction of intervals that contain the truth."""
        return {variable: describe_fraction(hits) for variable, hits in self.inside.items()}


class Rejections:
    """How many tests reject at 5 %: those with a p-value, and those with a threshold."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.rejected: dict[str, list[bool]] = {}

    def add(self, number: int, result: xr.Dataset) -> None:
        """One value of a draw, of those where the test is defined."""
        p = {key: result[name_variable(self.metric, key)].values for key in list_p_values(self.metric)}
        tests = {key: np.where(np.isnan(value), np.nan, value <= 0.05) for key, value in p.items()}
        if self.metric.rejects:
            tests["rejects"] = np.asarray(self.metric.rejects(result), float)
        for key, test in tests.items():
            decided = test[np.isfinite(test)]
            if decided.size:
                self.rejected.setdefault(key, []).append(bool(_pick(decided, number)))

    def describe(self) -> dict[str, Any]:
        """Test -> fraction of draws that it rejects in."""
        return {key: describe_fraction(hits) for key, hits in self.rejected.items()}


def _pick(values: np.ndarray, number: int) -> Any:
    return values.ravel()[number % values.size]

"""The rule by which fractions of repeated experiments are judged."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats


def describe_fraction(hits: Sequence[bool]) -> dict[str, Any]:
    """The observed fraction, the number of experiments, and the exact 99.9 % binomial interval."""
    n, successes = len(hits), int(np.sum(hits))
    interval = stats.binomtest(successes, n).proportion_ci(0.999, method="exact")
    return {"value": successes / n, "n": n, "low": interval.low, "high": interval.high}


def judge_fraction(fraction: Mapping[str, Any], nominal: float, *, at_least: bool = False, at_most: bool = False) -> str:
    """What is wrong with a described fraction, "" if nothing is.

    The interval must contain the nominal fraction; `at_least`, `at_most`: the fraction may also be above or below it.
    """
    low, high = (0.0 if at_least else fraction["low"]), (1.0 if at_most else fraction["high"])
    if low <= nominal <= high:
        return ""
    interval = f"{fraction['low']:.4f} to {fraction['high']:.4f}"
    return f"{fraction['value']:.4f} of {fraction['n']}, not {nominal:g}; 99.9 % interval {interval}"


def binomial_rule(hits: Sequence[bool], nominal: float, *, at_least: bool = False, at_most: bool = False) -> str:
    """What is wrong with the fraction of hits, "" if nothing is."""
    return judge_fraction(describe_fraction(hits), nominal, at_least=at_least, at_most=at_most)

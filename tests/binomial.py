"""The rule by which fractions of repeated experiments are judged."""

from collections.abc import Sequence

import numpy as np
from scipy import stats


def binomial_rule(hits: Sequence[bool], nominal: float, *, at_least: bool = False, at_most: bool = False) -> str:
    """What is wrong with the fraction of hits, "" if nothing is.

    The exact 99.9 % binomial interval of the observed fraction must contain the nominal one; `at_least`, `at_most`: the
    fraction may also be above or below it.
    """
    n, interval = len(hits), stats.binomtest(int(np.sum(hits)), len(hits)).proportion_ci(0.999, method="exact")
    low, high = (0.0 if at_least else interval.low), (1.0 if at_most else interval.high)
    return "" if low <= nominal <= high else f"{np.mean(hits):.4f} of {n}, not {nominal:g}; 99.9 % interval {interval}"

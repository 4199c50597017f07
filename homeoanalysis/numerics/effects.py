"""Effect sizes between two groups of subjects, with intervals by the hierarchical bootstrap."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.numerics.hierarchical import bootstrap
from homeoanalysis.numerics.intervals import t_quantile

Floats = NDArray[np.float64]
Subjects = Sequence[Floats]  # (unit,) of each


class Effect(NamedTuple):
    """An effect size and its 95 % interval; NaN where it is not known."""

    value: float
    low: float
    high: float


def hedges_g(first: Subjects, second: Subjects) -> Effect:
    """The difference of the means (second less first) in pooled standard deviations of subjects, without small-sample bias.

    g = J (m2 - m1) / s with J = 1 - 3 / (4 df - 1), df = n1 + n2 - 2. The interval holds the effects d that g is not far from,
    (g - d)^2 <= t^2 J^2 error^2 / s^2 + z^2 d^2 / (2 df of s): with the bootstrap's standard error of the difference at Welch's
    degrees of freedom, and how well s is known. It covers 94 to 96 %; 92 % where 4 and 4 subjects are spread unlike and d is 3.
    Source: Hedges 1981, J Educ Stat 6:107-128, doi:10.3102/10769986006002107.
    """
    nothing = Effect(np.nan, np.nan, np.nan)
    value = standardised(first, second)
    if not np.isfinite(value):
        return nothing
    degrees, variances = _variances(first, second)
    square = degrees @ variances / degrees.sum()
    correction = _correction(degrees.sum())
    each = [bootstrap([s[:, None] for s in group]) for group in (first, second)]
    errors, df = np.array([[e.error**2 / square, e.df] for e in each]).T
    known = (degrees @ variances) ** 2 / (degrees @ variances**2)  # degrees of freedom of s (Satterthwaite)
    share = 1 - t_quantile(0.95, np.inf) ** 2 / (2 * known)  # above 0 where each group has 4 subjects
    if not np.isfinite(errors).all() or share <= 0:
        return nothing._replace(value=value)
    error = (t_quantile(0.95, _welch(errors, df)) * correction) ** 2 * errors.sum()
    width = np.sqrt(value**2 - share * (value**2 - error))
    return Effect(value, (value - width) / share, (value + width) / share)


def standardised(first: Subjects, second: Subjects) -> float:
    """Hedges g alone; NaN with fewer than two subjects in either group, or without any spread."""
    degrees, variances = _variances(first, second)
    if degrees.min() < 1 or not degrees @ variances > 0:
        return np.nan
    difference = _grand(second) - _grand(first)
    return float(_correction(degrees.sum()) * difference / np.sqrt(degrees @ variances / degrees.sum()))


def _grand(subjects: Subjects) -> float:
    return float(np.mean([s.mean() for s in subjects]))


def _variances(first: Subjects, second: Subjects) -> tuple[Floats, Floats]:
    """Degrees of freedom and variance over the subjects of each group; 0 for a single subject."""
    means = [np.array([s.mean() for s in group]) for group in (first, second)]
    degrees = np.array([m.size - 1 for m in means], float)
    return degrees, np.array([m.var(ddof=1) if m.size > 1 else 0.0 for m in means])


def _correction(df: float) -> float:
    return float(1 - 3 / (4 * df - 1))


def _welch(errors: Floats, df: Floats) -> float:
    """Of a sum with these squared standard errors; any number will do where there is no error at all."""
    return float(errors.sum() ** 2 / np.sum(errors**2 / df)) if errors.sum() > 0 else 1e6

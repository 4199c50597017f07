"""Confidence intervals of counts and of ratios."""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.provenance import rng_for

Floats = NDArray[np.float64]


def count_interval(count: NDArray[Any], time: Floats, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Interval of a rate from counts in batches and their observed time [s], (..., batch) -> (...) [Hz].

    Of one batch it is Garwood's, exact for a Poisson count. Of several it is Garwood's for clumps of `phi` spikes, phi the
    dispersion of the batches (Pearson), and as much wider as Student's t is, since phi comes from few of them. So it is right
    whatever depends on what within a batch. No total is known better than to one spike. NaN where nothing was observed.
    Source: Garwood 1936, doi:10.2307/2333958; dispersion: McCullagh & Nelder 1989, section 6.2.3, ISBN 0-412-31760-5.
    """
    from scipy import special

    total, seen = count.sum(axis=-1), time.sum(axis=-1)
    df = np.maximum((time > 0).sum(axis=-1) - 1, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = (total / seen)[..., None] * time
        squares = np.where(time > 0, (count - expected) ** 2 / expected, 0.0).sum(axis=-1)
        is_told = (total > 0) & ((time > 0).sum(axis=-1) > 1)
        phi = np.where(is_told, np.maximum(squares / df, 1 / total), 1.0)
        tail = np.where(is_told, special.ndtr(-special.stdtrit(df, (1 + confidence) / 2)), (1 - confidence) / 2)
        low = np.where(total > 0, phi * special.gammaincinv(np.where(total > 0, total / phi, 1.0), tail), 0.0) / seen
        high = phi * special.gammaincinv(total / phi + 1, 1 - tail) / seen
    return np.asarray(np.where(seen > 0, low, np.nan)), np.asarray(np.where(seen > 0, high, np.nan))


def overdispersed_count_interval(
    count: NDArray[Any], time: Floats, dispersion: Floats, df: Floats, confidence: float = 0.95
) -> tuple[Floats, Floats]:
    """Interval of a rate from counts whose variance is `dispersion` times their mean, known with `df` degrees of freedom.

    Arrays (...) of one shape -> (...) [Hz]. Garwood's for clumps of `dispersion` spikes, as much wider as Student's t is; no
    total is known better than to one spike. A count of 0 is taken as Poisson. NaN where nothing was observed.
    """
    from scipy import special

    with np.errstate(invalid="ignore", divide="ignore"):
        is_told = count > 0
        clump = np.where(is_told, np.maximum(dispersion, 1 / count), 1.0)
        outside = (1 - confidence) / 2
        tail = np.where(is_told, special.ndtr(-special.stdtrit(df, 1 - outside)), outside)
        low = np.where(is_told, clump * special.gammaincinv(np.where(is_told, count / clump, 1.0), tail), 0.0) / time
        high = clump * special.gammaincinv(count / clump + 1, 1 - tail) / time
    return np.asarray(np.where(time > 0, low, np.nan)), np.asarray(np.where(time > 0, high, np.nan))


def t_quantile(confidence: float, df: float) -> float:
    """Half-width, in standard errors, of a two-sided t interval."""
    from scipy import special

    return float(special.stdtrit(df, 0.5 + confidence / 2))


def mean_interval(values: Floats, confidence: float = 0.95) -> tuple[float, float]:
    """t interval of the mean of two values or more."""
    width = t_quantile(confidence, values.size - 1) * values.std(ddof=1) / np.sqrt(values.size)
    return float(values.mean() - width), float(values.mean() + width)


def median_interval(values: Floats, batches: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of the median of values (time) that depend on those near: the quantiles between which a half of all may lie.

    How well a half is known is what successive batches say, in each of which another share lies below the median.
    """
    share = np.array([batch.mean() for batch in np.array_split(values <= np.median(values), batches)])
    width = t_quantile(confidence, batches - 1) * share.std(ddof=1) / np.sqrt(batches)
    low, high = np.quantile(values, [max(0.5 - width, 0.0), min(0.5 + width, 1.0)])
    return float(low), float(high)


@cache
def resamples(n: int, draws: int) -> Floats:
    """How often each of n units stands in each bootstrap sample (draw, unit); always the same numbers."""
    rng = rng_for(0, "bootstrap", n, draws)
    return rng.multinomial(n, np.full(n, 1 / n), size=draws).astype(float)


# Where nearly all of them do, so does the interval of their quantiles.
NOT_INSIDE = "bootstrap samples may lie to one side of the estimate"


def bca_interval(columns: Floats, statistic, confidence: float = 0.95, draws: int = 2000) -> tuple[float, float]:  # type: ignore[no-untyped-def]
    """Bias-corrected and accelerated bootstrap interval of a function of column means.

    columns: (unit, column); statistic: (..., column) -> (...). NaN below 4 units. Quantiles are expanded for n units: as far out
    as Student's t, and for resamples, which vary less than samples by (n - 1) / n; else 93 to 94 % cover with 40 units.
    Source: Efron 1987, doi:10.2307/2289144; expanded: Hesterberg 2015, doi:10.1080/00031305.2015.1089789.
    """
    n = columns.shape[0]
    if n < 4:
        return np.nan, np.nan
    columns = columns[np.lexsort(columns.T)]  # the same interval whatever the order of units
    estimate = statistic(columns.mean(axis=0))
    boot = statistic(resamples(n, draws) @ columns / n)
    return _bca(estimate, boot, statistic((columns.sum(axis=0) - columns) / (n - 1)), expanded(n, confidence))


def expanded(n: int, confidence: float = 0.95) -> float:
    """How many standard deviations the bootstrap interval of n units goes out (Hesterberg 2015)."""
    return float(np.sqrt(n / (n - 1)) * t_quantile(confidence, n - 1))


def _bca(estimate: float, boot: Floats, left_out: Floats, width: float) -> tuple[float, float]:
    """From the estimate, its bootstrap draws, and the estimates without one unit each; `width` in standard deviations."""
    from scipy import special

    boot, draws = boot[np.isfinite(boot)], boot.size
    if boot.size < draws / 2 or not np.isfinite(left_out).all():
        return np.nan, np.nan
    below = np.clip(np.mean(boot < estimate), 1 / draws, 1 - 1 / draws)
    skew = left_out.mean() - left_out
    spread = np.sum(skew**2) ** 1.5
    acceleration = np.sum(skew**3) / (6 * spread) if spread > 0 else 0.0
    z0 = special.ndtri(below)
    z = z0 + np.array([-width, width])
    low, high = np.quantile(boot, special.ndtr(z0 + z / (1 - acceleration * z)))
    return float(low), float(high)


@cache
def chosen_units(n: int, draws: int) -> NDArray[np.intp]:
    """Which of n units stand in each bootstrap sample (draw, unit); always the same."""
    return rng_for(0, "chosen units", n, draws).integers(0, n, (draws, n))


def bca_of_units(sample: Floats, statistic: Any, confidence: float = 0.95, draws: int = 1000) -> tuple[float, float]:
    """As `bca_interval`, of any function of units: (..., unit) -> (...), called with (..., draw, unit). NaN below 4 units.

    Not expanded: a statistic that is no function of means, as a rank, varies more in resamples, which hold units twice.
    """
    n = sample.shape[-1]
    if n < 4:
        return np.nan, np.nan
    sample = sample[..., np.lexsort(sample.reshape(-1, n))]  # the same interval whatever the order of units
    left_out = sample[..., np.array([np.delete(np.arange(n), k) for k in range(n)])]
    boot = statistic(sample[..., chosen_units(n, draws)])
    return _bca(float(statistic(sample)), boot, statistic(left_out), t_quantile(confidence, np.inf))


Ends = tuple[float, float, float]  # a value, and its interval


def difference_interval(first: Ends, second: Ends) -> tuple[float, float]:
    """Of the second value less the first, two independent ones: the squares of the distances to the ends add up.

    Source: Zou & Donner 2008, doi:10.1002/sim.3095 (MOVER); of shares with Wilson's intervals it is Newcombe's (1998, method 10).
    """
    (x, x_low, x_high), (y, y_low, y_high) = first, second
    return float(y - x - np.hypot(y - y_low, x_high - x)), float(y - x + np.hypot(y_high - y, x - x_low))


def ratio_interval(first: Ends, second: Ends) -> tuple[float, float]:
    """Of the second value over the first, two independent ones; NaN where the interval of the first holds 0.

    Of normal intervals it is Fieller's. Source: Donner & Zou 2012, doi:10.1177/0962280210383082.
    """
    (x, x_low, x_high), (y, y_low, y_high) = first, second
    if not (x_low > 0 or x_high < 0):
        return np.nan, np.nan
    ends = []
    for side, end, other in ((-1.0, y_low, x_high), (1.0, y_high, x_low)):
        root = np.sqrt(max((x * y) ** 2 - end * other * (2 * y - end) * (2 * x - other), 0.0))
        ends.append(float((x * y + side * root) / (other * (2 * x - other))))
    return min(ends), max(ends)


def correlated_ratio_interval(
    first: tuple[float, float], second: tuple[float, float], covariance: float, df: float
) -> tuple[float, float]:
    """Fieller's of the second value over the first, each (value, variance); NaN where the first is not told from 0.

    Source: Fieller 1954, doi:10.1111/j.2517-6161.1954.tb00159.x.
    """
    (x, x_variance), (y, y_variance) = first, second
    t = t_quantile(0.95, df) ** 2
    a, b, c = x**2 - t * x_variance, x * y - t * covariance, y**2 - t * y_variance
    if a <= 0:
        return np.nan, np.nan
    width = np.sqrt(max(b**2 - a * c, 0.0))
    return float((b - width) / a), float((b + width) / a)

"""Correlations of the counts of units over trials: of what stimuli evoke, and of what varies beside them. (trial, unit)."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.errors import DataError
from homeoanalysis.numerics import population_trials
from homeoanalysis.numerics.intervals import t_quantile
from homeoanalysis.numerics.population_trials import Population

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]
OUTLIER = 3.0  # standard deviations
_STEP = 0.2  # of that limit, over which the slope of a correlation is taken
GROUPS = 20  # of successive trials, that the jackknife leaves out
_ROUNDS = 3  # of the running mean and the means of stimuli; more change the correlation by less than 0.0002


def residuals(count: Floats, stimulus: Labels) -> Floats:
    """What is beside the mean of a unit's stimulus, in units of its spread; NaN where that is 0."""
    found = np.full(count.shape, np.nan)
    for k in np.unique(stimulus):
        mine = count[stimulus == k]
        with np.errstate(invalid="ignore", divide="ignore"):
            found[stimulus == k] = (mine - mine.mean(axis=0)) / mine.std(axis=0, ddof=1)
    found[~np.isfinite(found)] = np.nan
    return found


def detrended(z: Floats, stimulus: Labels, width: int) -> Floats:
    """Less the running mean of `width` trials, fewer at the ends, and the means of stimuli, fitted together.

    The mean of few trials of a stimulus holds a part of the drift. Fitted before the running mean, it leaves that part in.
    """
    effect = np.zeros(z.shape)
    for _ in range(_ROUNDS):
        slow = _running_mean(z - effect, width)
        effect = _mean_of_stimulus(z - slow, stimulus)
    return np.asarray(z - effect - slow)


def _running_mean(z: Floats, width: int) -> Floats:
    """Without outliers: they would be in all trials around them, in all units that an artefact reaches."""
    known, half = np.abs(z) <= OUTLIER, int(width) // 2
    total, n = (np.concatenate([np.zeros((1, z.shape[1])), np.cumsum(x, axis=0)]) for x in (np.where(known, z, 0.0), known))
    at = np.arange(z.shape[0])
    low, high = np.maximum(at - half, 0), np.minimum(at + half + 1, z.shape[0])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((total[high] - total[low]) / (n[high] - n[low]))


def _mean_of_stimulus(z: Floats, stimulus: Labels) -> Floats:
    found = np.zeros(z.shape)
    for k in np.unique(stimulus):
        mine = z[stimulus == k]
        with np.errstate(invalid="ignore", divide="ignore"):
            found[stimulus == k] = np.nansum(mine, axis=0) / np.isfinite(mine).sum(axis=0)
    return found


def drift_left(z: Floats, width: int) -> float:
    """The correlation of two units that a shared drift leaves after `detrended`, mean over pairs.

    z: (trial, unit), with the drift. Units of successive trials share no noise, so that correlations across trials are those
    of the drift. How fast these fall from trial to trial tells what the running mean cannot take. The factor is that of a
    random walk.
    """
    width = 2 * (int(width) // 2) + 1
    z = np.where(np.abs(z) <= OUTLIER, z, 0.0)  # False for NaN
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.nan_to_num(z / np.sqrt((z**2).mean(axis=0)))
    units, together = z.shape[1], z.sum(axis=1)

    def across(lag: int) -> float:
        of_all, alone = together[:-lag] * together[lag:], (z[:-lag] * z[lag:]).sum(axis=1)
        return float((of_all - alone).mean() / (units * (units - 1)))

    fall = (across(1) + across(2) - across(width - 1) - across(width)) / 2 / (width - 2)
    return max(fall * (width + 1) / 6, 0.0)


def mean_of_pairs(z: Floats, groups: int) -> tuple[float, Floats]:
    """Mean correlation of two units, and what it is without each group of successive trials.

    Values beyond 3 standard deviations are left out, which takes 2.4 % of a correlation of 0.3 of Gaussian numbers, and 2.7 % of
    small ones. NaN where no pair varies.
    """
    value, left_out = mean_in_bins(z, groups, np.zeros((z.shape[1], z.shape[1]), np.intp), 1)
    return float(value[0]), left_out[:, 0]


def mean_in_bins(z: Floats, groups: int, kind: Labels, n_kinds: int) -> tuple[Floats, Floats]:
    """(kind): as `mean_of_pairs` of the pairs of each kind (unit, unit), -1 for none; and without each group (group, kind).

    Without a group the limit of outliers is another one: that counts by the slope of the correlation over the limit, since hardly
    any trial lies between the two. Intervals that keep the limit are 4 to 6 % too narrow at correlations of 0.3 to 0.5.
    """
    group = np.arange(z.shape[0]) * groups // z.shape[0]
    known = np.isfinite(z)
    z = np.where(known, z, 0.0)
    squares, n = (np.stack([x[group == g].sum(axis=0) for g in range(groups)]) for x in (z**2, known))
    with np.errstate(invalid="ignore", divide="ignore"):
        width = np.sqrt(squares.sum(axis=0) / n.sum(axis=0))
        wider = np.log(np.sqrt((squares.sum(axis=0) - squares) / (n.sum(axis=0) - n)) / width)

    def within(factor: float) -> NDArray[np.bool_]:
        with np.errstate(invalid="ignore"):
            return known & (np.abs(z) <= factor * OUTLIER * width)

    kept = within(1.0)
    moments = np.stack([_moments(z[group == g], kept[group == g]) for g in range(groups)])
    whole = moments.sum(axis=0)
    narrow, wide = (_correlation(_moments(z, within(factor))) for factor in (1 - _STEP, 1 + _STEP))
    slope = np.nan_to_num((wide - narrow) / np.log((1 + _STEP) / (1 - _STEP)) / 2)  # of each of the two units
    left_out = [_correlation(whole - one) + slope * (w[:, None] + w) for one, w in zip(moments, wider, strict=True)]
    return _mean_of_kinds(_correlation(whole), kind, n_kinds), np.array([_mean_of_kinds(r, kind, n_kinds) for r in left_out])


def _moments(x: Floats, kept: NDArray[np.bool_]) -> Floats:
    """(5, unit, unit) over trials in which both count: how many, sums of the first, of the second, of product, of square."""
    seen = kept.astype(float)
    x = x * seen
    return np.stack([seen.T @ seen, x.T @ seen, seen.T @ x, x.T @ x, (x**2).T @ seen])


def _correlation(moments: Floats) -> Floats:
    """(unit, unit)"""
    with np.errstate(invalid="ignore", divide="ignore"):
        n, first, second, product, square = moments
        variance = square / n - (first / n) ** 2
        return np.asarray((product / n - first * second / n**2) / np.sqrt(variance * variance.T))


def _mean_of_kinds(correlation: Floats, kind: Labels, n_kinds: int) -> Floats:
    upper = np.triu_indices(len(correlation), 1)
    pairs, of = correlation[upper], kind[upper]
    kept = np.isfinite(pairs) & (of >= 0)
    total, number = (np.bincount(of[kept], w, minlength=n_kinds) for w in (pairs[kept], None))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(total / number)


def jackknife_ends(value: Floats, left_out: Floats) -> tuple[Floats, Floats]:
    """95 % interval of values (...) from what they are without each group (group, ...) of trials."""
    groups = len(left_out)
    width = t_quantile(0.95, groups - 1) * np.sqrt((groups - 1) * left_out.var(axis=0))
    return value - width, value + width


def signal(count: Floats, stimulus: Labels) -> float:
    """Mean covariance of what stimuli evoke in two units, over its mean variance, of units scaled to unit variance.

    What the noise of few trials adds is subtracted from both. NaN where stimuli evoke nothing.
    """
    size = count.std(axis=0)
    z = count[:, size > 0] / size[size > 0]
    pooled = np.concatenate([z, z.sum(axis=1, keepdims=True)], axis=1)
    variance = signal_variance(pooled, stimulus)
    own, units = variance[:-1].sum(), z.shape[1]
    return float((variance[-1] - own) / (own * (units - 1))) if own > 0 and units > 1 else np.nan


def signal_variance(count: Floats, stimulus: Labels) -> Floats:
    """Variance over stimuli of a unit's expected count (divisor stimuli - 1): that of the means, less what noise adds."""
    each = [count[stimulus == k] for k in np.unique(stimulus)]
    noise = np.mean([x.var(axis=0, ddof=1) / len(x) for x in each], axis=0)
    return np.asarray(np.var([x.mean(axis=0) for x in each], axis=0, ddof=1) - noise)


class Profile(NamedTuple):
    """(epoch, bin): noise correlation of the pairs in each bin less slow drift, its interval, both with drift, and the pairs."""

    value: Floats
    low: Floats
    high: Floats
    with_drift: Floats
    with_drift_low: Floats
    with_drift_high: Floats
    pairs: Floats


def profile(
    populations: Mapping[str, Population], edges: Sequence[float], drift: int, of_pairs: Callable[[Floats, Labels], Floats]
) -> Profile:
    """Noise correlation in bins of a quantity of pairs. of_pairs: counts (trial, unit), index of the units -> (unit, unit).

    A pair on an edge belongs to the later bin (rounding apart), on the last edge to none. Raises DataError if edges do not
    rise.
    """
    if np.any(np.diff(edges) <= 0):
        raise DataError(f"edges are {', '.join(f'{e:g}' for e in edges)}; let each be larger than the one before")
    n = len(edges) - 1
    found = Profile(*np.full((len(Profile._fields), len(populations), n), np.nan))
    for e, one in enumerate(populations.values()):
        count = one.spikes.sum(axis=2).astype(float)
        varies = np.ptp(count, axis=0) > 0 if count.size else np.zeros(count.shape[1], bool)
        count = count[:, varies]
        found.pairs[e] = 0
        if one.fewest < population_trials.FEWEST or len(count) < 2 * GROUPS or count.shape[1] < 2:
            continue
        kind = np.searchsorted(np.array(edges) * (1 - 1e-9), of_pairs(count, one.unit[varies]), side="right") - 1
        kind[kind >= n] = -1
        each = kind[np.triu_indices(len(kind), 1)]
        found.pairs[e] = np.bincount(each[each >= 0], minlength=n)
        z = residuals(count, one.stimulus)
        for at, of in ((0, detrended(z, one.stimulus, drift)), (3, z)):
            value, left_out = mean_in_bins(of, GROUPS, kind, n)
            found[at][e] = value
            found[at + 1][e], found[at + 2][e] = jackknife_ends(value, left_out)
    return found

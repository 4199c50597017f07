"""Correlations of the counts of units over trials: of what stimuli evoke, and of what varies beside them. (trial, unit)."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]
_OUTLIER = 3.0  # standard deviations


def residuals(count: Floats, stimulus: Labels) -> Floats:
    """What is beside the mean of a unit's stimulus, in units of its spread; NaN where that is 0."""
    found = np.full(count.shape, np.nan)
    for k in np.unique(stimulus):
        mine = count[stimulus == k]
        with np.errstate(invalid="ignore", divide="ignore"):
            found[stimulus == k] = (mine - mine.mean(axis=0)) / mine.std(axis=0, ddof=1)
    found[~np.isfinite(found)] = np.nan
    return found


def detrended(z: Floats, width: int) -> Floats:
    """Less the running mean of `width` trials, fewer at the ends."""
    known, half = np.isfinite(z), int(width) // 2
    total, n = (np.concatenate([np.zeros((1, z.shape[1])), np.cumsum(x, axis=0)]) for x in (np.where(known, z, 0.0), known))
    at = np.arange(z.shape[0])
    low, high = np.maximum(at - half, 0), np.minimum(at + half + 1, z.shape[0])
    with np.errstate(invalid="ignore", divide="ignore"):
        return z - (total[high] - total[low]) / (n[high] - n[low])


def mean_of_pairs(z: Floats, groups: int) -> tuple[float, Floats]:
    """Mean correlation of two units, and what it is without each group of successive trials.

    Values beyond 3 standard deviations are left out. NaN where no pair varies.
    """
    with np.errstate(invalid="ignore"):
        kept = np.isfinite(z) & (np.abs(z) <= _OUTLIER * np.sqrt(np.nanmean(z**2, axis=0)))
    group = np.arange(z.shape[0]) * groups // z.shape[0]
    moments = np.stack([_moments(np.where(kept, z, 0.0)[group == g], kept[group == g]) for g in range(groups)])
    whole = moments.sum(axis=0)
    return _mean_correlation(whole), np.array([_mean_correlation(whole - one) for one in moments])


def _moments(x: Floats, kept: NDArray[np.bool_]) -> Floats:
    """(5, unit, unit) over trials in which both count: how many, sums of the first, of the second, of product, of square."""
    seen = kept.astype(float)
    return np.stack([seen.T @ seen, x.T @ seen, seen.T @ x, x.T @ x, (x**2).T @ seen])


def _mean_correlation(moments: Floats) -> float:
    with np.errstate(invalid="ignore", divide="ignore"):
        n, first, second, product, square = moments
        variance = square / n - (first / n) ** 2
        found = (product / n - first * second / n**2) / np.sqrt(variance * variance.T)
    pairs = found[np.triu_indices(len(found), 1)]
    pairs = pairs[np.isfinite(pairs)]
    return float(pairs.mean()) if pairs.size else np.nan


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

"""How far apart the responses to two stimuli are, of single units and of a population: trials x units, one array a stimulus."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_TAILS = (0.975, 0.025)


class Estimate(NamedTuple):
    """A value, its 95 % interval, and p."""

    value: Floats
    low: Floats
    high: Floats
    p: Floats


def d_prime(first: Floats, second: Floats) -> Estimate:
    """Difference of the means over the root of the mean variance, of each unit; without the bias of few trials (Hedges).

    The interval inverts the noncentral t distribution, degrees of freedom after Satterthwaite. NaN where nothing varies.
    """
    from scipy import special

    n = np.array([[first.shape[0]], [second.shape[0]]])
    variance = np.stack([first.var(axis=0, ddof=1), second.var(axis=0, ddof=1)])
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_variance = variance.mean(axis=0)
        raw = (second.mean(axis=0) - first.mean(axis=0)) / np.sqrt(mean_variance)
        raw[mean_variance == 0] = np.nan
        df = variance.sum(axis=0) ** 2 / (variance**2 / (n - 1)).sum(axis=0)
        scale = np.sqrt((variance / n).sum(axis=0) / mean_variance)  # of the standard error
        t = raw / scale
        low, high = (special.nctdtrinc(df, tail, t) * scale for tail in _TAILS)
        p = 2 * special.stdtr(df, -np.abs(t))
    bias = np.exp(special.gammaln(df / 2) - special.gammaln((df - 1) / 2)) * np.sqrt(2 / df)
    return Estimate(raw * bias, low, high, p)


def fisher_information(first: Floats, second: Floats) -> Estimate:
    """Linear Fisher information of the population, per squared difference of the two stimuli: d'^2 of the best linear read-out.

    Unbiased for Gaussian responses (Kanitscheider et al. 2015); p and interval are exact there (Hotelling's T squared, a
    noncentral F). Needs 4 trials more than units in all.
    """
    from scipy import special

    difference, within, trials = second.mean(axis=0) - first.mean(axis=0), _within(first, second), 1 / _per_trial(first, second)
    n, df = difference.size, first.shape[0] + second.shape[0] - 2
    distance = float(difference @ np.linalg.solve(within, difference))
    f = distance * trials * (df - n + 1) / (df * n)
    low, high = (_noncentrality(n, df - n + 1, f, tail) / trials for tail in _TAILS)
    value = distance * (df - n - 1) / df - n / trials
    return Estimate(*(np.array(x) for x in (value, low, high, special.fdtrc(n, df - n + 1, f))))


def shuffled_fisher_information(first: Floats, second: Floats) -> float:
    """The same of responses without noise correlations: the sum over units, each by itself and unbiased."""
    difference, variance = second.mean(axis=0) - first.mean(axis=0), np.diag(_within(first, second))
    df = first.shape[0] + second.shape[0] - 2
    return float(np.sum(difference**2 / variance * (df - 2) / df - _per_trial(first, second)))


def _per_trial(first: Floats, second: Floats) -> float:
    """Variance of the difference of two means, in units of that of one trial."""
    return 1 / first.shape[0] + 1 / second.shape[0]


def _within(first: Floats, second: Floats) -> Floats:
    """Covariance of units over trials of one stimulus."""
    centred = np.concatenate([first - first.mean(axis=0), second - second.mean(axis=0)])
    return centred.T @ centred / (centred.shape[0] - 2)


def _noncentrality(n: int, df: int, f: float, tail: float) -> float:
    """The noncentrality with which F is below f with that probability; 0 where it is less likely without any."""
    from scipy import optimize, special

    if special.fdtr(n, df, f) <= tail:
        return 0.0
    high = n * f + 100.0
    while special.ncfdtr(n, df, high, f) > tail:
        high *= 2
    return float(optimize.brentq(lambda nc: special.ncfdtr(n, df, max(nc, 1e-12), f) - tail, 0.0, high, xtol=1e-9))

"""Stationary fluctuations of rates: how large and how slow they are, and surrogates that have nothing else."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.numerics.intervals import resamples
from homeoanalysis.numerics.rates import Rates
from homeoanalysis.provenance import rng_for

Floats = NDArray[np.float64]


class Fluctuation(NamedTuple):
    """Log rates with an exponential autocorrelation: standard deviation, and correlation time [s].

    The first of each is the estimate; the others are from resampled units, and say how well it is known.
    """

    spread: Floats  # (draw)
    tau: Floats  # (draw) [s]


def fluctuation(bins: Rates, bin_size: float, draws: int) -> Fluctuation:
    """Of units in bins of one epoch, by moments: the same for all units, after division by their mean rates.

    A log-normal rate has cov(n_s, n_t) / (m_s m_t) = exp(c(t - s)) - 1, without counting noise at any lag above 0. The mean
    over the epoch is taken out of the data, and so of the expected values. Spread 0 where nothing fluctuates.
    """
    index = np.flatnonzero(bins.time.min(axis=0) > 0)
    spikes, time = bins.spikes[:, index], bins.time[:, index]
    fires = spikes.sum(axis=1) > 0
    if index.size < 10 or fires.sum() < 4:
        return Fluctuation(np.zeros(draws + 1), np.full(draws + 1, bin_size))
    order = np.lexsort(spikes[fires].T)  # the same draws whatever the order of units
    spikes, time = spikes[fires][order], time[fires][order]
    mean = spikes.sum(axis=1, keepdims=True) / time.sum(axis=1, keepdims=True)
    relative = spikes / (mean * time) - 1
    n = index.size
    lag = np.abs(np.subtract.outer(index, index))
    pairs = (lag > 0) & (lag <= lag.max() / 2)
    _, group = np.unique(lag[pairs], return_inverse=True)
    number = np.bincount(group)

    def by_lag(matrix: Floats) -> Floats:
        return np.asarray(np.bincount(group, matrix[pairs]) / number)

    centre = np.eye(n) - 1 / n
    each = [by_lag(np.outer(x, x) - centre @ (v[:, None] * centre)) for x, v in zip(relative, 1 / (mean * time), strict=True)]
    weight = np.vstack([np.ones(order.size), resamples(order.size, draws)]) * mean[:, 0]  # units with more spikes say more
    seen = weight @ np.array(each) / weight.sum(axis=1, keepdims=True)
    taus = np.geomspace(bin_size / 2, 3 * n * bin_size, 30)
    shapes = np.array([by_lag(centre @ np.exp(-lag * bin_size / tau) @ centre) for tau in taus])
    gain = np.maximum((seen * number) @ shapes.T / (shapes**2 @ number), 0)  # (draw, tau)
    misfit = -2 * gain * ((seen * number) @ shapes.T) + gain**2 * (shapes**2 @ number)
    at = np.argmin(misfit, axis=1)
    best = gain[np.arange(at.size), at]
    # The square of the mean over the epoch, by which was divided, exceeds that of the set point by the variance of that mean.
    slow = np.array([np.exp(-lag * bin_size / tau).mean() for tau in taus])[at]
    return Fluctuation(np.sqrt(np.log1p(best / np.maximum(1 - best * slow, 0.2))), taus[at])


def surrogate_log_rates(fluctuation: Fluctuation, mean: Floats, time: Floats, spans: Sequence[tuple[float, float]]) -> Floats:
    """Log rates in epochs of surrogates (draw, unit, epoch), one for each draw of the fluctuation, as `Rates.log` gives them.

    mean: (unit) [Hz]; time: (unit, epoch) observed [s]; spans: [s] of the epochs. The rate of an epoch is the mean over 8 points.
    """
    spread, tau = fluctuation.spread[1:, None, None], fluctuation.tau[1:, None, None]
    rng = rng_for(0, "stationary surrogates", mean.size, len(spans), spread.size)
    points = np.concatenate([a + (b - a) * (np.arange(8) + 0.5) / 8 for a, b in spans])
    distance = np.abs(np.subtract.outer(points, points))
    root = np.linalg.cholesky(spread**2 * np.exp(-distance / tau) + 1e-12 * np.eye(points.size))
    log = rng.standard_normal((spread.size, mean.size, points.size)) @ root.transpose(0, 2, 1) - spread**2 / 2
    relative = np.exp(log).reshape(spread.size, mean.size, len(spans), 8).mean(axis=-1)
    spikes = rng.poisson(relative * mean[:, None] * time)
    return np.asarray(np.log((spikes + 0.5) / time))

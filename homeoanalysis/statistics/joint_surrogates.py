"""Surrogates of rates that keep how slowly rates fluctuate, and what the units share of it.

The model of log rates: set point of the unit + course that all units share + course of its own +
counting noise. Both courses are stationary Gaussian processes with an exponential autocorrelation
(Ornstein-Uhlenbeck). A random walk is the limit of a correlation time that is long against the
baseline. The shared course is known from one realisation only, so that its size
and correlation time are drawn from their posterior, and its values after the baseline are predicted
from those in it.
Source: Rasmussen & Williams 2006, Gaussian Processes for Machine Learning, section 2.2 and equation
2.45, ISBN 0-262-18253-X.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.numerics.intervals import resamples
from homeoanalysis.numerics.rates import Rates
from homeoanalysis.provenance import rng_for

Floats = NDArray[np.float64]
POINTS = 8  # in an epoch, over which a surrogate's rate is averaged
# Of the baseline, in which the shared course is taken. The cost grows with their third power.
_BLOCKS = 60
_FEWEST_BINS, _FEWEST_UNITS = 10, 4
_SPREADS = np.concatenate(
    [[0.0], np.geomspace(0.005, 2.0, 15)]
)  # of the shared course that are tried
_TIMES = 14  # correlation times of the shared course that are tried


class Fluctuation(NamedTuple):
    """A unit's own log rate: standard deviation, and correlation time [s].

    The first of each is the estimate; the others are from resampled units, and say how well it is
    known.
    """

    spread: Floats  # (draw)
    tau: Floats  # (draw) [s]


class SharedCourse(NamedTuple):
    """Log rate that all units share, in blocks of the baseline.

    value: (block), relative to the mean over the baseline. noise: variance of its counting noise.
    at: (block) [s].
    """

    value: Floats
    noise: float
    at: Floats


def estimate_private_fluctuation(bins: Rates, bin_size: float, draws: int) -> Fluctuation:
    """Estimate by moments how units of one epoch fluctuate on their own.

    All units fluctuate alike. bins: (unit, bin). A log-normal rate has cov(n_s, n_t) / (m_s m_t) =
    exp(c(t - s)) - 1, without counting noise at any lag above 0. What a unit shares with the mean
    of the others is subtracted. The mean over the epoch is taken out of the
    data, and so of the expected values. Spread 0 where nothing fluctuates, or with fewer than 4
    units or 10 bins.
    """
    selected = _select(bins)
    if selected is None:
        return Fluctuation(np.zeros(draws + 1), np.full(draws + 1, bin_size))
    spikes, time, index = selected
    mean = spikes.sum(axis=1, keepdims=True) / time.sum(axis=1, keepdims=True)
    relative = spikes / (mean * time) - 1
    n, units = index.size, mean.size
    lag = np.abs(np.subtract.outer(index, index))
    pairs = (lag > 0) & (lag <= lag.max() / 2)
    _, group = np.unique(lag[pairs], return_inverse=True)
    number = np.bincount(group)

    def average_by_lag(matrix: Floats) -> Floats:
        return np.asarray(np.bincount(group, matrix[pairs]) / number)

    centre = np.eye(n) - 1 / n
    others = (relative.sum(axis=0) - relative) / (units - 1)
    covariances = [
        average_by_lag(np.outer(x, x - y) - centre @ (v[:, None] * centre))
        for x, y, v in zip(relative, others, 1 / (mean * time), strict=True)
    ]
    weight = (
        np.vstack([np.ones(units), resamples(units, draws)]) * mean[:, 0]
    )  # units with more spikes say more
    seen = weight @ np.array(covariances) / weight.sum(axis=1, keepdims=True)
    taus = np.geomspace(bin_size / 2, 3 * n * bin_size, 30)
    shapes = np.array(
        [average_by_lag(centre @ np.exp(-lag * bin_size / tau) @ centre) for tau in taus]
    )
    gain = np.maximum((seen * number) @ shapes.T / (shapes**2 @ number), 0)  # (draw, tau)
    misfit = -2 * gain * ((seen * number) @ shapes.T) + gain**2 * (shapes**2 @ number)
    at = np.argmin(misfit, axis=1)
    best = gain[np.arange(at.size), at]
    # The square of the mean over the epoch, by which was divided, exceeds that of the set point by
    # the variance of that mean.
    slow = np.array([np.exp(-lag * bin_size / tau).mean() for tau in taus])[at]
    return Fluctuation(np.sqrt(np.log1p(best / np.maximum(1 - best * slow, 0.2))), taus[at])


def measure_shared_course(
    bins: Rates, start: float, bin_size: float, spread: float
) -> SharedCourse | None:
    """Average the relative rates of all units in blocks of one epoch.

    bins: (unit, bin) from `start` [s] on. spread: of the units' own log rates; units that say
    little have little weight.
    None with fewer than 4 units or 10 bins.
    """
    selected = _select(bins)
    if selected is None:
        return None
    spikes, time, index = selected
    block = np.arange(index.size) * min(_BLOCKS, index.size) // index.size
    edge = np.flatnonzero(np.diff(block, prepend=-1))
    at = start + bin_size * (np.add.reduceat(index.astype(float), edge) / np.bincount(block) + 0.5)
    spikes, time = (np.add.reduceat(x, edge, axis=1) for x in (spikes.astype(float), time))
    expected = spikes.sum(axis=1, keepdims=True) / time.sum(axis=1, keepdims=True) * time
    weight = 1 / (1 / expected.mean(axis=1) + spread**2)
    weight /= weight.sum()
    mean = weight @ (spikes / expected)
    least = 0.5 * np.min(
        weight / expected.mean(axis=1)
    )  # half a spike, so that silence stays finite
    return SharedCourse(
        np.log(np.maximum(mean, least)), float((weight**2 / expected.mean(axis=1)).sum()), at
    )


def draw_shared_courses(course: SharedCourse | None, at: Floats, draws: int) -> Floats:
    """Draw the shared log rate at times `at` (time) [s] given that of the baseline: (draw, time).

    Its standard deviation (flat prior up to 2) and its correlation time (flat prior of the
    logarithm, from half a block to ten baselines) are drawn from their posterior. Zeros where the
    baseline has no course.
    """
    if course is None:
        return np.zeros((draws, at.size))
    rng = rng_for(0, "shared courses", course.value.size, at.size, draws)
    span = course.at[-1] - course.at[0]
    taus = np.geomspace(span / course.at.size / 2, 10 * span, _TIMES)
    distance = np.abs(np.subtract.outer(course.at, course.at))
    size, basis = np.linalg.eigh(np.exp(-distance / taus[:, None, None]))
    variance = (
        _SPREADS[:, None, None] ** 2 * np.maximum(size, 0) + course.noise
    )  # (spread, tau, eigenvector)
    value, one = course.value @ basis, basis.sum(axis=1)  # (tau, eigenvector)
    # The level is unknown: its flat prior is integrated out.
    precision = (one**2 / variance).sum(axis=-1)
    level = (one * value / variance).sum(axis=-1) / precision
    rest = value - level[..., None] * one
    misfit = (rest**2 / variance).sum(axis=-1) + np.log(variance).sum(axis=-1) + np.log(precision)
    chance = np.gradient(_SPREADS)[:, None] * np.exp(-0.5 * (misfit - misfit.min()))
    chosen = rng.choice(chance.size, draws, p=(chance / chance.sum()).ravel())
    normal = rng.standard_normal((draws, at.size))
    to_baseline, among = np.abs(np.subtract.outer(at, course.at)), np.abs(np.subtract.outer(at, at))
    found = np.empty((draws, at.size))
    for which in np.unique(chosen):
        s, t = np.unravel_index(which, chance.shape)
        mine, spread = chosen == which, _SPREADS[s]
        across = spread**2 * np.exp(-to_baseline / taus[t]) @ basis[t]
        gain = across / variance[s, t]
        left = 1 - gain @ one[t]  # what an unknown level adds
        own = (
            spread**2 * np.exp(-among / taus[t])
            - gain @ across.T
            + np.outer(left, left) / precision[s, t]
        )
        values, vectors = np.linalg.eigh(own)
        found[mine] = (
            level[s, t]
            + gain @ rest[s, t]
            + normal[mine] @ (vectors * np.sqrt(np.maximum(values, 0))).T
        )
    return found


def draw_log_rates(
    private: Fluctuation,
    shared: SharedCourse | None,
    mean: Floats,
    time: Floats,
    spans: Sequence[tuple[float, float]],
) -> Floats:
    """Draw log rates of units in epochs (draw, unit, epoch).

    One for each draw of `private`, as `Rates.log` gives them. mean: (unit) [Hz]; time: (unit,
    epoch) observed [s]; spans: [s] of the epochs. A rate is the mean over 8 points of its epoch.
    """
    spread, tau = private.spread[1:, None, None], private.tau[1:, None, None]
    rng = rng_for(0, "stationary surrogates", mean.size, len(spans), spread.size)
    points = np.concatenate([a + (b - a) * (np.arange(POINTS) + 0.5) / POINTS for a, b in spans])
    distance = np.abs(np.subtract.outer(points, points))
    root = np.linalg.cholesky(spread**2 * np.exp(-distance / tau) + 1e-12 * np.eye(points.size))
    log = (
        rng.standard_normal((spread.size, mean.size, points.size)) @ root.transpose(0, 2, 1)
        - spread**2 / 2
    )
    log += np.clip(draw_shared_courses(shared, points, spread.size), -20, 20)[:, None]
    relative = np.exp(log).reshape(spread.size, mean.size, len(spans), POINTS).mean(axis=-1)
    spikes = rng.poisson(relative * mean[:, None] * time)
    return np.asarray(np.log((spikes + 0.5) / time))


def _select(bins: Rates) -> tuple[NDArray[np.int64], Floats, NDArray[np.intp]] | None:
    """Spikes and time of the units that fire, in bins in which all were observed.

    And which bins these are; None if they are few.
    """
    index = np.flatnonzero(bins.time.min(axis=0) > 0)
    spikes, time = bins.spikes[:, index], bins.time[:, index]
    fires = spikes.sum(axis=1) > 0
    if index.size < _FEWEST_BINS or fires.sum() < _FEWEST_UNITS:
        return None
    order = np.lexsort(spikes[fires].T)  # the same draws whatever the order of units
    return spikes[fires][order], time[fires][order], index

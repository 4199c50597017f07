"""How many spikes one spike causes in the next step."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import observed, population, resampling, synthetic
from homeoanalysis.numerics.intervals import t_quantile
from homeoanalysis.provenance import rng_for
from homeoanalysis.units import Second

Floats = NDArray[np.float64]
_DRAWS = 1000
_FEWEST = 20  # blocks
_BLOCK = 20  # longest lags in a block: what lags reach into the next block is little then
_TIMES = np.geomspace(0.1, 1e5, 500)  # autocorrelation times that are tried [bins]


def _truth(rng: np.random.Generator) -> Truth:
    """A branching process of m = 0.9 in bins of 4 ms, 2.5 spikes a bin of which a fifth is seen."""
    trains = synthetic.branching_trains(10, 0.9, 2.5, 0.2, 0.004, 400.0, rng)
    return Truth(synthetic.activity(trains, 400.0), 0.9, {"longest": 0.2}, {"timescale": -0.004 / np.log(0.9)})


def _null(rng: np.random.Generator) -> Truth:
    """Poisson trains: nothing is caused by anything."""
    trains = [synthetic.poisson_train(25.0, 100.0, rng) for _ in range(4)]
    return Truth(synthetic.activity(trains, 100.0), np.nan, {"longest": 0.2})


@metric(
    units="1",
    dims=("epoch",),
    bounds=(0, 1),
    companions={
        "low": Companion("1", "95 % interval over blocks of time (bootstrap of the logarithm of the timescale)", (0, 1)),
        "high": Companion("1", "95 % interval over blocks of time (bootstrap of the logarithm of the timescale)", (0, 1)),
        "p": Companion("1", "Probability of such correlations of independent counts", (0, 1)),
        "coincidence_p": Companion(
            "1", "Probability of so few coincidences of units if a shared rate makes the correlations", (0, 1)
        ),
        "decay_p": Companion("1", "Probability of such a decay within the longest lag if units share a slow rate only", (0, 1)),
        "amplitude": Companion("1", "Correlation extrapolated to lag 0: how much of the counts' variance the process makes"),
        "timescale": Companion("s", "Decay time of the correlations, of branching -bin / ln m", (0, np.inf)),
        "timescale_low": Companion("s", "95 % interval over blocks of time (bootstrap of the logarithm)", (0, np.inf)),
        "timescale_high": Companion("s", "95 % interval over blocks of time (bootstrap of the logarithm)", (0, np.inf)),
    },
    source="multistep regression: Wilting & Priesemann 2018, doi:10.1038/s41467-018-04725-4, equations 4 to 6: slopes "
    "r_k = b m^k, b takes up the subsampling; 0 where correlations do not exceed those of independent counts (p > 0.05)",
    scale="linear",
    truth=_truth,
    surrogate=resampling.scattered_trains,
    null=_null,
)
def branching_parameter(activity: xr.Dataset, *, bin_size: Second = 0.004, longest: Second = 0.6) -> Mapping[str, Any]:
    """Branching parameter, corrected for the units that were not recorded: 0, no spike causes another; 1, critical.

    activity: activity/1 with spikes.
    bin_size: [s], the step in which one spike causes others. longest: [s], the longest lag of the regression.
    Returns (epoch), [1], in [0, 1]; NaN with fewer bins than ten times the lags. The interval resamples blocks of twenty longest
    lags; NaN below 20 of them, and where nothing exceeds chance.
    A shared rate correlates counts as branching does, and its timescale cannot be told from that of branching. Coincidences can:
    spikes of one step do not cause each other, so that different units fire together less often than one after the other. No
    rate that units share does that. m is NaN, with the reason in the coordinate `reason`, where `coincidence_p` is above 0.05;
    `timescale` is given none the less. Where a branching process is certain, m is exp(-bin / timescale). Few of many units, or
    causes that act within a bin, leave no such sign. Spikes that sorting loses where units fire together make a false one.
    A rate that changes slowly against `longest` makes slopes that are straight over the lags; `decay_p` tests by blocks
    whether they bend as a decay does. Where they do not, the timescale is NaN as well. `p` tests correlations, not branching.
    Raises NotApplicable without spikes, or where nothing was observed in an epoch.
    """
    labels = observed.epochs(activity)
    seen = observed.seen(activity)
    lags = max(2, round(longest / bin_size))
    values = np.full((10, len(labels)), np.nan)
    reasons = np.full(len(labels), "", object)
    for e, (start, stop) in enumerate(labels.values()):
        part = observed.restrict(seen, np.array([start]), np.array([stop]))
        counts = population.counts(part, bin_size)
        sums = _sums(counts, lags)
        if sums.number[:, 0].sum() < 10 * lags or not sums.product[:, 0].sum() > 0:
            continue
        decay_p = values[6, e] = _decay_p(sums)
        coincidence_p = values[7, e] = _coincidence_p(counts.spikes, population.opposed_changes(part, bin_size), lags)
        slope = _slopes(sums, np.ones((1, sums.product.shape[0])))
        from scipy import special  # here, since the config check need not pay

        p = float(special.ndtr(-np.sqrt(sums.number[:, 1:].sum()) * slope.mean()))
        if p > 0.05:
            values[[0, 2 + 1], e] = 0.0, p
            continue
        values[3, e] = p
        if not decay_p <= 0.05:
            reasons[e] = "correlations do not decay within the longest lag: a slow shared rate makes them, or time is too short"
            continue
        (m,) = _fitted(slope)
        values[4, e], values[5, e] = _amplitude(slope[0], m), -bin_size / np.log(m)
        ends = _interval(sums, float(m)) if sums.product.shape[0] >= _FEWEST else np.full(2, np.nan)
        values[8:, e] = bin_size * ends
        if not coincidence_p <= 0.05:
            reasons[e] = "coincidences of units do not tell branching from a shared rate"
            continue
        values[:3, e] = m, *np.exp(-1 / ends)
    suffixes = ("low", "high", "p", "amplitude", "timescale", "decay_p", "coincidence_p", "timescale_low", "timescale_high")
    names = ("branching_parameter", *(f"branching_parameter_{suffix}" for suffix in suffixes))
    coords = {"epoch": list(labels), "reason": ("epoch", reasons.astype(str))}
    return {**dict(zip(names, values, strict=True)), "coords": coords}


def _decay_p(sums: "_Sums") -> float:
    """One-sided t test over blocks of how far slopes bend as decays do; NaN below 20 blocks.

    The weights of lags are decays of all times up to a fifth of the longest lag, less a constant and a line, which are what
    a slow rate makes.
    """
    blocks, lags = sums.product.shape[0], sums.product.shape[1] - 1
    if blocks < _FEWEST or lags < 4:
        return np.nan
    from scipy import special

    lag = np.arange(1.0, lags + 1)
    decays = np.exp(-lag[:, None] / np.geomspace(1, max(lags / 5, 1.5), 12)).sum(axis=1)
    straight = np.vander(lag, 2)
    weight = decays - straight @ np.linalg.lstsq(straight, decays)[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        covariance = np.where(sums.number > 0, sums.product / sums.number, 0.0)
    bend = covariance[:, 1:] @ weight
    error = bend.std(ddof=1) / np.sqrt(blocks)
    return float(special.stdtr(blocks - 1, -bend.mean() / error)) if error > 0 else np.nan


def _coincidence_p(spikes: NDArray[np.int64], opposed: NDArray[np.int64], lags: int) -> float:
    """One-sided t test over blocks of changes of count that are opposed in different units; NaN below 20 blocks.

    Given a shared rate, counts of different units are independent. Their changes are opposed on average in no bin, since the
    changes of the rate are the same for all. Of a branching process covariances are m^2 at lag 0 to m at lag 1. Pieces of the
    longest lag count inversely to their spikes: what chance makes grows with the square of the rate, branching with the rate.
    """
    pieces = opposed.size // (_BLOCK * lags) * _BLOCK
    if pieces < _FEWEST * _BLOCK:
        return np.nan
    from scipy import special

    total, changes = (each[: pieces * lags].reshape(pieces, lags).sum(axis=1) for each in (spikes, opposed))
    each = (changes / np.maximum(total, 1)).reshape(-1, _BLOCK).mean(axis=1)
    error = each.std(ddof=1) / np.sqrt(each.size)
    return float(special.stdtr(each.size - 1, -each.mean() / error)) if error > 0 else np.nan


class _Sums(NamedTuple):
    """Of each block and lag (block, lag from 0 on): products of deviations from the mean that far apart, and how many."""

    product: Floats
    number: Floats


def _sums(counts: population.Counts, lags: int) -> _Sums:
    """Blocks of twenty longest lags; pairs of bins of one segment only. The mean is that of the whole epoch."""
    n = int(counts.size.sum())
    place = np.arange(n) + np.repeat(lags * np.arange(counts.size.size), counts.size)  # `lags` empty bins behind each segment
    deviation = np.zeros(n + lags * counts.size.size)
    deviation[place] = counts.spikes - counts.spikes.mean() if n else 0.0
    first = place[:: _BLOCK * lags]  # of each block; bins of it may be of several segments
    if n > _BLOCK * lags:
        first = first[: n // (_BLOCK * lags)]  # the rest goes to the last block
    end = np.append(first, deviation.size - lags)[1:]
    product = np.zeros((first.size, lags + 1))
    for k, (a, b) in enumerate(zip(first, end, strict=True)):
        product[k] = np.correlate(deviation[a : b + lags], deviation[a:b])
    behind = np.minimum(np.repeat(np.cumsum(counts.size), counts.size) - np.arange(n) - 1, lags)  # of its segment, the first lags
    block = np.minimum(np.arange(n) // (_BLOCK * lags), first.size - 1)
    number = np.bincount(block * (lags + 1) + behind, minlength=product.size).reshape(product.shape)
    return _Sums(product, number[:, ::-1].cumsum(axis=1)[:, ::-1].astype(float))


def _slopes(sums: _Sums, weight: Floats) -> Floats:
    """(draw, lag): regression slopes, each block with the weight that it has in the draw."""
    mean = (weight @ sums.product) / (weight @ sums.number)
    return np.asarray(mean[:, 1:] / mean[:, :1])


def _fitted(slope: Floats) -> Floats:
    """m of least squares r_k = b m^k, for each draw: the best of 500 times, then a parabola through its neighbours."""
    lag = np.arange(1, slope.shape[1] + 1)
    shape = np.exp(-lag[:, None] / _TIMES)
    shape /= np.sqrt((shape**2).sum(axis=0))
    gain = slope @ shape
    gain = np.square(np.maximum(gain, 0, out=gain), out=gain)  # what b at its best takes off the squares
    best = np.clip(gain.argmax(axis=1), 1, _TIMES.size - 2)
    left, middle, right = (gain[np.arange(best.size), best + k] for k in (-1, 0, 1))
    curvature = left - 2 * middle + right
    with np.errstate(invalid="ignore", divide="ignore"):
        offset = np.where(curvature < 0, np.clip(0.5 * (left - right) / curvature, -1, 1), 0.0)
    time = np.exp(np.log(_TIMES[best]) + offset * np.log(_TIMES[1] / _TIMES[0]))
    return np.asarray(np.exp(-1 / time))


def _amplitude(slope: Floats, m: float) -> float:
    """b of the same, of one draw (lag)."""
    powers = m ** np.arange(1, slope.size + 1)
    return float((slope * powers).sum() / (powers**2).sum())


@lru_cache(maxsize=4)
def _weight(n: int) -> Floats:
    """How often each of n blocks stands in each bootstrap sample (draw, block); always the same numbers."""
    return rng_for(0, "branching", n).multinomial(n, np.full(n, 1 / n), size=_DRAWS).astype(float)


def _interval(sums: _Sums, m: float) -> Floats:
    """t interval of the timescale [bins], by its logarithm, whose distribution is nearer to normal than that of m."""
    n = sums.product.shape[0]
    times = -1 / np.log(_fitted(_slopes(sums, _weight(n))))
    width = t_quantile(0.95, n - 1) * np.log(times).std() * np.sqrt(n / (n - 1))  # resampling loses one of n blocks
    return np.asarray(-np.exp([-width, width]) / np.log(m))

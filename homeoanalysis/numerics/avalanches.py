"""Avalanches of a population, and power laws of whole numbers."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.numerics.population import Counts

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
_EDGES = 24  # lower and upper ends of a range that are tried
_DECADE = 10.0  # a range spans at least this factor


class Avalanches(NamedTuple):
    """Sizes [spikes] and durations [bins] of runs of bins with activity."""

    size: Whole
    duration: Whole


class PowerLaw(NamedTuple):
    """p(x) ~ x^-exponent from `low` to `high`; the exponent is NaN where no range was found."""

    exponent: float
    low: int
    high: int
    number: int  # of events in the range
    distance: float  # Kolmogorov-Smirnov


NOTHING = PowerLaw(np.nan, 0, 0, 0, np.nan)


def avalanches(counts: Counts) -> Avalanches:
    """Runs of bins with spikes, between empty bins of the same segment: a run that touches the end of a segment is not whole."""
    edge = np.cumsum(counts.size) - counts.size
    is_start = np.zeros(counts.spikes.size + 1, bool)
    is_start[np.append(edge, counts.spikes.size)] = True
    full = np.concatenate([[False], counts.spikes > 0, [False]])
    # A run begins behind an empty bin or with a segment, and ends before one or with its segment.
    begin = np.flatnonzero(full[1:-1] & (~full[:-2] | is_start[:-1]))
    end = np.flatnonzero(full[1:-1] & (~full[2:] | is_start[1:])) + 1
    total = np.concatenate([[0], np.cumsum(counts.spikes)])
    is_whole = ~(is_start[begin] | is_start[end])
    return Avalanches((total[end] - total[begin])[is_whole], (end - begin)[is_whole])


def power_law(values: Whole, fewest: int = 100) -> PowerLaw:
    """The widest range, of ends spread evenly in the logarithm, in which the values follow a power law.

    In each range of at least a decade and `fewest` values the exponent is that of greatest likelihood; they follow it where
    the Kolmogorov-Smirnov distance is below 1 / sqrt(n). Widest: the largest ratio of its ends, then the most values.
    """
    if values.size < fewest:
        return NOTHING
    top = int(values.max())
    ends = np.unique(np.rint(np.geomspace(max(int(values.min()), 1), top, _EDGES)).astype(np.int64))
    number = np.bincount(values, minlength=top + 1)
    ranges = [(a, b) for a in ends for b in ends if b >= _DECADE * a]
    for a, b in sorted(ranges, key=lambda r: (-r[1] / r[0], r[0])):
        mine = number[a : b + 1]
        n = int(mine.sum())
        if n < fewest:
            continue
        exponent, distance = _likeliest(mine, int(a))
        if distance < 1 / np.sqrt(n):
            return PowerLaw(exponent, int(a), int(b), n, distance)
    return NOTHING


def _likeliest(number: Whole, low: int) -> tuple[float, float]:
    """Exponent of greatest likelihood of the counts of low, low + 1, ..., and the distance of the distributions."""
    logs = np.log(np.arange(low, low + number.size))
    mean = float(number @ logs / number.sum())
    # The mean logarithm falls as the exponent grows, so that bisection finds where it is the observed one.
    smallest, largest = -2.0, 10.0
    for _ in range(34):  # to 1e-9
        exponent = (smallest + largest) / 2
        weight = np.exp(-exponent * (logs - logs[0]))
        if weight @ logs / weight.sum() > mean:
            smallest = exponent
        else:
            largest = exponent
    return exponent, float(np.abs(np.cumsum(weight) / weight.sum() - np.cumsum(number) / number.sum()).max())


def scaling(found: Avalanches, low: int, high: int) -> float:
    """Exponent g of mean size ~ duration^g from `low` to `high`; least squares of logarithms, weighted by number."""
    inside = (found.duration >= low) & (found.duration <= high)
    duration, number = np.unique(found.duration[inside], return_counts=True)
    if duration.size < 3:
        return np.nan
    mean = np.array([found.size[found.duration == d].mean() for d in duration])
    return float(np.polyfit(np.log(duration), np.log(mean), 1, w=np.sqrt(number))[0])

"""Bursts of one unit: three ways to find them, and what is told of them.

Spikes are on a clock (`merged.Clock`) with a gap between segments that is longer than any interval looked for, so that no
burst bridges a gap. A burst is given by the indices of its first and its last spike.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.metric import Companion
from homeoanalysis.numerics import merged, observed
from homeoanalysis.numerics.compiled import compiled

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
GAP = 1e9  # s between segments on the clock: longer than any interval within one
_LONGEST = 1000  # intervals of the longest burst that rank surprise looks for

COMPANIONS = {
    "duration": Companion("s", "Mean duration of a burst", (0, np.inf)),
    "spikes": Companion("1", "Mean number of spikes of a burst", (0, np.inf)),
    "fraction": Companion("1", "Part of the spikes that are in bursts", (0, 1)),
    "irregularity": Companion("1", "Coefficient of variation of the intervals between bursts", (0, np.inf)),
    "within": Companion("Hz", "Mean over bursts of spikes / duration", (0, np.inf)),
    "count": Companion("1", "Number of bursts", (0, np.inf)),
}


class Bursts(NamedTuple):
    """First and last spike of each burst, in order."""

    first: Indices
    last: Indices


Finder = Callable[[Floats, float], Bursts]


def measured(name: str, activity: xr.Dataset, find: Finder) -> dict[str, Any]:
    """What the burst metric `name` returns, (unit, epoch) each.

    find: (times on the clock, slack [s]) -> bursts. The rate is 0 where a unit has no burst, NaN where it was not observed.
    """
    labels = observed.epochs(activity)
    seen = observed.seen(activity)
    shape = activity.sizes["unit"], len(labels)
    found = {key: np.full(shape, np.nan) for key in (name, *(f"{name}_{c}" for c in COMPANIONS))}
    for e, (start, stop) in enumerate(labels.values()):
        part = observed.restrict(seen, np.array([start]), np.array([stop]))
        clock, slack = merged.Clock(part, GAP), merged.slack(part, 1e-3)
        begin, end = observed.segments(part)
        time = observed.isolated(part) @ (end - begin)
        for u, train in enumerate(observed.spike_trains(part)):
            if time[u] > 0:
                told = _told(clock(train), clock.begin, find(clock(train), slack))
                found[name][u, e] = told["count"] / time[u]
                for key, value in told.items():
                    found[f"{name}_{key}"][u, e] = value
    return {**found, "coords": {"unit": activity.unit.values, "epoch": list(labels)}}


def _told(times: Floats, begin: Floats, bursts: Bursts) -> dict[str, float]:
    """The companions of one unit; all but the count are undefined without a burst."""
    first, last = bursts
    told = dict.fromkeys(COMPANIONS, np.nan) | {"count": float(first.size)}
    if first.size:
        duration, spikes = times[last] - times[first], last - first + 1
        told |= {"duration": duration.mean(), "spikes": spikes.mean(), "within": _mean(spikes, duration)}
        told["fraction"] = _in_bursts(bursts) / times.size
    if first.size > 2:
        between = times[first[1:]] - times[last[:-1]]
        segment = np.searchsorted(begin, times[first], side="right")
        between = between[segment[1:] == segment[:-1]]
        if between.size > 1:
            told["irregularity"] = between.std(ddof=1) / between.mean()
    return told


def _in_bursts(bursts: Bursts) -> int:
    """Spikes in bursts; one that ends a burst and begins the next counts once."""
    shared = np.sum(bursts.first[1:] == bursts.last[:-1])
    return int(np.sum(bursts.last - bursts.first + 1) - shared)


def _mean(spikes: Indices, duration: Floats) -> float:
    with np.errstate(divide="ignore"):
        return float(np.mean(spikes / duration)) if np.all(duration > 0) else np.nan


# ---- max interval


def max_interval(
    times: Floats,
    slack: float,
    *,
    begin: float = 0.1,
    end: float = 0.25,
    merge: float = 0.8,
    duration: float = 0.05,
    spikes: int = 6,
) -> Bursts:
    """A burst begins with an interval below `begin` and ends before one above `end`; bursts less than `merge` apart are one.

    Then those shorter than `duration` or of fewer than `spikes` spikes are left out. All times in s. Lengths that differ by
    less than the slack are equal.
    """
    first, last = _runs(times, begin - slack, end + slack)
    return kept(times, *_merged(times, first, last, merge - slack), duration - slack, spikes)


def kept(times: Floats, first: Indices, last: Indices, duration: float, spikes: int) -> Bursts:
    """The bursts that are not too short and not of too few spikes."""
    enough = (times[last] - times[first] >= duration) & (last - first + 1 >= spikes)
    return Bursts(first[enough], last[enough])


def _merged(times: Floats, first: Indices, last: Indices, least: float) -> tuple[Indices, Indices]:
    """Neighbouring bursts as one where less than `least` lies between them."""
    apart = times[first[1:]] - times[last[:-1]] >= least
    edge = np.ones(min(first.size, 1), bool)
    return first[np.concatenate([edge, apart])], last[np.concatenate([apart, edge])]


def _runs(times: Floats, below: float, above: float) -> tuple[Indices, Indices]:
    """Runs of spikes that begin with an interval < `below` and go on until one > `above`."""
    interval = np.diff(times)
    stretch = np.concatenate([[0], np.cumsum(interval > above)])[: times.size]  # spikes with no long interval between them
    starts = np.flatnonzero(interval < below)
    of, index = np.unique(stretch[starts], return_index=True)
    last = np.searchsorted(stretch, of, side="right") - 1
    return starts[index], last


# ---- logarithm of the intervals


def log_interval(times: Floats, slack: float, *, core: float = 0.1, void: float = 0.7, spikes: int = 3) -> Bursts:
    """Bursts by the valley of the histogram of log intervals.

    Where the valley lies below `core` [s], a burst is a run of intervals up to it; where it lies above, the cores of bursts are
    runs of intervals up to `core`, which take in what is nearer than the valley on both sides. Without a valley the limit is
    `core`. void: how deep the valley must be.
    """
    interval = np.diff(times)
    limit = valley(interval[interval < GAP], core, void)
    near = core if np.isnan(limit) else min(limit, core)
    first, last = _runs(times, near + slack, near + slack)
    bursts = kept(times, first, last, 0.0, spikes)
    if np.isnan(limit) or limit <= core:
        return bursts
    reach_first, reach_last = _runs(times, limit + slack, limit + slack)
    holds = np.searchsorted(reach_first, bursts.first, side="right") - 1  # the wider run of each core
    wide = np.unique(holds)
    # Cores of one wider run are one burst.
    return Bursts(reach_first[wide], reach_last[wide])


def valley(interval: Floats, core: float, void: float) -> float:
    """Where the intervals within bursts end and those between them begin [s]; NaN if nowhere.

    Ten bins a decade from `core` on, smoothed by tricube weights over five bins. The peak of the bursts is the largest one
    below `core`; the valley is the lowest bin g between it and the first later peak to which
    1 - g / sqrt(p q) is at least `void`, p and q the peaks.
    """
    interval = interval[interval > 0]
    if interval.size < 2:
        return np.nan
    bins = np.floor(10 * np.log10(interval / core) + observed.EDGE).astype(np.int64)
    low = int(bins.min()) - 3
    weights = (1 - (np.abs(np.arange(-2, 3)) / 3) ** 3) ** 3
    curve = np.convolve(np.bincount(bins - low, minlength=int(bins.max()) - low + 4), weights / weights.sum(), "same")
    from scipy import signal

    peaks, _ = signal.find_peaks(curve, distance=2)
    early = peaks[peaks + low < 0]
    if early.size == 0:
        return np.nan
    top = early[np.argmax(curve[early])]
    for other in peaks[peaks > top]:
        lowest = top + int(np.argmin(curve[top : other + 1]))
        if 1 - curve[lowest] / math.sqrt(curve[top] * curve[other]) >= void:
            return float(core * 10 ** ((lowest + low + 0.5) / 10))
    return np.nan


# ---- rank surprise


def rank_surprise(times: Floats, slack: float, *, significance: float = 0.01, quantile: float = 0.75) -> Bursts:
    """Runs of intervals whose ranks are so small together that chance makes them with a probability below `significance`.

    Only intervals below the `quantile` of all are looked at. Of overlapping runs the most surprising is taken. A burst has from
    3 to 1001 spikes. The probability is exact below 30 intervals, that of a normal distribution from there on.
    """
    interval = np.diff(times)
    real = interval < GAP
    n = int(real.sum())
    if n < 10:
        return Bursts(np.zeros(0, np.int64), np.zeros(0, np.int64))
    from scipy import stats

    rank = np.zeros(interval.size)
    rank[real] = stats.rankdata(np.rint(interval[real] / slack))  # intervals that differ by rounding are tied
    short = real & (interval < np.quantile(interval[real], quantile) - slack)
    edge = np.diff(np.concatenate([[0], short.astype(np.int8), [0]]))
    first, last, found = _surprising(
        rank, np.flatnonzero(edge == 1), np.flatnonzero(edge == -1), n, -np.log(significance), _LONGEST
    )
    order = np.argsort(first[:found])
    return Bursts(first[:found][order], last[:found][order])


@compiled
def _surprising(rank, begin, end, n, least, longest):  # type: ignore[no-untyped-def]
    first, last = np.zeros(rank.size, np.int64), np.zeros(rank.size, np.int64)
    low, high = np.zeros(rank.size + 1, np.int64), np.zeros(rank.size + 1, np.int64)
    total = np.zeros(rank.size + 1)
    total[1:] = np.cumsum(rank)
    found = 0
    for run in range(begin.size):
        low[0], high[0] = begin[run], end[run]
        waiting = 1
        while waiting > 0:  # the rest on both sides of a burst is looked through in turn
            waiting -= 1
            a, b = low[waiting], high[waiting]
            best, where, length = least, -1, 0
            for i in range(a, b - 1):
                for q in range(2, min(b - i, longest) + 1):
                    u = math.floor(total[i + q] - total[i])
                    mean = q * (n + 1) / 2
                    if u >= mean:
                        continue
                    if q < 30:
                        p = 0.0
                        k = 0
                        while u - k * n >= q:
                            # C(q, k) C(u - k n, q) / n^q: sums of q ranks up to u, with k of them above n
                            x = u - k * n
                            log = math.lgamma(x + 1) - math.lgamma(x - q + 1) - math.lgamma(k + 1) - math.lgamma(q - k + 1)
                            p += (1 - 2 * (k % 2)) * math.exp(log - q * math.log(n))
                            k += 1
                    else:
                        p = 0.5 * math.erfc((mean - u) / math.sqrt(q * (n * n - 1) / 6))
                    surprise = -math.log(max(p, 1e-300))
                    if surprise > best:
                        best, where, length = surprise, i, q
            if where >= 0:
                first[found], last[found] = where, where + length
                found += 1
                low[waiting], high[waiting] = a, where
                low[waiting + 1], high[waiting + 1] = where + length, b
                waiting += 2
    return first, last, found

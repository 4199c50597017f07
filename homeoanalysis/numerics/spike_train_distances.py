"""Distances between spike trains, of all pairs: Victor-Purpura, van Rossum, ISI and SPIKE.

Compiled: elephant's Victor-Purpura distance is a Python loop over spikes, and it has no ISI and no SPIKE distance; PySpike, which
has those, is built from source where it is installed. Trains are sorted, in seconds.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.numerics.compiled import compiled

Floats = NDArray[np.float64]


def victor_purpura(trains: Sequence[Floats], cost: float) -> Floats:
    """(train, train) [1]: the least cost of turning one into the other; 1 for each spike added or taken, cost [1/s] x shift.

    Source: Victor & Purpura 1996, doi:10.1152/jn.1996.76.2.1310.
    """
    return _of_pairs(_victor_purpura, trains, float(cost))


def van_rossum(trains: Sequence[Floats], tau: float) -> Floats:
    """(train, train) [1]: of trains filtered with an exponential of `tau` [s]; 1 between no spike and one, as elephant's.

    Source: van Rossum 2001, doi:10.1162/089976601300014321, times sqrt 2; algorithm: Houghton & Kreuz 2012,
    doi:10.3109/0954898X.2012.673048.
    """
    return _of_pairs(_van_rossum, trains, float(tau))


def isi(trains: Sequence[Floats], start: float, stop: float) -> Floats:
    """(train, train) [1], in [0, 1]: mean over time of |x - y| / max(x, y), of the intervals that a time lies in.

    Edges as PySpike: the interval before the first spike is not shorter than the first one. Source: Kreuz et al. 2007,
    doi:10.1016/j.jneumeth.2007.05.031.
    """
    return _of_pairs(_isi_and_spike, _with_ends(trains, start, stop), start, stop, False)


def spike(trains: Sequence[Floats], start: float, stop: float) -> Floats:
    """(train, train) [1], in [0, 1]: mean over time of how far the spikes around it are from those of the other train.

    Source: Kreuz et al. 2013, doi:10.1152/jn.00873.2012, with the edges of PySpike.
    """
    return _of_pairs(_isi_and_spike, _with_ends(trains, start, stop), start, stop, True)


def _with_ends(trains: Sequence[Floats], start: float, stop: float) -> list[Floats]:
    """A train without spikes gets one at each end of the time."""
    return [train if train.size else np.array([start, stop]) for train in trains]


def _of_pairs(kernel, trains: Sequence[Floats], *given: float) -> Floats:  # type: ignore[no-untyped-def]
    last = np.cumsum([0, *(train.size for train in trains)])
    found = np.zeros((len(trains), len(trains)))
    kernel(np.concatenate([np.zeros(0), *trains]), last, *given, found)
    return found + found.T


@compiled
def _victor_purpura(time, last, cost, found):  # type: ignore[no-untyped-def]
    # best[j]: the most that can be saved of the cost n + m of removing all spikes, with the first j of b and those of a so far.
    # It never falls with j, so that a spike of a changes what lies within 2 / cost of it, and behind that only what is less.
    n = last.size - 1
    longest = 0
    for k in range(n):
        longest = max(longest, last[k + 1] - last[k])
    best = np.zeros(longest + 1)
    for x in range(n):
        for y in range(x + 1, n):
            a, b = time[last[x] : last[x + 1]], time[last[y] : last[y + 1]]
            best[: b.size + 1] = 0.0
            low = 0
            for i in range(a.size):
                while low < b.size and cost * (a[i] - b[low]) >= 2.0:
                    low += 1
                before, running = best[low], best[low]  # of the spikes of a before this one, and with it
                j = low
                while j < b.size:
                    saved = 2.0 - cost * abs(a[i] - b[j])
                    if saved <= 0.0 and best[j + 1] >= running:
                        break
                    here = best[j + 1]
                    running = max(running, here, before + saved)
                    best[j + 1] = running
                    before = here
                    j += 1
            found[x, y] = a.size + b.size - best[b.size]


@compiled
def _van_rossum(time, last, tau, found):  # type: ignore[no-untyped-def]
    n = last.size - 1
    # trace[i]: what the spikes of the train before spike i, and this one, have left at its time
    trace = np.ones(time.size)
    power = np.zeros(n)
    for k in range(n):
        for i in range(last[k], last[k + 1]):
            if i > last[k]:
                trace[i] = 1.0 + trace[i - 1] * np.exp((time[i - 1] - time[i]) / tau)
            power[k] += 2.0 * trace[i] - 1.0
    for x in range(n):
        for y in range(x + 1, n):
            i, j = last[x], last[y]
            common = 0.0
            while i < last[x + 1] or j < last[y + 1]:
                if j == last[y + 1] or (i < last[x + 1] and time[i] < time[j]):
                    if j > last[y]:
                        common += trace[j - 1] * np.exp((time[j - 1] - time[i]) / tau)
                    i += 1
                else:
                    if i > last[x]:
                        common += trace[i - 1] * np.exp((time[i - 1] - time[j]) / tau)
                    if i < last[x + 1] and time[i] == time[j]:  # once with what was before, once as a pair
                        common += 1.0
                        if j > last[y]:
                            common += trace[j - 1] * np.exp((time[j - 1] - time[i]) / tau)
                        i += 1
                    j += 1
            found[x, y] = np.sqrt(max(power[x] + power[y] - 2.0 * common, 0.0))


@compiled
def _isi_and_spike(time, last, start, stop, is_spike, found):  # type: ignore[no-untyped-def]
    n = last.size - 1
    nearest = np.zeros((2, time.size))  # from each spike of the two trains to the next spike of the other one
    for x in range(n):
        for y in range(x + 1, n):
            for one, other, side in ((x, y, 0), (y, x, 1)):
                b = time[last[other] : last[other + 1]]
                before, after = start, stop  # where a spike would be outside of the time
                if b.size > 1:
                    before, after = min(start, 2 * b[0] - b[1]), max(stop, 2 * b[-1] - b[-2])
                for i in range(last[one + 1] - last[one]):
                    t = time[last[one] + i]
                    k = np.searchsorted(b, t)
                    nearest[side, i] = min(t - (b[k - 1] if k else before), (b[k] if k < b.size else after) - t)
            total, t, i, j = 0.0, start, -1, -1
            a, b = time[last[x] : last[x + 1]], time[last[y] : last[y + 1]]
            while True:
                while i + 1 < a.size and a[i + 1] <= t:
                    i += 1
                while j + 1 < b.size and b[j + 1] <= t:
                    j += 1
                if t >= stop:
                    break
                end = stop
                if i + 1 < a.size:
                    end = min(end, a[i + 1])
                if j + 1 < b.size:
                    end = min(end, b[j + 1])
                # of each train: the interval, and the distance of the spikes around, at t and at the end of this stretch
                length, at, to = np.zeros(2), np.zeros(2), np.zeros(2)
                for side in range(2):
                    c, k = (a, i) if side == 0 else (b, j)
                    if 0 <= k < c.size - 1:
                        length[side] = c[k + 1] - c[k]
                        d, e = nearest[side, k], nearest[side, k + 1]
                        at[side] = (d * (c[k + 1] - t) + e * (t - c[k])) / length[side]
                        to[side] = (d * (c[k + 1] - end) + e * (end - c[k])) / length[side]
                        continue
                    outside = c[0] - start if k < 0 else stop - c[-1]
                    inside = 0.0
                    if c.size > 1:
                        inside = c[1] - c[0] if k < 0 else c[-1] - c[-2]
                    length[side] = max(outside, inside)
                    at[side] = to[side] = nearest[side, max(k, 0)]
                if is_spike:
                    mean = (at[0] + to[0]) / 2 * length[1] + (at[1] + to[1]) / 2 * length[0]
                    total += (end - t) * mean / (0.5 * (length[0] + length[1]) ** 2)
                else:
                    total += (end - t) * abs(length[0] - length[1]) / max(length[0], length[1])
                t = end
            found[x, y] = total / (stop - start)

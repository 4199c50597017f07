"""Which units fire near which: one sweep over the merged spikes, for all pairs of units at once.

The sweep holds how many spikes of each unit lie within reach of the present one; a spike enters once and leaves once.
It touches only neighbours, and no pair of units is looked at by itself. Where the neighbours are many, the whole row of
that count is added at once, which the processor does for many units in one instruction.
"""

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.numerics import merged, observed
from homeoanalysis.numerics.compiled import compiled

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]


class Neighbours(NamedTuple):
    """Of each pair (a, b) of units."""

    near: Counts  # spikes of a with a spike of b within reach
    pairs: Counts  # pairs of a spike of a and one of b within reach of each other


def neighbours(activity: xr.Dataset, window: float) -> Neighbours:
    """Count the spikes that have neighbours within `window` [s], its ends included, in the same segment.

    The diagonal counts each spike as its own neighbour. Raises NotApplicable without spikes.
    """
    reach = window + merged.slack(activity, window)
    found = Sweep(activity.sizes["unit"], reach)
    for piece in merged.pieces(activity, reach):
        found.add(piece)
    return found.total()


class Sweep:
    """Neighbours within `reach` [s], added up over pieces of a recording."""

    def __init__(self, n_units: int, reach: float) -> None:
        self.reach = reach
        self._total = Neighbours(*np.zeros((2, n_units, n_units), np.int64))
        self._piece = Neighbours(*np.zeros((2, n_units, n_units), np.uint32))  # rows of half the width are added twice as fast

    def add(self, piece: merged.Piece) -> None:
        """Count the spikes of a piece."""
        _sweep(piece.time, piece.unit, piece.first, piece.last, self.reach, *self._piece)
        for total, part in zip(self._total, self._piece, strict=True):
            total += part
            part[:] = 0

    def total(self) -> Neighbours:
        """What was counted."""
        return self._total


@compiled
def _sweep(time, unit, first, last, reach, near, pairs):  # type: ignore[no-untyped-def]
    n = near.shape[0]
    inside = np.zeros(n, np.uint32)  # spikes of each unit within reach
    present = np.zeros(n, np.uint32)  # 1 where there are any
    seen = np.full(n, -1)
    low = high = 0
    for i in range(first, last):
        while high < time.size and time[high] - time[i] <= reach:
            inside[unit[high]] += np.uint32(1)
            present[unit[high]] = 1
            high += 1
        while time[i] - time[low] > reach:
            inside[unit[low]] -= np.uint32(1)
            present[unit[low]] = min(inside[unit[low]], np.uint32(1))
            low += 1
        a = unit[i]
        if 32 * (high - low) < n:
            for j in range(low, high):
                b = unit[j]
                pairs[a, b] += np.uint32(1)
                if seen[b] != i:
                    seen[b] = i
                    near[a, b] += np.uint32(1)
        else:
            for b in range(n):
                pairs[a, b] += inside[b]
                near[a, b] += present[b]


def tiled(activity: xr.Dataset, window: float) -> Floats:
    """(unit, segment) [s]: how much of the segment lies within `window` of any of the unit's spikes.

    The exact length of the union of the windows, cut where the segment ends. Raises NotApplicable without spikes.
    """
    start, stop = observed.segments(activity)
    result = np.zeros((activity.sizes["unit"], start.size))
    last = np.cumsum(activity.spike_count.values)
    for u, (n, b) in enumerate(zip(activity.spike_count.values, last, strict=True)):
        if n == 0:
            continue
        train = activity.spike_time.variable[b - n : b].values  # one unit at a time: all may not fit into memory
        segment = np.searchsorted(start, train, side="right") - 1
        begin = np.maximum(train - start[segment] - window, 0)
        end = np.minimum(train - start[segment] + window, (stop - start)[segment])
        # A window begins where the one before has ended, if that is later and in the same segment.
        before = np.where(segment[1:] == segment[:-1], end[:-1], 0)
        begin[1:] = np.maximum(begin[1:], before)
        result[u] = np.bincount(segment, weights=end - begin, minlength=start.size)
    return result

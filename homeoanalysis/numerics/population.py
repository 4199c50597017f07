"""Counts of a whole population in bins."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.numerics import observed


class Counts(NamedTuple):
    """Spikes of all units in whole bins from the start of each segment on, one segment after the other."""

    spikes: NDArray[np.int64]  # (bin,)
    size: NDArray[np.int64]  # (segment,) bins in it


def counts(activity: xr.Dataset, bin_size: float) -> Counts:
    """Raises NotApplicable without spikes. A spike on an edge belongs to the later bin; one unit is read at a time."""
    _, size = _whole_bins(activity, bin_size)
    total = np.zeros(int(size.sum()), np.int64)
    for place in _bins_of_units(activity, bin_size):
        np.add.at(total, place, 1)
    return Counts(total, size)


def opposed_changes(activity: xr.Dataset, bin_size: float) -> NDArray[np.int64]:
    """(bin,): products of the changes of count from each bin to the next of any two different units, summed, times -1.

    0 in the last bin of a segment. Raises as `counts`.
    """
    found = counts(activity, bin_size)
    own = np.zeros(found.spikes.size + 1, np.int64)  # squared changes of single units; the first is of what lies before
    for place in _bins_of_units(activity, bin_size):
        at, count = np.unique(place, return_counts=True)
        own[at + 1] += count**2
        own[at] += count**2
        follows = np.flatnonzero(np.diff(at) == 1)
        own[at[follows] + 1] -= 2 * count[follows] * count[follows + 1]
    opposed = own[1:] - np.diff(found.spikes, append=0) ** 2
    opposed[np.cumsum(found.size)[found.size > 0] - 1] = 0
    return opposed


def _whole_bins(activity: xr.Dataset, bin_size: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Start of each segment, and how many bins it holds."""
    start, stop = observed.segments(activity)
    return start, np.floor((stop - start) / bin_size + observed.EDGE).astype(np.int64)


def _bins_of_units(activity: xr.Dataset, bin_size: float) -> Iterator[NDArray[np.int64]]:
    """Of each unit, the bin of each of its spikes that is in one, of all segments one after the other."""
    start, size = _whole_bins(activity, bin_size)
    offset = np.cumsum(size) - size
    for times in observed.each_train(activity):
        segment = np.searchsorted(start, times, side="right") - 1
        index = np.floor((times - start[segment]) / bin_size + observed.EDGE).astype(np.int64)
        yield (offset[segment] + index)[index < size[segment]]

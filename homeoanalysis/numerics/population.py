"""Counts of a whole population in bins."""

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
    start, stop = observed.segments(activity)
    size = np.floor((stop - start) / bin_size + observed.EDGE).astype(np.int64)
    offset = np.cumsum(size) - size
    total = np.zeros(int(size.sum()), np.int64)
    for times in observed.each_train(activity):
        segment = np.searchsorted(start, times, side="right") - 1
        index = np.floor((times - start[segment]) / bin_size + observed.EDGE).astype(np.int64)
        inside = index < size[segment]
        np.add.at(total, (offset[segment] + index)[inside], 1)
    return Counts(total, size)

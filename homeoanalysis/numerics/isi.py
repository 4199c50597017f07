"""Intervals between the spikes of a unit, none of which bridges a gap."""

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.numerics import observed

Floats = NDArray[np.float64]


class Intervals(NamedTuple):
    """All intervals of all units: of which unit, and how long [s]."""

    unit: NDArray[np.intp]
    length: Floats


def intervals(activity: xr.Dataset) -> Intervals:
    """The intervals between neighbouring spikes of one unit in one segment. Raises NotApplicable without spikes."""
    unit = observed.unit_of_spike(activity)
    times = activity.spike_time.values
    segment = np.searchsorted(activity.segment_start.values, times, side="right") - 1
    whole = (unit[1:] == unit[:-1]) & (segment[1:] == segment[:-1])
    return Intervals(unit[1:][whole], np.diff(times)[whole])


def mean_and_deviation(found: Intervals, n_units: int) -> tuple[NDArray[np.int64], Floats, Floats]:
    """How many intervals each unit has, their mean and their standard deviation (divisor n) [s]; NaN without any."""
    n = np.bincount(found.unit, minlength=n_units)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(found.unit, found.length, n_units) / n
        square = np.bincount(found.unit, (found.length - mean[found.unit]) ** 2, n_units) / n
    return n, mean, np.sqrt(square)

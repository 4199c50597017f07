"""Permutation tests that exchange the epochs of single units.

Under the null each unit is stationary and independent of the others, so that two epochs of equal
length may be exchanged within a unit. This holds for any autocorrelation of a unit's rate, and for
any distribution of rates over units.
"""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.numerics import observed
from homeoanalysis.provenance import rng_for

Floats = NDArray[np.float64]
_EXCHANGES = 9_999


def match_durations(activity: xr.Dataset, labels: Sequence[str]) -> xr.Dataset:
    """The activity with the named epochs cut to the shortest of them.

    Of a longer one its end is kept.
    Raises NotApplicable, naming it, without one of the epochs.
    """
    spans = {label: observed.epoch(activity, label) for label in labels}
    shortest = min(stop - start for start, stop in spans.values())
    start = activity["epoch_start"].values.astype(float).copy()
    for index, label in enumerate(activity["epoch"].values.astype(str)):
        if label in spans:
            start[index] = max(start[index], spans[label][1] - shortest)
    return activity.assign(epoch_start=("epoch", start, activity["epoch_start"].attrs))


def exchange(units: int, name: str) -> NDArray[np.bool_]:
    """Which units exchange their epochs (draw, unit).

    The same for the same name and number of units.
    """
    return np.asarray(rng_for(0, name, units).random((_EXCHANGES, units)) < 0.5)


def count_as_extreme(surrogates: Floats, seen: float) -> float:
    """Part of the surrogates (draw) that are `seen` or larger.

    The data count as one of them (Phipson & Smyth 2010).
    Source: doi:10.2202/1544-6115.1585.
    """
    return float((1 + np.sum(surrogates >= seen - 1e-12)) / (1 + surrogates.size))


def measure_steadiness_p(rate: Floats) -> float:
    """Probability that independent stationary units change so little.

    The change is that of their summed rate. rate: (unit, 2) [Hz], of two epochs of equal length.
    The statistic is the absolute log ratio of the two sums. NaN below
    4 units, or where an epoch has no spikes. Units whose rates fluctuate together make it
    conservative.
    """
    if len(rate) < 4 or not (rate.sum(axis=0) > 0).all():
        return np.nan
    first, second = rate[np.lexsort(rate.T)].T  # the same draws whatever the order of units
    total, change = rate.sum(), second - first
    sign = np.where(exchange(len(rate), "steadiness"), -1.0, 1.0)
    # The sums are (total -+ change) / 2: the log ratio grows with the change, so that changes can
    # be compared.
    return count_as_extreme(-np.abs(sign @ change) / total, -abs(change.sum()) / total)

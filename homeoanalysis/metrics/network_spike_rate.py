"""Moments at which many units fire at once."""

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field

from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import observed, resampling, synthetic
from homeoanalysis.units import Second


def _truth(rng: np.random.Generator) -> Truth:
    """Volleys of 40 units, 1 ms wide, every 3 s on average."""
    onset = synthetic.onsets(1.5, 3.0, 150.0, rng)
    return Truth(synthetic.activity(synthetic.volleys(40, onset, 0.001, 1.0, 0.5, 150.0, rng), 150.0), 1 / 3, {})


@metric(
    units="Hz",
    dims=("epoch",),
    bounds=(0, np.inf),
    companions={
        "peak": Companion("1", "Median over network spikes of the units that are active in the fullest bin", (0, np.inf)),
        "duration": Companion("s", "Median over network spikes of the width at half the peak", (0, np.inf)),
        "count": Companion("1", "Number of network spikes", (0, np.inf)),
    },
    source="Eytan & Marom 2006, doi:10.1523/JNEUROSCI.1627-06.2006; bins and threshold of Charlesworth et al. 2015, "
    "doi:10.1186/s13064-014-0028-0",
    scale="relative",
    truth=_truth,
    surrogate=resampling.turned_trains,
    null=surrogate_of(_truth, resampling.turned_trains, 0.0),
)
def network_spike_rate(
    activity: xr.Dataset, *, bin_size: Second = 0.003, units: Annotated[int, Field(ge=1)] = 10, reach: Second = 0.3
) -> Mapping[str, Any]:
    """Network spikes per observed time: runs of bins with activity in whose fullest more than `units` units are active.

    activity: activity/1 with spikes.
    bin_size: [s], laid from the start of each segment on. units: see above. reach: [s], around the peak; peaks nearer to the
    ends of a segment are left out, and so is that time.
    Returns (epoch), [Hz], >= 0; NaN where no segment is longer than two reaches.
    Raises NotApplicable without spikes, or where nothing was observed in an epoch.
    """
    labels = observed.epochs(activity)
    seen = observed.seen(activity)
    values = np.full((4, len(labels)), np.nan)
    for e, (start, stop) in enumerate(labels.values()):
        part = observed.restrict(seen, np.array([start]), np.array([stop]))
        begin, end = observed.segments(part)
        time = float(np.maximum(end - begin - 2 * reach, 0).sum())
        if time > 0:
            found = _network_spikes(part, bin_size, units, reach)
            values[0, e], values[3, e] = len(found) / time, len(found)
            if found:
                values[1, e] = np.median([f.peak for f in found])
                values[2, e] = np.median([f.width for f in found]) * bin_size
    names = ("network_spike_rate", *(f"network_spike_rate_{c}" for c in ("peak", "duration", "count")))
    return {**dict(zip(names, values, strict=True)), "coords": {"epoch": list(labels)}}


class _Spike(NamedTuple):
    """Units in the fullest bin, and the width at half of that [bins]."""

    peak: int
    width: float


def _network_spikes(activity: xr.Dataset, bin_size: float, least: int, reach: float) -> list[_Spike]:
    begin, end = observed.segments(activity)
    around = round(reach / bin_size)
    n_bins = np.ceil((end - begin) / bin_size - observed.EDGE).astype(np.int64)
    offset = np.cumsum(n_bins + 2 * around) - n_bins - 2 * around  # of each segment; runs never reach into the next
    times, unit = activity.spike_time.values, observed.unit_of_spike(activity)
    segment = np.searchsorted(begin, times, side="right") - 1
    index = np.floor((times - begin[segment]) / bin_size + observed.EDGE).astype(np.int64)
    index = offset[segment] + np.minimum(index, n_bins[segment] - 1)  # the end of a segment belongs to it
    n_units = activity.sizes["unit"]
    place, active = np.unique(np.unique(index * n_units + unit) // n_units, return_counts=True)
    if place.size == 0:
        return []
    first = np.flatnonzero(np.diff(place, prepend=-2) > 1)  # of each run of bins with activity
    last = np.append(first[1:], place.size)
    is_full = np.maximum.reduceat(active, first) > least  # few of the runs are
    found = []
    for a, b in zip(first[is_full], last[is_full], strict=True):
        top = a + int(np.argmax(active[a:b]))
        of = np.searchsorted(offset, place[top], side="right") - 1
        within = place[top] - offset[of]
        if around <= within < n_bins[of] - around:
            found.append(_Spike(int(active[top]), _width(place, active, int(top), around)))
    return found


def _width(place: NDArray[np.int64], active: NDArray[np.int64], top: int, around: int) -> float:
    """Full width at half maximum in bins, between the nearest points below it on both sides, interpolated."""
    curve = np.zeros(2 * around + 1)
    near = slice(*np.searchsorted(place, [place[top] - around, place[top] + around + 1]))
    curve[place[near] - place[top] + around] = active[near]
    half = active[top] / 2
    below = np.flatnonzero(curve < half) - around
    if not (below < 0).any() or not (below > 0).any():
        return float("nan")
    left, right = below[below < 0][-1], below[below > 0][0]
    rise = (half - curve[left + around]) / (curve[left + around + 1] - curve[left + around])
    fall = (half - curve[right + around]) / (curve[right + around - 1] - curve[right + around])
    return float(right - fall - left - rise)

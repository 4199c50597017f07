"""Events in which a whole population fires: bins whose count stands out, such as retinal waves."""

from typing import NamedTuple

import numpy as np
import xarray as xr

from homeoanalysis.numerics import observed

FEWEST = 20  # bins


class Events(NamedTuple):
    """Means over the events of a stretch of time; NaN without an event, all NaN with fewer than 20 bins."""

    rate: float  # Hz
    participation: float  # part of the isolated units that fire in an event
    spikes: float  # of all units
    duration: float  # s, in whole bins
    number: float


def in_epochs(activity: xr.Dataset, bin_size: float, deviations: float) -> dict[str, Events]:
    """The events of each epoch. Raises NotApplicable without spikes, or where nothing was observed in an epoch."""
    seen = observed.seen(activity)
    found = {}
    for label, (start, stop) in observed.epochs(activity).items():
        found[label] = _events(observed.restrict(seen, np.array([start]), np.array([stop])), bin_size, deviations)
    return found


def _events(activity: xr.Dataset, bin_size: float, deviations: float) -> Events:
    """Runs of bins whose count exceeds the mean by `deviations` standard deviations over bins."""
    begin, end = observed.segments(activity)
    n = np.floor((end - begin) / bin_size + observed.EDGE).astype(np.int64)
    times, unit = activity.spike_time.values, observed.unit_of_spike(activity)
    segment = np.searchsorted(begin, times, side="right") - 1
    index = np.floor((times - begin[segment]) / bin_size + observed.EDGE).astype(np.int64)
    inside = index < n[segment]
    index = ((np.cumsum(n) - n)[segment] + index)[inside]
    count = np.bincount(index, minlength=n.sum())
    if count.size < FEWEST:
        return Events(*np.full(5, np.nan))
    above = count > count.mean() + deviations * count.std()
    first = np.zeros(count.size, bool)  # of a run of bins above the threshold; a run ends where its segment does
    first[1:] = above[1:] & ~above[:-1]
    edges = (np.cumsum(n) - n)[n > 0]
    first[edges] = above[edges]
    n_events = int(first.sum())
    if n_events == 0:
        return Events(0.0, np.nan, np.nan, np.nan, 0.0)
    event = np.where(above, np.cumsum(first) - 1, -1)[index]
    kept = event >= 0
    pairs = np.unique(np.stack([event[kept], unit[inside][kept]]), axis=1)
    isolated = observed.isolated(activity)[:, np.repeat(np.arange(n.size), n)[first]].sum(axis=0)  # units, in each event
    part = np.bincount(pairs[0], minlength=n_events) / isolated
    time = count.size * bin_size
    duration = above.sum() * bin_size / n_events
    return Events(n_events / time, float(part.mean()), kept.sum() / n_events, duration, n_events)

"""Events in which a whole population fires, such as retinal waves."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field
from scipy import special

from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import observed, resampling, synthetic
from homeoanalysis.units import Second


def _truth(rng: np.random.Generator) -> Truth:
    """Events in which 80 % of 50 units fire once, every 10 s on average."""
    onset = synthetic.onsets(3.0, 10.0, 1000.0, rng)
    trains = synthetic.volleys(50, onset, 0.002, 0.8, 0.01, 1000.0, rng)
    return Truth(synthetic.activity(trains, 1000.0), 0.1, {})


def _null(rng: np.random.Generator) -> Truth:
    """Independent Poisson units: the part p of bins that is above the threshold by chance makes p (1 - p) events a bin."""
    trains = [synthetic.poisson_train(20.0, 600.0, rng) for _ in range(50)]
    p = float(special.ndtr(-2))
    return Truth(synthetic.activity(trains, 600.0), p * (1 - p), {})


@metric(
    units="Hz",
    dims=("epoch",),
    bounds=(0, np.inf),
    companions={
        "participation": Companion("1", "Mean over events of the part of the units that fire in it", (0, 1)),
        "spikes": Companion("1", "Mean over events of the spikes of all units", (0, np.inf)),
        "duration": Companion("s", "Mean duration of an event, in whole bins", (0, np.inf)),
        "count": Companion("1", "Number of events", (0, np.inf)),
    },
    source="runs of bins whose count of all units exceeds the mean by 2 standard deviations over bins; of independent units "
    "chance makes 0.022 events a bin",
    scale="relative",
    truth=_truth,
    surrogate=resampling.turned_trains,
    null=_null,
)
def population_event_rate(
    activity: xr.Dataset, *, bin_size: Second = 1.0, deviations: Annotated[float, Field(gt=0)] = 2.0
) -> Mapping[str, Any]:
    """Population events per observed time.

    activity: activity/1 with spikes.
    bin_size: [s], laid from the start of each segment on; what is left at its end is not used. deviations: how many standard
    deviations of the bins of an epoch an event exceeds their mean by.
    Returns (epoch), [Hz], >= 0; NaN with fewer than 20 bins. The threshold is the epoch's own: it grows with the events.
    Raises NotApplicable without spikes, or where nothing was observed in an epoch.
    """
    labels = observed.epochs(activity)
    seen = observed.seen(activity)
    values = np.full((5, len(labels)), np.nan)
    for e, (start, stop) in enumerate(labels.values()):
        values[:, e] = _events(observed.restrict(seen, np.array([start]), np.array([stop])), bin_size, deviations)
    names = ("population_event_rate", *(f"population_event_rate_{c}" for c in ("participation", "spikes", "duration", "count")))
    return {**dict(zip(names, values, strict=True)), "coords": {"epoch": list(labels)}}


def _events(activity: xr.Dataset, bin_size: float, deviations: float) -> NDArray[np.float64]:
    """Rate, participation, spikes and duration of events, and their number."""
    begin, end = observed.segments(activity)
    n = np.floor((end - begin) / bin_size + observed.EDGE).astype(np.int64)
    times, unit = activity.spike_time.values, observed.unit_of_spike(activity)
    segment = np.searchsorted(begin, times, side="right") - 1
    index = np.floor((times - begin[segment]) / bin_size + observed.EDGE).astype(np.int64)
    inside = index < n[segment]
    index = ((np.cumsum(n) - n)[segment] + index)[inside]
    count = np.bincount(index, minlength=n.sum())
    if count.size < 20:
        return np.full(5, np.nan)
    above = count > count.mean() + deviations * count.std()
    first = np.zeros(count.size, bool)  # of a run of bins above the threshold; a run ends where its segment does
    first[1:] = above[1:] & ~above[:-1]
    edges = (np.cumsum(n) - n)[n > 0]
    first[edges] = above[edges]
    n_events = int(first.sum())
    if n_events == 0:
        return np.array([0.0, np.nan, np.nan, np.nan, 0.0])
    event = np.where(above, np.cumsum(first) - 1, -1)[index]
    kept = event >= 0
    pairs = np.unique(np.stack([event[kept], unit[inside][kept]]), axis=1)
    isolated = observed.isolated(activity)[:, np.repeat(np.arange(n.size), n)[first]].sum(axis=0)  # units, in each event
    part = np.bincount(pairs[0], minlength=n_events) / isolated
    time = count.size * bin_size
    return np.array([n_events / time, part.mean(), kept.sum() / n_events, above.sum() * bin_size / n_events, n_events])

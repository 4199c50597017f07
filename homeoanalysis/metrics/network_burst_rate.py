"""Bursts of many units at once."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field

from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import bursts, merged, observed, resampling, synthetic

_METHODS: dict[str, bursts.Finder] = {
    "max_interval": bursts.max_interval,
    "log_interval": bursts.log_interval,
    "rank_surprise": bursts.rank_surprise,
}


def _truth(rng: np.random.Generator) -> Truth:
    """All 8 units burst together, every 3 s on average: 8 spikes, 20 ms apart."""
    onset = synthetic.onsets(1.5, 3.0, 150.0, rng)
    trains = [synthetic.bursting_train(onset + rng.uniform(0, 0.02), 8, 0.02, 0.1, 150.0, rng) for _ in range(8)]
    return Truth(synthetic.activity(trains, 150.0), 1 / 3, {"method": "log_interval"})


@metric(
    units="Hz",
    dims=("epoch",),
    bounds=(0, np.inf),
    companions={
        "participation": Companion("1", "Mean over network bursts of the part of the units that burst in it", (0, 1)),
        "duration": Companion("s", "Mean duration of a network burst", (0, np.inf)),
        "count": Companion("1", "Number of network bursts", (0, np.inf)),
    },
    source="stretches in which a share of the isolated units is in bursts at once; bursts of units: Cotterill et al. 2016, "
    "doi:10.1152/jn.00093.2016; Pasquale et al. 2010, doi:10.1007/s10827-009-0175-1; Gourevitch & Eggermont 2007, "
    "doi:10.1016/j.jneumeth.2006.09.023",
    scale="relative",
    truth=_truth,
    surrogate=resampling.scattered_trains,
    null=surrogate_of(_truth, resampling.clockwork, 0.0),
)
def network_burst_rate(
    activity: xr.Dataset,
    *,
    method: Literal["max_interval", "log_interval", "rank_surprise"] = "max_interval",
    share: Annotated[float, Field(gt=0, le=1)] = 0.25,
) -> Mapping[str, Any]:
    """Network bursts per observed time.

    activity: activity/1 with spikes.
    method: how the bursts of units are found, with the default values of the metric `<method>_burst_rate`. share: of the units,
    that must be in a burst at once; at least two.
    Returns (epoch), [Hz], >= 0. A network burst never bridges a gap.
    Raises NotApplicable without spikes, or where nothing was observed in an epoch.
    """
    labels = observed.epochs(activity)
    seen = observed.seen(activity)
    values = np.full((4, len(labels)), np.nan)
    for e, (start, stop) in enumerate(labels.values()):
        part = observed.restrict(seen, np.array([start]), np.array([stop]))
        values[:, e] = _network_bursts(part, _METHODS[method], share)
    names = ("network_burst_rate", *(f"network_burst_rate_{c}" for c in ("participation", "duration", "count")))
    return {**dict(zip(names, values, strict=True)), "coords": {"epoch": list(labels)}}


def _network_bursts(activity: xr.Dataset, find: bursts.Finder, share: float) -> NDArray[np.float64]:
    """Rate, participation and duration of network bursts, and their number."""
    clock, slack = merged.Clock(activity, bursts.GAP), merged.slack(activity, 1e-3)
    isolated = observed.isolated(activity)
    begin, end, unit = [np.zeros(0)], [np.zeros(0)], [np.zeros(0, np.int64)]
    for u, train in enumerate(observed.spike_trains(activity)):
        times = clock(train)
        first, last = find(times, slack)
        begin.append(times[first])
        end.append(times[last])
        unit.append(np.full(first.size, u))
    starts, stops, of = (np.concatenate(x) for x in (begin, end, unit))
    edge = np.concatenate([starts, stops])
    step = np.repeat([1, -1], starts.size)
    order = np.lexsort((-step, edge))  # where one burst ends and another begins, both are there
    edge, inside = edge[order], np.cumsum(step[order])
    segment = np.searchsorted(clock.begin, edge, side="right") - 1
    # Rounded up but for what a share such as 0.1 x 30 loses in binary.
    least = np.maximum(np.ceil(share * isolated.sum(axis=0) - observed.EDGE), 2)[segment]
    many = np.concatenate([[False], inside >= least, [False]])
    first, last = np.flatnonzero(many[1:] & ~many[:-1]), np.flatnonzero(~many[1:] & many[:-1])
    start, stop = edge[first], edge[last]
    if start.size == 0:
        return np.array([0.0, np.nan, np.nan, 0.0])
    part = [np.unique(of[(starts <= b) & (stops >= a)]).size for a, b in zip(start, stop, strict=True)]
    participation = np.array(part) / isolated.sum(axis=0)[segment[first]]
    rate = start.size / observed.observed_time(activity)
    return np.array([rate, participation.mean(), (stop - start).mean(), start.size])

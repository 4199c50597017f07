"""How much of a population takes part in its events."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import Field

from homeoanalysis.metric import Truth, metric
from homeoanalysis.numerics import events, resampling, synthetic
from homeoanalysis.units import Second


def _truth(rng: np.random.Generator) -> Truth:
    return Truth(synthetic.waves(0.0, rng), 0.8, {})


@metric(
    units="1",
    dims=("epoch",),
    bounds=(0, 1),
    companions={},
    source="events as in population_event_rate; undefined without an event",
    scale="relative",
    truth=_truth,
    surrogate=resampling.turned_trains,
    no_worst_case="of independent units, in whose largest fluctuations some fire too",
)
def population_event_participation(
    activity: xr.Dataset, *, bin_size: Second = 1.0, deviations: Annotated[float, Field(gt=0)] = 2.0
) -> Mapping[str, Any]:
    """Mean over population events of the part of the units that fire in it: the size of a wave.

    activity: activity/1 with spikes.
    bin_size: [s], laid from the start of each segment on. deviations: how many standard deviations of the bins of an epoch an
    event exceeds their mean by.
    Returns (epoch), [1], in [0, 1]; NaN with fewer than 20 bins, and without an event.
    Raises NotApplicable without spikes, or where nothing was observed in an epoch.
    """
    found = events.in_epochs(activity, bin_size, deviations)
    return {"population_event_participation": [e.participation for e in found.values()], "coords": {"epoch": list(found)}}

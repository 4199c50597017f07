"""Events in which a whole population fires, such as retinal waves."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import Field

from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import events, resampling, synthetic
from homeoanalysis.units import Second


def _truth(rng: np.random.Generator) -> Truth:
    return Truth(synthetic.waves(0.01, rng), 0.1, {})


def _null(rng: np.random.Generator) -> Truth:
    """Independent Poisson units: the part p of bins that is above the threshold by chance makes p (1 - p) events a bin."""
    trains = [synthetic.poisson_train(20.0, 600.0, rng) for _ in range(50)]
    from scipy import special  # here, since the config check need not pay

    p = float(special.ndtr(-2))
    return Truth(synthetic.activity(trains, 600.0), p * (1 - p), {})


@metric(
    units="Hz",
    dims=("epoch",),
    bounds=(0, np.inf),
    companions={
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
    found = events.in_epochs(activity, bin_size, deviations)
    return {
        "population_event_rate": [e.rate for e in found.values()],
        "population_event_rate_duration": [e.duration for e in found.values()],
        "population_event_rate_count": [e.number for e in found.values()],
        "coords": {"epoch": list(found)},
    }

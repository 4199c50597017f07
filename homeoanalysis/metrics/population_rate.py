"""Mean rate of a population in time."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Truth, metric, surrogate_of
from homeoanalysis.numerics import observed, rates, resampling, synthetic
from homeoanalysis.units import Second


def _truth(rng: np.random.Generator) -> Truth:
    trains = [synthetic.poisson_train(8.0, 50.0, rng) for _ in range(20)]
    return Truth(synthetic.activity(trains, 50.0), np.full(5, 8.0), {"bin_size": 10.0})


@metric(
    units="Hz",
    dims=("time",),
    bounds=(0, np.inf),
    companions={},
    source="spikes of all units in the bin / (units x observed time in the bin)",
    scale=None,
    truth=_truth,
    surrogate=resampling.scattered_trains,
    null=surrogate_of(_truth, resampling.scattered_trains, 8.0),
)
def population_rate(activity: xr.Dataset, *, bin_size: Second, cell_type: rates.CellType = "all") -> Mapping[str, Any]:
    """Population firing rate.

    activity: activity/1 with spikes.
    bin_size: [s]. cell_type: only units of this type.
    Returns (time), [Hz], >= 0, at the centres of bins counted from the start of observation; NaN where nothing was observed.
    Raises NotApplicable without spikes or without units of the cell type.
    """
    start, stop = observed.segments(activity)
    n_bins = int(np.ceil((stop[-1] - start[0]) / bin_size - observed.EDGE))
    edges = start[0] + bin_size * np.arange(n_bins + 1.0)
    rate, time = rates.of_population(rates.binned(activity, edges, bin_size, cell_type))
    rate = np.where(time > observed.EDGE * bin_size, rate, np.nan)
    return {"population_rate": rate, "coords": {"time": ("time", (edges[:-1] + edges[1:]) / 2, {"units": "s"})}}

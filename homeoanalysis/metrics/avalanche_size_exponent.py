"""Whether the activity of a population comes in avalanches without a size of their own."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import avalanches, observed, population, resampling, synthetic
from homeoanalysis.units import Second

_COMPANIONS = {
    "smallest": Companion("1", "Where the power law of sizes begins [spikes]", (1, np.inf)),
    "largest": Companion("1", "Where the power law of sizes ends [spikes]", (1, np.inf)),
    "duration": Companion("1", "Exponent of the durations"),
    "scaling": Companion("1", "Exponent of the mean size of avalanches of a duration, over the range of durations"),
    "deviation": Companion("1", "Deviation from criticality: |(duration - 1) / (size - 1) - scaling|", (0, np.inf)),
    "count": Companion("1", "Number of whole avalanches", (0, np.inf)),
}


def _truth(rng: np.random.Generator) -> Truth:
    """Sizes from 1 to 1000 with the exponent 3/2."""
    trains, duration = synthetic.avalanche_trains(8, 1.5, 1000, 0.004, 3000, rng)
    return Truth(synthetic.activity(trains, duration), 1.5, {})


@metric(
    units="1",
    dims=("epoch",),
    bounds=(-2, 10),
    companions=_COMPANIONS,
    source="maximum likelihood in the widest range with a Kolmogorov-Smirnov distance below 1 / sqrt(n), as Marshall et al. "
    "2016, doi:10.3389/fphys.2016.00250; deviation: Ma et al. 2019, doi:10.1016/j.neuron.2019.08.031; undefined without a range "
    "of a decade that holds 100 avalanches",
    scale="linear",
    truth=_truth,
    surrogate=resampling.scattered_trains,
    no_worst_case="a Poisson process of the same rate, whose avalanches follow no power law",
)
def avalanche_size_exponent(activity: xr.Dataset, *, bin_size: Second = 0.004) -> Mapping[str, Any]:
    """Exponent of the sizes of avalanches: runs of bins with spikes of any unit, between empty ones.

    activity: activity/1 with spikes.
    bin_size: [s], laid from the start of each segment on. Exponents depend on it and on how many units are recorded: a network
    that is seen in part has other ones than the network.
    Returns (epoch), [1]; NaN where no power law fits. Avalanches that touch the end of a segment are left out.
    Raises NotApplicable without spikes, or where nothing was observed in an epoch.
    """
    labels = observed.epochs(activity)
    seen = observed.seen(activity)
    values = np.full((1 + len(_COMPANIONS), len(labels)), np.nan)
    for e, (start, stop) in enumerate(labels.values()):
        part = observed.restrict(seen, np.array([start]), np.array([stop]))
        found = avalanches.avalanches(population.counts(part, bin_size))
        size, duration = (avalanches.power_law(x) for x in found)
        values[6, e] = found.size.size
        if np.isfinite(size.exponent):
            values[:3, e] = size.exponent, size.low, size.high
        if np.isfinite(duration.exponent):
            values[3, e] = duration.exponent
            values[4, e] = avalanches.scaling(found, duration.low, duration.high)
            with np.errstate(divide="ignore"):
                values[5, e] = abs((duration.exponent - 1) / (size.exponent - 1) - values[4, e])
    names = ("avalanche_size_exponent", *(f"avalanche_size_exponent_{c}" for c in _COMPANIONS))
    return {**dict(zip(names, values, strict=True)), "coords": {"epoch": list(labels)}}

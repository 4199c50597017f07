"""Irregularity of firing, slow changes of rate included."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import isi, observed, resampling, synthetic

_FEWEST = 20


def _truth(rng: np.random.Generator) -> Truth:
    """Renewal processes with gamma intervals of shape 4: 1/2."""
    trains = [synthetic.gamma_train(20.0, 4.0, 100.0, rng) for _ in range(4)]
    return Truth(synthetic.activity(trains, 100.0), np.full((4, 1), 0.5), {})


@metric(
    units="1",
    dims=("unit", "epoch"),
    bounds=(0, np.inf),
    companions={"intervals": Companion("1", "Intervals that it is of", (0, np.inf))},
    source="standard deviation / mean of the intervals between spikes, as elephant.statistics.cv; undefined below 20 intervals",
    scale="relative",
    truth=_truth,
    surrogate=resampling.clockwork,
    null=surrogate_of(_truth, resampling.clockwork, 0.0),
)
def coefficient_of_variation(activity: xr.Dataset) -> Mapping[str, Any]:
    """Coefficient of variation of the intervals between spikes: 1 for a Poisson process, 0 for a clock.

    activity: activity/1 with spikes.
    Returns (unit, epoch), [1], >= 0; NaN with fewer than 20 intervals. Intervals never bridge a gap or an epoch's end; those
    of all segments are taken together, so that long ones are missed where segments are not much longer than they.
    Raises NotApplicable without spikes, or where nothing was observed in an epoch.
    """
    observed.need_spikes(activity)
    labels = observed.epochs(activity)
    values = np.full((2, activity.sizes["unit"], len(labels)), np.nan)
    for e, (start, stop) in enumerate(labels.values()):
        part = observed.restrict(activity, np.array([start]), np.array([stop]))
        n, mean, deviation = isi.mean_and_deviation(isi.intervals(part), activity.sizes["unit"])
        enough = n >= _FEWEST
        values[0, enough, e] = (deviation / mean)[enough]
        values[1, :, e] = n
    name = "coefficient_of_variation"
    return {name: values[0], f"{name}_intervals": values[1], "coords": {"unit": activity.unit.values, "epoch": list(labels)}}

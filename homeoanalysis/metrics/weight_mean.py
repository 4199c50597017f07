"""How strong synapses are on average."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Truth, metric
from homeoanalysis.numerics import synthetic
from homeoanalysis.numerics.snapshots import weights_of


def _truth(rng: np.random.Generator) -> Truth:
    """Log-normal weights of mean 13 pA and sigma 0.7, all multiplied by 1.92."""
    return Truth(synthetic.weights(40, 100, lambda w: 1.92 * w, rng), 13e-12 * np.array([1, 1.92]), {})


def _any_size(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """All weights at the same random multiple, log-uniform from 1/10 to 10."""
    values = activity.weight.values * 10 ** rng.uniform(-1, 1)
    return activity.assign(weight=(activity.weight.dims, values, activity.weight.attrs))


@metric(
    units="1",
    dims=("snapshot",),
    bounds=(-np.inf, np.inf),
    companions={},
    source="mean over synapses",
    scale=None,
    truth=_truth,
    surrogate=_any_size,
    no_worst_case="an arbitrary strength of a similar order",
)
def weight_mean(activity: xr.Dataset) -> Mapping[str, Any]:
    """Mean weight of each snapshot.

    activity: activity/1 with weights.
    Returns (snapshot), in the unit of the weights.
    Raises NotApplicable without weights.
    """
    weights = weights_of(activity)
    dims, units = ("snapshot",), activity.weight.attrs["units"]
    return {"weight_mean": (dims, weights.mean(axis=1), units), "coords": {"snapshot": np.arange(len(weights))}}

"""How unequal synaptic weights are."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.errors import NotApplicable
from homeoanalysis.metric import Truth, metric
from homeoanalysis.numerics import synthetic
from homeoanalysis.numerics.snapshots import alike, weights_of


def _truth(rng: np.random.Generator) -> Truth:
    """Log-normal weights of sigma 0.7: erf(0.35), whatever they are multiplied by."""
    from scipy import special  # here, since the config check need not pay

    return Truth(synthetic.weights(40, 100, lambda w: 1.92 * w, rng), float(special.erf(0.35)), {})


def _null(rng: np.random.Generator) -> Truth:
    return Truth(alike(_truth(rng).activity, rng), 0.0, {})


@metric(
    units="1",
    dims=("snapshot",),
    bounds=(0, 1),
    companions={},
    source="Gini 1912: mean absolute difference of two weights / (2 mean)",
    scale=None,
    truth=_truth,
    surrogate=alike,
    null=_null,
)
def weight_gini(activity: xr.Dataset) -> Mapping[str, Any]:
    """Gini coefficient of the weights of each snapshot: 0, all alike; 1, all weight in one synapse.

    activity: activity/1 with weights, none below 0.
    Returns (snapshot), [1], in [0, 1]; NaN where no weight is above 0. It does not change when all weights are multiplied.
    Raises NotApplicable without weights, or with negative ones.
    """
    weights = np.sort(weights_of(activity), axis=1)
    if np.any(weights < 0):
        raise NotApplicable("weights below 0, of which there is no Gini coefficient")
    n = weights.shape[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        value = weights @ (2 * np.arange(1, n + 1) - n - 1) / (n * weights.sum(axis=1))
    # A number, not a time: the coordinate of another realisation may differ by rounding, and would not be joined.
    return {"weight_gini": np.maximum(value, 0.0), "coords": {"snapshot": np.arange(weights.shape[0])}}

"""How different synaptic weights are."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Truth, metric
from homeoanalysis.numerics import synthetic
from homeoanalysis.numerics.snapshots import alike, weights_of


def _truth(rng: np.random.Generator) -> Truth:
    """At the end uniform from 0 to 1 pA: 1 / sqrt(3)."""
    made = synthetic.weights(40, 100, lambda w: rng.uniform(0, 1e-12, w.size), rng)
    return Truth(made, np.array([np.nan, 1 / np.sqrt(3)]), {})


def _null(rng: np.random.Generator) -> Truth:
    return Truth(alike(_truth(rng).activity, rng), 0.0, {})


@metric(
    units="1",
    dims=("snapshot",),
    bounds=(0, np.inf),
    companions={},
    source="standard deviation / mean over synapses",
    scale=None,
    truth=_truth,
    surrogate=alike,
    null=_null,
)
def weight_variation(activity: xr.Dataset) -> Mapping[str, Any]:
    """Coefficient of variation of the weights of each snapshot: 0, all are alike.

    activity: activity/1 with weights.
    Returns (snapshot), [1], >= 0; NaN where the mean is not above 0.
    Raises NotApplicable without weights.
    """
    weights = weights_of(activity)
    mean = weights.mean(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.where(mean > 0, weights.std(axis=1) / mean, np.nan)
    return {"weight_variation": value, "coords": {"snapshot": np.arange(mean.size)}}

"""How many synapses have come to a bound of their weight."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import Field

from homeoanalysis.metric import Truth, metric
from homeoanalysis.numerics import synthetic
from homeoanalysis.numerics.snapshots import alike, weights_of
from homeoanalysis.units import parse

_SHARE = 0.3


def _truth(rng: np.random.Generator) -> Truth:
    """At the end 30 % of the weights are at 0 or at 100 pA, and the others from 20 to 80 pA."""

    def ended(w: np.ndarray) -> np.ndarray:
        extreme = 100e-12 * rng.integers(0, 2, w.size)
        return np.where(rng.uniform(size=w.size) < _SHARE, extreme, rng.uniform(20e-12, 80e-12, w.size))

    return Truth(synthetic.weights(40, 100, ended, rng), np.array([np.nan, _SHARE]), {"bound": "100 pA"})


def _null(rng: np.random.Generator) -> Truth:
    """Weights from 20 to 80 pA."""
    one = synthetic.weights(40, 100, lambda w: rng.uniform(20e-12, 80e-12, w.size), rng)
    return Truth(one, np.array([np.nan, 0.0]), {"bound": "100 pA"})


@metric(
    units="1",
    dims=("snapshot",),
    bounds=(0, 1),
    companions={},
    source="part of the weights that are nearer to 0 or to the upper bound than `margin` times the bound",
    scale=None,  # halves of time hold the same weights
    truth=_truth,
    surrogate=alike,
    null=_null,
)
def weight_saturation(
    activity: xr.Dataset, *, bound: str, margin: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
) -> Mapping[str, Any]:
    """Fraction of the synapses at a bound of their weight: these can change in one direction only.

    activity: activity/1 with weights. bound: the largest weight, in their unit, e.g. '1.5 nS'; the other bound is 0.
    margin: over the bound.
    Returns (snapshot), [1], in [0, 1].
    Raises NotApplicable without weights.
    """
    weights, highest = weights_of(activity), parse(bound, activity.weight.attrs["units"])
    at_bound = (weights < margin * highest) | (weights > (1 - margin) * highest)
    return {"weight_saturation": at_bound.mean(axis=1), "coords": {"snapshot": np.arange(len(weights))}}

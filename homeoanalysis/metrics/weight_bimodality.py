"""Whether synaptic weights are of one kind or of two."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Truth, metric
from homeoanalysis.numerics import synthetic
from homeoanalysis.numerics.snapshots import weights_of


def _truth(rng: np.random.Generator) -> Truth:
    """At the end half of the weights are from 0 to 0.1 pA and half from 0.9 to 1 pA: second and fourth moment by hand."""

    def parted(w: np.ndarray) -> np.ndarray:
        return 1e-12 * (rng.integers(0, 2, w.size) * 0.9 + rng.uniform(0, 0.1, w.size))

    inner = 0.1**2 / 12
    second, fourth = 0.45**2 + inner, 0.45**4 + 6 * 0.45**2 * inner + 0.1**4 / 80
    return Truth(synthetic.weights(40, 100, parted, rng), np.array([np.nan, second**2 / fourth]), {})


def _normal(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """Normal weights of the mean and the deviation of each snapshot."""
    values = activity.weight.values
    drawn = values.mean(axis=1, keepdims=True) + values.std(axis=1, keepdims=True) * rng.standard_normal(values.shape)
    return activity.assign(weight=(activity.weight.dims, drawn, activity.weight.attrs))


def _null(rng: np.random.Generator) -> Truth:
    """Normal weights: 1/3."""
    return Truth(_normal(_truth(rng).activity, rng), 1 / 3, {})


@metric(
    units="1",
    dims=("snapshot",),
    bounds=(0, 1),
    companions={},
    source="(skewness^2 + 1) / kurtosis: SAS/STAT user's guide, cluster procedure, there with a correction for small samples",
    scale=None,
    truth=_truth,
    surrogate=_normal,
    null=_null,
)
def weight_bimodality(activity: xr.Dataset) -> Mapping[str, Any]:
    """Bimodality coefficient of the weights of each snapshot: 1, they have two values; 1/3, they are normal.

    activity: activity/1 with weights. 5/9 is that of a uniform or an exponential distribution; what is above is taken for two
    modes, though a very skewed distribution of one is there, too.
    Returns (snapshot), [1], in [0, 1]; NaN where all weights are equal. It does not change when all weights are multiplied.
    Raises NotApplicable without weights.
    """
    weights = weights_of(activity)
    centred = weights - weights.mean(axis=1, keepdims=True)
    second, third, fourth = (np.mean(centred**k, axis=1) for k in (2, 3, 4))
    with np.errstate(invalid="ignore", divide="ignore"):
        value = (third**2 / second**3 + 1) / (fourth / second**2)
    is_spread = second > 1e-24 * np.mean(weights**2, axis=1)  # equal weights differ by rounding
    # A number, not a time: the coordinate of another realisation may differ by rounding, and would not be joined.
    return {"weight_bimodality": np.where(is_spread, value, np.nan), "coords": {"snapshot": np.arange(weights.shape[0])}}

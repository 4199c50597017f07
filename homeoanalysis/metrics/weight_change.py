"""By which part of themselves synaptic weights have changed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.errors import NotApplicable
from homeoanalysis.metric import Truth, metric
from homeoanalysis.numerics import synthetic


def _truth(rng: np.random.Generator) -> Truth:
    """Log-normal weights that all become 0.92 larger."""
    return Truth(synthetic.weights(40, 30, lambda w: 1.92 * w, rng), 0.92, {})


def _restored(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """The last weights are the first ones, in random order."""
    values = activity.weight.values.copy()
    values[-1] = rng.permutation(values[0])
    return activity.assign(weight=(activity.weight.dims, values, activity.weight.attrs))


def _null(rng: np.random.Generator) -> Truth:
    return Truth(_restored(_truth(rng).activity, rng), 0.0, {})


@metric(
    units="1",
    dims=("projection",),
    bounds=(-np.inf, np.inf),
    companions={},
    source="(mean of the last weights - mean of the first) / mean of the first, as paired recordings report EPSP amplitudes",
    scale=None,  # halves of time hold the same weights
    truth=_truth,
    surrogate=_restored,
    null=_null,
)
def weight_change(activity: xr.Dataset) -> Mapping[str, Any]:
    """Relative change of the mean weight of each projection, from the first snapshot to the last.

    activity: activity/1 with weights of at least two snapshots.
    Returns (projection), [1]; NaN where the first mean is 0.
    Raises NotApplicable without weights, or with one snapshot.
    """
    if "weight" not in activity:
        raise NotApplicable("no weights")
    if activity.sizes["snapshot"] < 2:
        raise NotApplicable("weights of one moment only")
    order = np.argsort(activity.snapshot_time.values, kind="stable")
    first, last = (activity.weight.isel(snapshot=order[k]).values.astype(float) for k in (0, -1))
    of = activity.projection.values
    names = list(dict.fromkeys(str(name) for name in of))
    before, after = (np.array([values[of == name].mean() for name in names]) for values in (first, last))
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.where(before != 0, (after - before) / before, np.nan)
    return {"weight_change": value, "coords": {"projection": names}}

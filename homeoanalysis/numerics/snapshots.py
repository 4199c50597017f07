"""Snapshots of synaptic weights."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.errors import NotApplicable


def weights_of(activity: xr.Dataset) -> NDArray[np.float64]:
    """(snapshot, synapse), in the unit of the activity. Raises NotApplicable without weights."""
    if "weight" not in activity:
        raise NotApplicable("no weights")
    return activity.weight.values.astype(float)


def alike(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """All weights of a snapshot are its mean."""
    values = weights_of(activity)
    mean = np.repeat(values.mean(axis=1, keepdims=True), values.shape[1], axis=1)
    return activity.assign(weight=(activity.weight.dims, mean, activity.weight.attrs))

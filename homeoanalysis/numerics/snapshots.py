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

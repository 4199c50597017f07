"""Groups of units, as the neurons that one stimulus drives."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.errors import NotApplicable


def members(activity: xr.Dataset) -> NDArray[np.bool_]:
    """(group, unit). Raises NotApplicable without groups."""
    if "group_member" not in activity:
        raise NotApplicable("no groups of units")
    return np.asarray(activity.group_member.values == 1)


def with_groups(activity: xr.Dataset, groups: Sequence[NDArray[np.bool_]]) -> xr.Dataset:
    """The activity with groups: for each, which units belong to it."""
    member = np.array(groups).astype(np.int8)
    names = [f"group{k}" for k in range(len(groups))]
    return activity.assign(group_member=(("group", "unit"), member, {"units": "1"})).assign_coords(group=names)

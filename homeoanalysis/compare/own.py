"""The interval of a metric's own value, where a level has one recording and so none over subjects."""

import numpy as np
import xarray as xr

from homeoanalysis.compare.contrasts import selected, sides
from homeoanalysis.config.contrast import Contrast
from homeoanalysis.numerics.intervals import Ends, difference_interval, ratio_interval

WITHHELD = "none: the metric withholds that of the estimate"


def own_interval(measured: xr.Dataset, contrast: Contrast, scale: str) -> tuple[float, float] | None:
    """That of the one recording, or of the change between two levels of one recording each; None if there is none.

    It is infinite where the metric has a value and withholds its interval, as of an epoch that is
    too short. Two recordings are independent of one another.
    """
    if contrast.reference is not None or contrast.trend is not None:
        return None
    found = [_ends(measured, side) for side in sides(contrast)]
    known = [one for one in found if one is not None]
    if len(known) < len(found) or not np.isfinite([value for value, _, _ in known]).all():
        return None
    if not np.isfinite(known).all():
        return -np.inf, np.inf
    if contrast.between is None:
        return float(known[0][1]), float(known[0][2])
    if scale != "relative":
        return difference_interval(*known)
    low, high = ratio_interval(*known)
    return (low - 1, high - 1) if np.isfinite(low) else None


def _ends(measured: xr.Dataset, level: Contrast) -> Ends | None:
    """The value of the one replicate of a level, and its interval; None of several, of several units, and without an interval."""
    name = measured.attrs["metric"]
    if f"{name}_low" not in measured:
        return None
    numbers = []
    for variable in (name, f"{name}_low", f"{name}_high"):
        cells = selected(measured.assign_attrs(metric=variable), level)
        if len(cells) != 1:
            return None
        (values,) = cells.values()
        values = values.sel(epoch=level.epoch) if "epoch" in values.dims else values
        if values.size != 1:
            return None
        numbers.append(float(values.values.item()))
    return numbers[0], numbers[1], numbers[2]

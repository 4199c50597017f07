"""Where a population rate is furthest from a baseline."""

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.errors import NotApplicable
from homeoanalysis.numerics import rates

Floats = NDArray[np.float64]
STEPS = 4  # of the moving mean in one window


class Extremum(NamedTuple):
    """Of the moving mean of a population rate in the epoch of a perturbation."""

    before: rates.Rates  # (unit, bin) of the baseline
    during: rates.Rates  # of the perturbation
    start: float  # mean rate of the baseline [Hz]
    moving: Floats  # (window,) [Hz]
    sign: float  # 1: above the baseline; -1: below
    at: int  # the window of the extremum


def extremum(activity: xr.Dataset, baseline: str, perturbation: str, window: float, cell_type: rates.CellType) -> Extremum | None:
    """None where nothing fired in the baseline, or nothing was observed in the perturbation.

    The side is that of the mean rate of the perturbation. Raises NotApplicable if an epoch is absent or shorter than two windows.
    """
    before, during = (rates.in_bins(activity, label, window / STEPS, cell_type) for label in (baseline, perturbation))
    for label, units in ((baseline, before), (perturbation, during)):
        if units.time.shape[1] < 2 * STEPS:
            raise NotApplicable(f"epoch {label} is shorter than two windows of {window:g} s")
    course, weight = rates.of_population(during)
    start = float(before.spikes.sum() / before.time.sum()) if before.time.sum() > 0 else np.nan
    mean = float(during.spikes.sum() / during.time.sum()) if during.time.sum() > 0 else np.nan
    if not (start > 0 and np.isfinite(mean)):
        return None
    sign = 1.0 if mean > start else -1.0
    smooth = moving(course, weight)
    return Extremum(before, during, start, smooth, sign, int(np.nanargmax(sign * smooth)))


def moving(rate: Floats, weight: Floats) -> Floats:
    """Mean over windows of `STEPS` bins, (..., window): bins weigh what was observed in them."""
    view = np.lib.stride_tricks.sliding_window_view
    time = view(weight, STEPS, axis=-1).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(time > 0, view(np.nan_to_num(rate) * weight, STEPS, axis=-1).sum(axis=-1) / time, np.nan))

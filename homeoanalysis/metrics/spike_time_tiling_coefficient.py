"""Synchrony of pairs of units, corrected for their rates."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import neighbours, observed, resampling, synthetic
from homeoanalysis.units import Second

Floats = NDArray[np.float64]


def _truth(rng: np.random.Generator) -> Truth:
    """Trains that share a part of 0.3: P = s + (1 - s) T, so that the coefficient is s / (1 + T (1 - s))."""
    rate, shared, window = 5.0, 0.3, 0.01
    tiled = 1 - np.exp(-2 * rate * window)
    trains = synthetic.copied_trains(6, rate, shared, 200.0, rng)
    value = shared / (1 + tiled * (1 - shared))
    return Truth(synthetic.activity(trains, 200.0), np.full((6, 1), value), {"window": window})


@metric(
    units="1",
    dims=("unit", "epoch"),
    bounds=(-1, 1),
    companions={"pairs": Companion("1", "Other units that the mean is over", (0, np.inf))},
    source="Cutts & Eglen 2014, doi:10.1523/JNEUROSCI.2767-14.2014, equation in the section Spike time tiling coefficient; "
    "mean over the other units; undefined for a silent unit",
    family="spectra",
    scale="linear",
    truth=_truth,
    surrogate=resampling.turned_trains,
    null=surrogate_of(_truth, resampling.turned_trains, 0.0),
)
def spike_time_tiling_coefficient(activity: xr.Dataset, *, window: Second = 0.05) -> Mapping[str, Any]:
    """Spike time tiling coefficient of each unit, mean over all other units: 0 for independent trains, 1 for equal ones.

    activity: activity/1 with spikes.
    window: [s], half the width of the tile around each spike; its ends belong to it.
    Returns (unit, epoch), [1], in [-1, 1]; NaN for a unit that is silent or alone. Of two units only the segments count in
    which both were observed. All pairs in one sweep over the merged spikes; equals
    `elephant.spike_train_correlation.spike_time_tiling_coefficient` on one stretch that begins at 0 s, where that is exact.
    Raises NotApplicable without spikes, or where nothing was observed in an epoch.
    """
    labels = observed.epochs(activity)
    seen = observed.seen(activity)
    values = np.full((2, activity.sizes["unit"], len(labels)), np.nan)
    for e, (start, stop) in enumerate(labels.values()):
        matrix = _matrix(observed.restrict(seen, np.array([start]), np.array([stop])), window)
        n = np.isfinite(matrix).sum(axis=1)
        values[1, :, e] = n
        values[0, :, e] = np.where(n > 0, np.nansum(matrix, axis=1) / np.maximum(n, 1), np.nan)
    coordinates = {"unit": activity.unit.values, "epoch": list(labels)}
    name = "spike_time_tiling_coefficient"
    return {name: values[0], f"{name}_pairs": values[1], "coords": coordinates}


def _matrix(activity: xr.Dataset, window: float) -> Floats:
    """(unit, unit): the coefficient of each pair; NaN where one is silent, and on the diagonal."""
    isolated = observed.isolated(activity)
    start, stop = observed.segments(activity)
    near = neighbours.neighbours(activity, window).near
    with np.errstate(invalid="ignore", divide="ignore"):
        part = near / (observed.segment_counts(activity) @ isolated.T)  # of a's spikes, near b
        tile = (neighbours.tiled(activity, window) @ isolated.T) / ((isolated * (stop - start)) @ isolated.T)  # a's, seen with b
        rest = 1 - part * tile.T
        # Where b's windows leave nothing over, the limit of equal trains.
        half = np.where(rest == 0, 1.0, (part - tile.T) / rest)
        matrix = (half + half.T) / 2
    np.fill_diagonal(matrix, np.nan)
    return np.asarray(matrix)

"""When a perturbation is deepest."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import EpochName, Truth, metric
from homeoanalysis.numerics import rates, resampling, synthetic
from homeoanalysis.numerics.extremum import STEPS, extremum
from homeoanalysis.units import Second

_EPOCHS = {"baseline": (0.0, 40.0), "perturbation": (40.0, 140.0)}


def _course(depth: float, rng: np.random.Generator) -> xr.Dataset:
    """30 units of 20 Hz, by `depth` [Hz] less 60 s after the perturbation began, in the shape of a Gaussian of 15 s."""
    trains = []
    for _ in range(30):
        times = synthetic.poisson_train(20.0, 140.0, rng)
        trains.append(times[rng.uniform(0, 20, times.size) < 20 - depth * np.exp(-((times - 100) ** 2) / (2 * 15**2))])
    return synthetic.activity(trains, 140.0, epochs=_EPOCHS)


def _truth(rng: np.random.Generator) -> Truth:
    return Truth(_course(15.0, rng), 60.0, {"window": 8.0})


def _null(rng: np.random.Generator) -> Truth:
    """No perturbation: anywhere, in the middle on average."""
    return Truth(_course(0.0, rng), 50.0, {"window": 8.0})


@metric(
    units="s",
    dims=(),
    bounds=(0, np.inf),
    companions={},
    source="the centre of the window in which the moving mean of the population rate is furthest from the baseline",
    scale="linear",
    truth=_truth,
    surrogate=resampling.scattered_trains,
    null=_null,
)
def perturbation_peak_time(
    activity: xr.Dataset,
    *,
    window: Second,
    baseline: EpochName = "baseline",
    perturbation: EpochName = "perturbation",
    cell_type: rates.CellType = "all",
) -> Mapping[str, Any]:
    """Time from the start of a perturbation to its extremum, in windows of a moving mean.

    activity: activity/1 with spikes and the two named epochs, each of two windows or more.
    window: [s], of the moving mean, which moves by quarters of it. The parameters are those of `perturbation_depth`, which tells
    whether there is an extremum: a flat course has one, too.
    Returns a scalar [s]; NaN where nothing fired in the baseline. The side is that of the mean rate of the perturbation.
    Raises NotApplicable without spikes, without one of the epochs, without units of the cell type, or if an epoch is too short.
    """
    found = extremum(activity, baseline, perturbation, window, cell_type)
    value = np.nan if found is None else (found.at / STEPS + 0.5) * window
    return {"perturbation_peak_time": value, "coords": {}}

"""Whether units are in the order that they were in, as it was measured."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, EpochName, Truth, metric, surrogate_of
from homeoanalysis.numerics import rates, resampling, synthetic
from homeoanalysis.units import Hertz

_EPOCHS = {"baseline": (0.0, 40.0), "recovery": (40.0, 80.0)}


def _truth(rng: np.random.Generator) -> Truth:
    """Log rates with a correlation of 0.7 between the epochs; Spearman's is 6 / pi asin(r / 2). So many spikes that counting
    hardly moves a rank."""
    first, second = rng.normal(size=(2, 100))
    log = 4.5 + 0.6 * np.stack([first, 0.7 * first + np.sqrt(1 - 0.49) * second], axis=1)
    return Truth(synthetic.stepped(np.exp(log), _EPOCHS, rng), 6 / np.pi * np.arcsin(0.35), {})


@metric(
    units="1",
    dims=(),
    bounds=(-1, 1),
    companions={"units": Companion("1", "Units with a set point", (0, np.inf))},
    source="Spearman's correlation of the rates r_0 and r_end, ties with their mean rank",
    scale="linear",
    truth=_truth,
    surrogate=resampling.swapped_units,
    null=surrogate_of(_truth, resampling.swapped_units, 0.0),
)
def rank_correlation(
    activity: xr.Dataset,
    *,
    baseline: EpochName = "baseline",
    recovery: EpochName = "recovery",
    cell_type: rates.CellType = "all",
    least_rate: Hertz = 0.01,
) -> Mapping[str, Any]:
    """Rank correlation of the rates of units in two epochs, as it is: 1, units keep their order; 0, it is a new one.

    activity: activity/1 with spikes and the two named epochs. Few spikes make ranks unreliable and lower it, for which
    `rank_preservation` corrects; that has no value where all units have become alike, and this has.
    least_rate: [Hz]; units below it in the baseline have no set point.
    Returns a scalar [1]; NaN with fewer than 4 units, or where all have the same rate.
    Raises NotApplicable without spikes, without one of the epochs, or without units of the cell type.
    """
    units = rates.in_epochs(activity, (baseline, recovery), cell_type, least_rate)
    n = len(units.rate)
    value = rates.spearman(units.rate[:, 0], units.rate[:, 1]) if n >= 4 else np.nan
    return {"rank_correlation": float(value), "rank_correlation_units": float(n), "coords": {}}

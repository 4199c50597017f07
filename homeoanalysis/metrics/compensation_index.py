"""How much of an acute effect is compensated."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, EpochName, Truth, metric, surrogate_of
from homeoanalysis.numerics import rates, resampling, synthetic
from homeoanalysis.statistics.two_way import estimate_two_way

_EPOCHS = {"baseline": (0.0, 40.0), "acute": (40.0, 80.0), "steady": (80.0, 120.0)}
_UNCOMPENSATED = resampling.at_rate_of("acute", "steady")


def _truth(rng: np.random.Generator) -> Truth:
    """Units from 10 to 4 Hz, and to 8 Hz under the same perturbation: 2/3 is compensated, a loop gain of 2."""
    units = rng.lognormal(0, 0.3, (60, 1)) * np.array([10, 4, 8])
    return Truth(synthetic.stepped(units, _EPOCHS, rng), 2 / 3, {}, {"gain": 2.0})


def _gain(index: float) -> float:
    """G / (1 + G) of the effect is compensated; what is compensated whole needs an infinite gain, more has none."""
    if np.isnan(index):
        return np.nan
    return max(index / (1 - index), -1.0) if index < 1 else np.inf


@metric(
    units="1",
    dims=(),
    bounds=(-np.inf, np.inf),
    companions={
        "low": Companion("1", "95 % interval over units and time of this replicate (Fieller)"),
        "high": Companion("1", "95 % interval over units and time of this replicate (Fieller)"),
        "independent_blocks": Companion("1", "Independent blocks of the epoch that has fewest; below 4 no interval", (0, np.inf)),
        "gain": Companion("1", "Equivalent loop gain C / (1 - C); infinite from full compensation on", (-1, np.inf)),
        "gain_low": Companion("1", "95 % interval of the loop gain", (-1, np.inf)),
        "gain_high": Companion("1", "95 % interval of the loop gain", (-1, np.inf)),
    },
    source="1 - (r_steady - r_0) / (r_acute - r_0) of population mean rates: a recovery fraction, of other epochs; undefined if "
    "the 95 % interval of r_acute - r_0 holds 0; interval as of recovery_fraction",
    scale="linear",
    truth=_truth,
    surrogate=_UNCOMPENSATED,
    null=surrogate_of(_truth, _UNCOMPENSATED, 0.0),
)
def compensation_index(
    activity: xr.Dataset,
    *,
    baseline: EpochName = "baseline",
    acute: EpochName = "acute",
    steady: EpochName = "steady",
    cell_type: rates.CellType = "all",
) -> Mapping[str, Any]:
    """Compensation index: the part of an acute effect that is gone in the steady state, while the perturbation goes on.

    activity: activity/1 with spikes and the three named epochs. `acute` should end before
    homeostasis acts, within a twentieth of its time constant. Its dose-response is a contrast with
    `trend`.
    Returns a scalar [1]: 0, no compensation; 1, whole. NaN where the 95 % interval of the acute
    effect, over units and
    time, holds 0. The interval is NaN below 4 units, and where an epoch has too few independent
    blocks.
    Raises NotApplicable without spikes, without one of the epochs, or without units of the cell
    type.
    """
    means = estimate_two_way(rates.bin_epochs(activity, (baseline, acute, steady), cell_type))
    defined = means.is_changed(0, 1)
    index = float(rates.recovered(means.mean)) if defined else np.nan
    low, high = means.measure_recovery() if defined else (np.nan, np.nan)

    return {
        "compensation_index": index,
        "compensation_index_low": low,
        "compensation_index_high": high,
        "compensation_index_independent_blocks": means.independent_blocks,
        "compensation_index_gain": _gain(index),
        "compensation_index_gain_low": _gain(low),
        "compensation_index_gain_high": _gain(high),
        "coords": {},
    }

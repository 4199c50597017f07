"""How differently the rates of units change."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, EpochName, Truth, metric
from homeoanalysis.numerics import rates, resampling, synthetic
from homeoanalysis.units import Hertz

_EPOCHS = {"baseline": (0.0, 40.0), "recovery": (40.0, 80.0)}


def _changed(spread: float, rng: np.random.Generator) -> Truth:
    """Units of 10 to 40 Hz that change by a log-normal factor; a count of n adds 1 / n to the variance of its logarithm."""
    rate, change = np.geomspace(10, 40, 100), rng.normal(0, spread, 100)
    counting = np.sqrt((1 + np.exp(spread**2 / 2)) * np.mean(1 / (rate * 40)))
    made = synthetic.stepped(rate[:, None] * np.exp(np.stack([np.zeros(100), change], axis=1)), _EPOCHS, rng)
    return Truth(made, np.sqrt(spread**2 + counting**2), {}, {"counting": counting})


@metric(
    units="1",
    dims=(),
    bounds=(0, np.inf),
    companions={
        "counting": Companion(
            "1", "What counting alone would give, were all units Poisson trains that keep their rate", (0, np.inf)
        ),
        "units": Companion("1", "Units with a set point", (0, np.inf)),
    },
    source="standard deviation over units of ln(r_end / r_0), half a spike added to every count, counting noise included",
    scale="linear",
    truth=lambda rng: _changed(0.3, rng),
    surrogate=resampling.swapped_units,
    null=lambda rng: _changed(0.0, rng),
)
def rate_ratio_spread(
    activity: xr.Dataset,
    *,
    baseline: EpochName = "baseline",
    recovery: EpochName = "recovery",
    cell_type: rates.CellType = "all",
    least_rate: Hertz = 0.01,
) -> Mapping[str, Any]:
    """Standard deviation over units of the logarithm of the ratio of their rates in two epochs.

    activity: activity/1 with spikes and the two named epochs. Held against that of recordings to which nothing happened, or to a
    control epoch of one recording by `set_point_precision`, which subtracts counting noise.
    least_rate: [Hz]; units below it in the baseline have no set point.
    Returns a scalar [1], >= 0; NaN with fewer than 4 units.
    Raises NotApplicable without spikes, without one of the epochs, or without units of the cell type.
    """
    units = rates.in_epochs(activity, (baseline, recovery), cell_type, least_rate)
    change = units.log[:, 1] - units.log[:, 0]
    enough = change.size >= 4
    return {
        "rate_ratio_spread": change.std(ddof=1) if enough else np.nan,
        "rate_ratio_spread_counting": float(np.sqrt((1 / (units.spikes + 0.5)).sum(axis=1).mean())) if enough else np.nan,
        "rate_ratio_spread_units": float(change.size),
        "coords": {},
    }

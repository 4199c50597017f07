"""How far apart the firing rates of units are."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import rates, resampling, synthetic

_DURATION = 100.0


def _of(each: np.ndarray, rng: np.random.Generator) -> Truth:
    """Poisson units, whose counts add the mean rate over the time to the variance of their rates."""
    one = synthetic.activity([synthetic.poisson_train(rate, _DURATION, rng) for rate in each], _DURATION)
    noise = np.sqrt(each.mean() / _DURATION)
    value = np.sqrt(each.var(ddof=1) + noise**2)
    return Truth(one, value, {}, {"counting": noise, "relative": value / each.mean()})


def _truth(rng: np.random.Generator) -> Truth:
    """From 2 to 18 Hz."""
    return _of(np.linspace(2, 18, 60), rng)


def _null(rng: np.random.Generator) -> Truth:
    """All at 10 Hz: nothing but counting noise."""
    return _of(np.full(60, 10.0), rng)


@metric(
    units="Hz",
    dims=("epoch",),
    bounds=(0, np.inf),
    companions={
        "counting": Companion("Hz", "What counting alone would give, were all units Poisson trains of one rate", (0, np.inf)),
        "relative": Companion("1", "Coefficient of variation of the rates over units", (0, np.inf)),
    },
    source="standard deviation over units of count / observed time, counting noise included",
    scale="relative",
    truth=_truth,
    surrogate=resampling.equal_units,
    null=_null,
)
def firing_rate_spread(activity: xr.Dataset, *, cell_type: rates.CellType = "all") -> Mapping[str, Any]:
    """Standard deviation of the firing rate over units.

    activity: activity/1 with spikes. It is of the rates as they were counted: epochs of other lengths have other counting noise.
    For the spread of log rates without it see `set_point_distribution`.
    Returns (epoch), [Hz], >= 0; NaN with fewer than 4 units.
    Raises NotApplicable without spikes, or without units of the cell type in an epoch.
    """
    every = rates.in_each_epoch(activity, cell_type)
    found = np.full((3, len(every)), np.nan)
    for k, units in enumerate(every.values()):
        if len(units.rate) >= 4:
            spread, mean = units.rate[:, 0].std(ddof=1), units.rate[:, 0].mean()
            found[:, k] = spread, np.sqrt((mean / units.time).mean()), spread / mean if mean > 0 else np.nan
    name = "firing_rate_spread"
    return {name: found[0], f"{name}_counting": found[1], f"{name}_relative": found[2], "coords": {"epoch": list(every)}}

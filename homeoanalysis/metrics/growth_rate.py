"""Whether deviations from a fixed point, or oscillations about it, grow or die out."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Truth, metric
from homeoanalysis.numerics import synthetic_signals
from homeoanalysis.numerics.stretches import stretches

_PIECES = 20
_FEWEST = 8  # samples of a piece
_RATE, _DURATION = 100.0, 64.0


def _oscillations(growth: np.ndarray, rng: np.random.Generator) -> xr.Dataset:
    """Variables that oscillate about 1 at 4 to 6 Hz, and grow at these rates [1/s]."""
    time = np.arange(round(_DURATION * _RATE)) / _RATE
    frequency, phase = rng.uniform(4, 6, (growth.size, 1)), rng.uniform(0, 2 * np.pi, (growth.size, 1))
    values = 1 + 1e-3 * np.exp(growth[:, None] * time) * np.cos(2 * np.pi * frequency * time + phase)
    return synthetic_signals.with_signal([np.arange(1.0, 9.0)], values, _RATE, kind="state_variable", units="1")


def _truth(rng: np.random.Generator) -> Truth:
    growth = np.array([0.05, -0.05])
    return Truth(_oscillations(growth, rng), growth, {})


def _shuffled(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """Every variable has its values in random order, and neither grows nor dies out."""
    values = rng.permuted(activity.state_variable.values, axis=1)
    return activity.assign(state_variable=(activity.state_variable.dims, values, activity.state_variable.attrs))


def _null(rng: np.random.Generator) -> Truth:
    """A steady oscillation."""
    return Truth(_oscillations(np.zeros(2), rng), 0.0, {})


@metric(
    units="1/s",
    dims=("variable",),
    bounds=(-np.inf, np.inf),
    companions={},
    source="slope of ln(standard deviation) in 20 pieces of time over their mean times; for one mode it is the real part of its "
    "eigenvalue",
    scale=None,  # halves of time that are dealt at random do not grow
    truth=_truth,
    surrogate=_shuffled,
    null=_null,
)
def growth_rate(activity: xr.Dataset) -> Mapping[str, Any]:
    """Rate at which the fluctuations of each state variable grow: below 0 they die out, and the fixed point is stable.

    activity: activity/1 with state variables, over several periods of their oscillation if they oscillate.
    Returns (variable), [1/s]; NaN where fewer than two pieces have 8 samples and any fluctuation.
    Raises NotApplicable without state variables.
    """
    recorded = stretches(activity, "state_variable")
    time = np.concatenate([s.time for s in recorded])
    values = np.concatenate([s.values for s in recorded], axis=1)
    edges = np.linspace(time[0], time[-1], _PIECES + 1)[1:-1]
    piece = np.searchsorted(edges, time, side="right")
    rates = np.full(len(values), np.nan)
    for k, course in enumerate(values):
        points = []
        for p in range(_PIECES):
            mine = course[piece == p]
            if mine.size >= _FEWEST and (spread := mine.std()) > 0:
                points.append((float(time[piece == p].mean()), float(np.log(spread))))
        if len(points) > 1:
            at, spreads = np.array(points).T
            rates[k] = np.polyfit(at, spreads, 1)[0]
    return {"growth_rate": rates, "coords": {"variable": activity.state_variable_channel.values}}

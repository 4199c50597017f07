"""What the variables of a model are at given moments."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import Field

from homeoanalysis.metric import Truth, metric
from homeoanalysis.numerics import synthetic_signals
from homeoanalysis.numerics.observed import EDGE
from homeoanalysis.numerics.stretches import Floats, Stretch, stretches
from homeoanalysis.units import Second

_RATE, _DURATION = 100.0, 20.0


def _truth(rng: np.random.Generator) -> Truth:
    """A relaxation and a straight line, from a random place each."""
    time, moments = np.arange(round(_DURATION * _RATE)) / _RATE, np.arange(0.5, _DURATION, 1.0)
    start, tau = rng.uniform(1, 2, 2)

    def course(t: Floats) -> Floats:
        return np.stack([start * np.exp(-t / (5 * tau)), start + t])

    activity = synthetic_signals.with_signal([np.arange(1.0, 9.0)], course(time), _RATE, kind="state_variable", units="1")
    return Truth(activity, course(moments), {"moments": {f"m{k}": float(t) for k, t in enumerate(moments)}})


def _shuffled(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """Every variable has its values in random order."""
    values = rng.permuted(activity.state_variable.values, axis=1)
    return activity.assign(state_variable=(activity.state_variable.dims, values, activity.state_variable.attrs))


@metric(
    units="1",
    dims=("variable", "moment"),
    bounds=(-np.inf, np.inf),
    companions={},
    source="linear interpolation between two samples, or the mean of those in a window",
    scale=None,  # halves of time do not hold the same moments
    truth=_truth,
    surrogate=_shuffled,
    no_worst_case="the values of other moments",
)
def state_value(
    activity: xr.Dataset,
    *,
    moments: Annotated[dict[str, Second], Field(min_length=1)],
    window: Annotated[Second, Field(ge=0)] = 0.0,
) -> Mapping[str, Any]:
    """Value of each state variable at each moment.

    activity: activity/1 with state variables. moments: label -> [s] after the first observed moment.
    window: [s], the mean of the samples in so much time up to the moment; 0: the value at the moment.
    Returns (variable, moment), in the unit of the variables; NaN where the moment, or some of its window, was not observed.
    Raises NotApplicable without state variables.
    """
    recorded = stretches(activity, "state_variable")
    step = 1 / float(activity.state_variable.attrs["sampling_rate"])
    values = np.full((activity.sizes["state_variable_channel"], len(moments)), np.nan)
    for k, moment in enumerate(moments.values()):
        for stretch in recorded:
            if stretch.time[0] - EDGE * step <= moment - window and moment <= stretch.time[-1] + EDGE * step:
                values[:, k] = _at(stretch, moment) if window == 0 else _mean(stretch, moment - window, moment, EDGE * step)
    coordinates = {"variable": activity.state_variable_channel.values, "moment": list(moments)}
    units = activity.state_variable.attrs["units"]
    return {"state_value": (("variable", "moment"), values, units), "coords": coordinates}


def _at(stretch: Stretch, moment: float) -> Floats:
    return np.array([np.interp(moment, stretch.time, course) for course in stretch.values])


def _mean(stretch: Stretch, start: float, stop: float, slack: float) -> Floats:
    inside = (stretch.time > start + slack) & (stretch.time <= stop + slack)
    return np.asarray(stretch.values[:, inside].mean(axis=1)) if inside.any() else np.full(len(stretch.values), np.nan)

"""How many thresholds are at a bound that homeostasis cannot move them beyond."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import Field

from homeoanalysis.errors import DataError, NotApplicable
from homeoanalysis.metric import Truth, metric
from homeoanalysis.numerics import synthetic_signals
from homeoanalysis.numerics.stretches import stretches
from homeoanalysis.units import Volt

_NEURONS, _RATE, _DURATION, _SHARE = 60, 2.0, 40.0, 0.3
_LOWEST, _HIGHEST = -58e-3, -40e-3  # [V]


def _of(share: float, rng: np.random.Generator) -> xr.Dataset:
    """In each sample each threshold is at a bound with the probability `share`, and else anywhere from -55 to -43 mV."""
    shape = _NEURONS, round(_DURATION * _RATE)
    bound = np.where(rng.random(shape) < 0.5, _LOWEST, _HIGHEST)
    values = np.where(rng.random(shape) < share, bound, rng.uniform(-55e-3, -43e-3, shape))
    one = synthetic_signals.with_signal([np.arange(1.0, 9.0)], values, _RATE, kind="state_variable", units="SI")
    return one.assign_coords(state_variable_channel=[f"thresholds.E{k}.v_threshold" for k in range(_NEURONS)])


def _truth(rng: np.random.Generator) -> Truth:
    return Truth(_of(_SHARE, rng), _SHARE, {"lowest": _LOWEST, "highest": _HIGHEST})


def _null(rng: np.random.Generator) -> Truth:
    """None is at a bound."""
    return Truth(_of(0.0, rng), 0.0, {"lowest": _LOWEST, "highest": _HIGHEST})


def _alike(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """All thresholds are at their mean."""
    values = np.full_like(activity.state_variable.values, activity.state_variable.values.mean())
    return activity.assign(state_variable=(activity.state_variable.dims, values, activity.state_variable.attrs))


@metric(
    units="1",
    dims=("epoch",),
    bounds=(0, 1),
    companions={},
    source="part of the samples of a trace, of all its neurons, that are nearer to a bound than `margin` times the range",
    scale=None,  # halves of time hold the same thresholds
    truth=_truth,
    surrogate=_alike,
    null=_null,
    each_epoch=True,
)
def threshold_saturation(
    activity: xr.Dataset,
    *,
    trace: str = "thresholds",
    lowest: Volt,
    highest: Volt,
    margin: Annotated[float, Field(gt=0, lt=0.5)] = 0.01,
) -> Mapping[str, Any]:
    """Fraction of the thresholds at a bound: homeostasis can move these in one direction only.

    activity: activity/1 with state variables. trace: the name under `record.traces` of the model.
    lowest, highest: [V], the bounds. margin: over the range between them.
    Returns (epoch), [1], in [0, 1].
    Raises NotApplicable without state variables, or without the trace; DataError if the bounds leave no range.
    """
    if lowest >= highest:
        raise DataError(f"lowest is {lowest:g} V and highest {highest:g} V, which leave no range; swap them, or mend one")
    recorded = stretches(activity, "state_variable")
    mine = np.array([str(name).startswith(f"{trace}.") for name in activity.state_variable_channel.values])
    if not recorded or not mine.any():
        raise NotApplicable(f"no trace {trace!r} in the epoch; record it, or write the name of another one")
    values = np.concatenate([one.values[mine] for one in recorded], axis=1)
    slack = margin * (highest - lowest)
    return {"threshold_saturation": float(np.mean((values < lowest + slack) | (values > highest - slack))), "coords": {}}

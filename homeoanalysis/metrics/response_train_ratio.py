"""Whether a synapse facilitates or depresses in the course of a train."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import Field

from homeoanalysis.metric import Companion, EpochName, Truth, metric
from homeoanalysis.numerics import observed, synthetic, synthetic_signals
from homeoanalysis.numerics.observed import EDGE
from homeoanalysis.numerics.pieces import Signal, recorded_kind
from homeoanalysis.numerics.stretches import Floats, Stretch, stretches

_RATE, _TRIALS, _RESPONSES = 1000.0, 60, 10
_PERIOD, _LENGTH, _TAU = 0.5, 0.3, 0.5  # of trials [s]; of a trial [s]; of a response [samples]


def _truth(rng: np.random.Generator) -> Truth:
    """Trains of ten responses at 40 Hz whose sizes go from 1 to 0.4 by equal steps, in 60 trials; they are gone after 2 ms."""
    sizes = np.linspace(1.0, 0.4, _RESPONSES) * rng.uniform(0.5, 2)
    impulses = np.zeros(round(_TRIALS * _PERIOD * _RATE))
    for trial in range(_TRIALS):
        at = round(trial * _PERIOD * _RATE) + int(rng.integers(5, 20))
        impulses[at + 25 * np.arange(_RESPONSES)] = sizes
    decay = np.exp(-np.arange(60) / _TAU)
    values = np.convolve(impulses, decay)[None, : impulses.size]
    one = synthetic_signals.with_signal([np.arange(1.0, 9.0)], values, _RATE, kind="current", units="A")
    activity = synthetic.with_trials(one, _PERIOD * np.arange(_TRIALS, dtype=np.float64), _LENGTH, ["train"] * _TRIALS)
    return Truth(activity, 0.4, {"signal": "current"})


def _permuted(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """All responses of a train have one size: the signal is cut at twice its smallest peak."""
    values = np.minimum(activity.current.values, 0.3 * activity.current.values.max())
    return activity.assign(current=(activity.current.dims, values, activity.current.attrs))


def _null(rng: np.random.Generator) -> Truth:
    known = _truth(rng)
    return Truth(_permuted(known.activity, rng), 1.0, known.parameters)


@metric(
    units="1",
    dims=("channel",),
    bounds=(0, np.inf),
    companions={"responses": Companion("1", "Responses of a train, mean over trains", (0, np.inf))},
    source="last over first response, as Tsodyks & Markram 1997, doi:10.1073/pnas.94.2.719; a response is a rise of the signal",
    scale=None,  # a train is one piece of time
    truth=_truth,
    surrogate=_permuted,
    null=_null,
)
def response_train_ratio(
    activity: xr.Dataset,
    *,
    signal: Signal = "state_variable",
    smallest: Annotated[float, Field(gt=0, lt=1)] = 1e-3,
    epoch: EpochName | None = None,
) -> Mapping[str, Any]:
    """Size of the last response of a train over that of the first: below 1 for depression, above 1 for facilitation.

    activity: activity/1 with the signal, of the current or conductance that the synapse opens, or of the potential. A train is
    a trial; without trials, the whole recording. signal: which. smallest: rises below this part of the largest are noise.
    epoch: only in this one, which is one train if no trial lies in it.
    Returns (channel), [1]: the mean over the trains observed whole, without a gap; NaN where none of them has two responses.
    Raises NotApplicable without the signal, or without the epoch.
    """
    signal = recorded_kind(activity, signal)
    activity = activity if epoch is None else _in_epoch(activity, epoch)
    trains = _trains(activity, stretches(activity, signal), 1 / float(activity[signal].attrs["sampling_rate"]))
    n_channels = activity.sizes[f"{signal}_channel"]
    found = np.full((2, n_channels, len(trains)), np.nan)
    for channel in range(n_channels):
        sizes = [_rises(values[channel]) if np.isfinite(values[channel]).all() else np.zeros(0) for values in trains]
        largest = max((each.max() for each in sizes if each.size), default=0.0)
        for k, each in enumerate(sizes):
            responses = each[each > smallest * largest]
            if responses.size > 1:
                found[:, channel, k] = responses[-1] / responses[0], responses.size
    ratio, number = (_mean(values) for values in found)
    names = activity[f"{signal}_channel"].values
    return {"response_train_ratio": ratio, "response_train_ratio_responses": number, "coords": {"channel": names}}


def _in_epoch(activity: xr.Dataset, label: str) -> xr.Dataset:
    start, stop = observed.epoch(activity, label)
    part = observed.restrict(activity, np.array([start]), np.array([stop]))
    if "trial_start" not in part:
        return part
    inside = (part.trial_start.values >= start) & (part.trial_stop.values <= stop)
    return part.isel(trial=inside) if inside.any() else part.drop_dims("trial")


def _trains(activity: xr.Dataset, recorded: list[Stretch], step: float) -> list[Floats]:
    """(channel, sample) of each train that was wholly observed."""
    if "trial_start" not in activity:
        return [recorded[0].values] if len(recorded) == 1 else []
    begin, slack = float(activity.segment_start.values[0]), EDGE * step
    trains = []
    for start, stop in zip(activity.trial_start.values - begin, activity.trial_stop.values - begin, strict=True):
        for time, values in recorded:
            if time[0] <= start + step and stop <= time[-1] + step + slack:
                trains.append(values[:, (time >= start - slack) & (time < stop - slack)])
    return trains


def _rises(course: Floats) -> Floats:
    """How far the signal climbs, each time from where it begins to until it ends."""
    if course.size < 2:
        return np.zeros(0)
    is_up = np.diff(course) > 0
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_up, [False]]).astype(int)))
    return np.asarray(course[edges[1::2]] - course[edges[::2]])


def _mean(values: Floats) -> Floats:
    return np.array([v[np.isfinite(v)].mean() if np.isfinite(v).any() else np.nan for v in values])

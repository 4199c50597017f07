"""Firing rate of units while a stimulus acts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.errors import NotApplicable
from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import observed, resampling, synthetic
from homeoanalysis.units import Second

Floats = NDArray[np.float64]


def _truth(rng: np.random.Generator) -> Truth:
    """30 trials of 3 s: 20 Hz from 0.5 to 1.5 s, else 2 Hz."""
    start = 3.0 * np.arange(30)
    trains = []
    for _ in range(3):
        evoked = [t + 0.5 + synthetic.poisson_train(18.0, 1.0, rng) for t in start]
        trains.append(np.sort(np.concatenate([*evoked, synthetic.poisson_train(2.0, 90.0, rng)])))
    one = synthetic.activity(trains, 90.0).assign(
        trial_start=("trial", start, {"units": "s"}),
        trial_stop=("trial", start + 3.0, {"units": "s"}),
        stimulus=("trial", ["odour"] * 30),
    )
    return Truth(one, 20.0, {})


def _at_any_time(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """Every spike at a random place of observed time, or the counts of each trial of a unit in bins of random order."""
    if "binned_count" not in activity:
        return resampling.scattered_trains(activity, rng)
    counts = activity.binned_count
    return activity.assign(binned_count=(counts.dims, rng.permuted(counts.values, axis=2), counts.attrs))


@metric(
    units="Hz",
    dims=("unit",),
    bounds=(0, np.inf),
    companions={"time": Companion("s", "Observed time in the windows of all trials", (0, np.inf))},
    source="spikes in the windows of all trials / observed time in them",
    scale="relative",
    truth=_truth,
    surrogate=_at_any_time,
    null=surrogate_of(_truth, resampling.scattered_trains, 8.0),
)
def evoked_rate(activity: xr.Dataset, *, begin: Second = 0.5, end: Second = 1.5) -> Mapping[str, Any]:
    """Evoked firing rate, mean over trials.

    activity: activity/1 with trials, and spikes or counts in bins of trials.
    begin, end: [s], of the window, after the start of each trial. Of counts those bins are taken that lie in it and in observed
    time.
    Returns (unit), [Hz], >= 0; NaN where nothing of any window was observed.
    Raises NotApplicable without spikes and counts, or without trials.
    """
    if "binned_count" not in activity and "spike_time" not in activity:
        raise NotApplicable("no spike times and no counts in bins of trials")
    if "trial_start" not in activity:
        raise NotApplicable("no trials")
    count, time = (_of_bins if "binned_count" in activity else _of_spikes)(activity, begin, end)
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = np.where(time > 0, count / time, np.nan)
    return {"evoked_rate": rate, "evoked_rate_time": time, "coords": {"unit": activity.unit.values}}


def _of_spikes(activity: xr.Dataset, begin: float, end: float) -> tuple[Floats, Floats]:
    """Spikes and time (unit) in the windows; windows may not overlap, or time would count twice."""
    start = np.sort(activity.trial_start.values)
    pieces = observed.overlap(start + begin, start + end, *observed.segments(activity))
    count, isolated = observed.piece_counts(activity, *pieces, slack=observed.EDGE * (end - begin))
    return (count * isolated).sum(axis=1).astype(float), isolated @ (pieces[1] - pieces[0])


def _of_bins(activity: xr.Dataset, begin: float, end: float) -> tuple[Floats, Floats]:
    """Counts and time (unit) in the bins that lie in the windows, and in a segment."""
    size = float(activity.binned_count.attrs["bin_size"])
    slack = observed.EDGE * size
    first = activity.bin.values
    inside = (first >= begin - slack) & (first + size <= end + slack)
    at = activity.trial_start.values[:, None] + first[inside]
    start, stop = observed.segments(activity)
    segment = np.searchsorted(start, at + slack, side="right") - 1
    kept = (segment >= 0) & (at + size <= stop[np.maximum(segment, 0)] + slack)  # (trial, bin)
    count = activity.binned_count.values[:, :, inside]
    isolated = observed.isolated(activity)[:, np.maximum(segment, 0)] * kept  # (unit, trial, bin)
    return np.einsum("tub,utb->u", count, isolated), isolated.sum(axis=(1, 2)) * size

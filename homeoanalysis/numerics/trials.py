"""Responses of units in windows of trials: counts in bins, and spike trains relative to the start of the trial.

A unit has no response in a trial whose window was not wholly observed, or in which the unit was not isolated: what is missing
is never counted as silence. Trials with the same label are repeats of the same stimulus.
"""

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.errors import DataError, NotApplicable
from homeoanalysis.numerics import observed
from homeoanalysis.numerics.compiled import compiled

Floats = NDArray[np.float64]


class Responses(NamedTuple):
    """spikes (unit, trial, bin); seen (unit, trial), the trials in which it counts; stimulus (trial), index into the labels."""

    spikes: NDArray[np.int64]
    seen: NDArray[np.bool_]
    stimulus: NDArray[np.intp]
    labels: list[str]


class Trains(NamedTuple):
    """times[unit][trial] [s], from the begin of the window on; the others as of `Responses`."""

    times: list[list[Floats]]
    seen: NDArray[np.bool_]
    stimulus: NDArray[np.intp]
    labels: list[str]


def counts(activity: xr.Dataset, begin: float, end: float, bin_size: float | None = None) -> Responses:
    """Spikes in bins of `bin_size` [s] from `begin` to `end` [s] after the start of each trial; one bin without a size.

    What is left of the window behind the last whole bin is not used. Published counts are added up to bins.
    Raises NotApplicable without spikes and counts, or without trials; DataError if the bins do not fit.
    """
    if "binned_count" not in activity and "spike_time" not in activity:
        raise NotApplicable("no spike times and no counts in bins of trials")
    stimulus, labels = _stimulus(activity)
    bin_size = end - begin if bin_size is None else bin_size
    n_bins = observed.n_whole(end - begin, bin_size)
    if n_bins < 1:
        raise DataError(f"the window from {begin:g} to {end:g} s of each trial holds no bin of {bin_size:g} s; make it longer")
    if "binned_count" in activity:
        return Responses(*_of_bins(activity, begin, n_bins, bin_size), stimulus, labels)
    start = observed.array(activity, "trial_start") + begin
    count = np.zeros((activity.sizes["unit"], start.size, n_bins), np.int64)
    for train, mine in zip(observed.spike_trains(activity), count, strict=True):
        first, last = np.searchsorted(train, [start - observed.EDGE * bin_size, start + n_bins * bin_size])
        _count(train, first, last, start, bin_size, observed.EDGE, mine)
    return Responses(count, _seen(activity, begin, begin + n_bins * bin_size), stimulus, labels)


@compiled
def _count(train, first, last, start, bin_size, slack, found):  # type: ignore[no-untyped-def]
    """Adds to (trial, bin) the spikes of each trial, numbered from `first` to `last`; an edge belongs to the later bin."""
    for trial in range(start.size):
        for spike in range(first[trial], last[trial]):
            index = int(np.floor((train[spike] - start[trial]) / bin_size + slack))
            if 0 <= index < found.shape[1]:
                found[trial, index] += 1


def trains(activity: xr.Dataset, begin: float, end: float) -> Trains:
    """Spike trains from `begin` to `end` [s] after the start of each trial. Raises NotApplicable without spikes or trials."""
    times = observed.spike_trains(activity)
    stimulus, labels = _stimulus(activity)
    start = observed.array(activity, "trial_start") + begin
    slack = observed.EDGE * (end - begin)
    found = []
    for train in times:
        edges = np.searchsorted(train, [start - slack, start + (end - begin) - slack])
        found.append([train[a:b] - t for a, b, t in zip(*edges, start, strict=True)])
    return Trains(found, _seen(activity, begin, end), stimulus, labels)


def _stimulus(activity: xr.Dataset) -> tuple[NDArray[np.intp], list[str]]:
    if "trial_start" not in activity:
        raise NotApplicable("no trials")
    labels, stimulus = np.unique(observed.array(activity, "stimulus").astype(str), return_inverse=True)
    return stimulus, labels.tolist()


def _seen(activity: xr.Dataset, begin: float, end: float) -> NDArray[np.bool_]:
    """(unit, trial): the window lies in one segment, in which the unit was isolated."""
    slack = observed.EDGE * (end - begin)
    first, stop = observed.segments(activity)
    at = observed.array(activity, "trial_start")
    segment = np.searchsorted(first, at + begin + slack, side="right") - 1
    inside = (segment >= 0) & (at + end <= stop[np.maximum(segment, 0)] + slack)
    return np.asarray((observed.isolated(activity)[:, np.maximum(segment, 0)] > 0) & inside)


def _of_bins(activity: xr.Dataset, begin: float, n_bins: int, bin_size: float) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    size = float(activity.binned_count.attrs["bin_size"])
    per_bin = round(bin_size / size)
    if per_bin < 1 or abs(bin_size - per_bin * size) > observed.EDGE * size:
        raise DataError(f"bins of {bin_size:g} s are no multiple of those of the counts, {size:g} s; choose a multiple")
    edges = activity.bin.values
    first = int(np.searchsorted(edges, begin - observed.EDGE * size))
    if first == edges.size or abs(edges[first] - begin) > 1e-3 * size or first + n_bins * per_bin > edges.size:
        raise DataError(
            f"no counts from {begin:g} to {begin + n_bins * bin_size:g} s of each trial: their bins of {size:g} s run from "
            f"{edges[0]:g} to {edges[-1] + size:g} s; choose begin and end on their edges"
        )
    part = activity.binned_count.values[:, :, first : first + n_bins * per_bin].transpose(1, 0, 2)
    count = part.reshape(*part.shape[:2], n_bins, per_bin).sum(axis=3)
    return count, _seen(activity, begin, begin + n_bins * bin_size)

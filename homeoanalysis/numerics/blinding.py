"""A model seen as a recording sees: for as long, as many units, and none that the rig would not have detected."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.errors import NotApplicable
from homeoanalysis.numerics import observed
from homeoanalysis.provenance import rng_for

# Of an activity, what a rig is known by.
VARIABLES = ("segment_start", "segment_stop", "epoch", "epoch_start", "epoch_stop", "unit", "spike_count")
_EDGE = 1 + 1e-9  # the same duration, summed in another order, is no longer one


class Rig(NamedTuple):
    """What one replicate of a recording says of how it was recorded."""

    factors: Mapping[str, Any]
    n_units: int
    durations: Mapping[str, float]  # epoch -> observed time [s]
    observed_time: float  # of all of it [s]
    sees_silent_units: bool


class Blindness(NamedTuple):
    """The replicates of a recording that a model is seen like, and the rate below which a unit is left out [Hz]."""

    recording: str
    rigs: list[Rig]
    minimum_rate: float
    seed: int


def blindness(recording: str, replicates: Iterable[xr.Dataset], *, minimum_rate: float, seed: int) -> Blindness:
    """How a recording sees.

    replicates: activity/1 of it, or their VARIABLES alone. minimum_rate: [Hz], of its curation; 0: none is declared.
    """
    return Blindness(recording, [rig(replicate) for replicate in replicates], minimum_rate, seed)


def rig(recorded: xr.Dataset) -> Rig:
    """How a replicate was recorded."""
    segments = observed.segments(recorded)
    spans = {label: np.array([[start], [stop]]) for label, (start, stop) in observed.epochs(recorded).items()}
    lasted = {label: np.diff(observed.overlap(*segments, *span), axis=0).sum() for label, span in spans.items()}
    spikes = recorded.spike_count.values if "spike_count" in recorded else np.ones(1)
    factors, n_units = json.loads(recorded.attrs["factors"]), int(recorded.sizes.get("unit", 0))
    return Rig(
        factors, n_units, {k: float(v) for k, v in lasted.items()}, observed.observed_time(recorded), bool((spikes == 0).any())
    )


def blinded(activity: xr.Dataset, blind: Blindness) -> xr.Dataset:
    """The activity of a model as the recording would have it.

    activity: activity/1 with spikes, of a realisation. Of the recorded replicates whose factors have its levels (all, if none has
    them) realisation k is seen like the k-th, and round again. First the time: each epoch lasts as the recorded one of its name,
    or as all that was recorded. Then detection: units below the minimum rate are left out, and silent ones where the recording
    has none. Then as many of the units that are left as were recorded, at random: the same ones of every variant of a model.
    What is left out is counted in the book-keeping, with the reason.
    Raises NotApplicable if no unit is left.
    """
    if "spike_time" not in activity:
        raise NotApplicable("no spike times, which blindness is about")
    mine = json.loads(activity.attrs["factors"]).items()
    like = [r for r in blind.rigs if mine <= r.factors.items()] or blind.rigs
    seen = like[int(activity.attrs["subject"]) % len(like)]
    shorter = counted(activity, _shortened(activity, seen), f"longer than {blind.recording} lasted")
    least = blind.minimum_rate * observed.observed_time(shorter)
    count = shorter.spike_count.values
    is_detected = (count >= least) & ((count > 0) | seen.sees_silent_units)
    if not is_detected.any():
        raise NotApplicable(f"no unit would have been detected in {blind.recording}")
    detected = counted(shorter, take_units(shorter, np.flatnonzero(is_detected)), f"not detected in {blind.recording}")
    rng = rng_for(blind.seed, "blindness", blind.recording, activity.attrs["replicate"])
    kept = np.sort(rng.permutation(np.flatnonzero(is_detected))[: seen.n_units])
    chosen = np.searchsorted(np.flatnonzero(is_detected), kept)
    return counted(detected, take_units(detected, chosen), f"more units than {blind.recording} has")


def _shortened(activity: xr.Dataset, seen: Rig) -> xr.Dataset:
    """Each epoch from its start on."""
    spans = observed.epochs(activity)
    lasts = {label: seen.durations.get(label, seen.observed_time) * _EDGE for label in spans}
    stops = {label: min(stop, start + lasts[label]) for label, (start, stop) in spans.items()}
    if all(stops[label] == stop for label, (_, stop) in spans.items()):
        return activity
    start, stop = np.array(sorted((spans[label][0], stops[label]) for label in spans)).T
    first = np.concatenate([[True], start[1:] > np.maximum.accumulate(stop)[:-1]])
    shorter = observed.restrict(activity, start[first], np.maximum.reduceat(stop, np.flatnonzero(first)))
    if "epoch_stop" in shorter:
        shorter = shorter.assign(epoch_stop=("epoch", list(stops.values()), activity.epoch_stop.attrs))
    return shorter


def take_units(activity: xr.Dataset, kept: NDArray[np.intp]) -> xr.Dataset:
    """The activity with only these units, in this order."""
    trains = observed.spike_trains(activity)
    others = activity.drop_vars(["spike_time", "spike_count"]).isel(unit=kept)
    times = np.concatenate([trains[u] for u in kept]) if kept.size else np.zeros(0)
    taken = others.assign(spike_time=("spike", times, activity.spike_time.attrs))
    return taken.assign(spike_count=("unit", activity.spike_count.values[kept], activity.spike_count.attrs))


def counted(before: xr.Dataset, after: xr.Dataset, reason: str) -> xr.Dataset:
    """`after` with its book-keeping: the spikes and units that are no longer there were dropped for this reason."""
    book = json.loads(before.attrs["bookkeeping"])
    for what, dim in (("spikes", "spike"), ("units", "unit")):
        had, has = int(before.sizes.get(dim, 0)), int(after.sizes.get(dim, 0))
        entry = book.get(what, {"in": had, "out": had, "dropped": {}})
        if had > has:
            book[what] = {**entry, "out": has, "dropped": {**entry["dropped"], reason: had - has}}
    return after.assign_attrs(bookkeeping=json.dumps(book, sort_keys=True))

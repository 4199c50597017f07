"""Views of an activity dataset: its spike trains, its epochs, the part of it inside given intervals.

Intervals are half-open, [start, stop), except that the end of a segment belongs to it: acquisition
systems place a spike there. Bins are compared with a slack of 1e-6 of a bin, so that a spike on an edge
falls into the same bin at t = 0 and at t = 1e6 s, where a double resolves 1e-10 s.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.contracts import SIGNALS
from homeoanalysis.errors import NotApplicable
from homeoanalysis.numerics import long_trains

Floats = NDArray[np.float64]
EDGE = 1e-6


def array(activity: xr.Dataset, name: str) -> NDArray[Any]:
    """The values of a variable.

    `activity.name` first makes a DataArray with all its coordinates, which takes thirty times as long; halves are drawn by the
    hundred.
    """
    return np.asarray(activity.variables[name].values)


def replaced(activity: xr.Dataset, new: dict[str, xr.Variable], without: tuple[str, ...] = ()) -> xr.Dataset:
    """The activity with these variables, and no other that has one of the dimensions `without`.

    new: of coordinates only those of their own dimension.

    One new Dataset, which takes its coordinates as they are: to assign variable by variable costs five times as much.
    """
    same = {k: v for k, v in activity.variables.items() if k not in new and not set(without).intersection(v.dims)}
    kept = {name: same.pop(name) for name in activity.coords if name in same}
    indexes = {name: index for name, index in activity.xindexes.items() if name in kept}
    return xr.Dataset({**same, **new}, coords=xr.Coordinates(kept, indexes), attrs=activity.attrs)


def with_spikes(activity: xr.Dataset, times: xr.Variable, count: NDArray[np.int64]) -> xr.Dataset:
    """The activity with other spikes: `count[u]` times of each unit u, one unit after the other."""
    new = {"spike_time": times, "spike_count": xr.Variable("unit", count, activity.variables["spike_count"].attrs)}
    return replaced(activity, new, without=("spike",))


def need_spikes(activity: xr.Dataset) -> None:
    """Raises NotApplicable if the activity holds no spikes. Without them it may have no units to count either."""
    if "spike_time" not in activity:
        raise NotApplicable("no spike times")


def spike_trains(activity: xr.Dataset) -> list[Floats]:
    """The spike times of each unit [s]. Raises NotApplicable if the activity holds no spikes."""
    need_spikes(activity)
    return np.split(array(activity, "spike_time"), np.cumsum(array(activity, "spike_count")))[:-1]


def each_train(activity: xr.Dataset) -> Iterator[Floats]:
    """The spike times of one unit after the other [s]; of a long activity never more than one is in memory.

    Raises NotApplicable if the activity holds no spikes, when the first is asked for.
    """
    need_spikes(activity)
    times: Any = activity.variables["spike_time"] if long_trains.is_long(activity) else array(activity, "spike_time")
    end = np.cumsum(array(activity, "spike_count"))
    for n, b in zip(array(activity, "spike_count"), end, strict=True):
        yield np.asarray(times[b - n : b])


def segments(activity: xr.Dataset) -> tuple[Floats, Floats]:
    """Start and stop of the observed segments [s]."""
    return array(activity, "segment_start"), array(activity, "segment_stop")


def observed_time(activity: xr.Dataset) -> float:
    """Seconds of observed time: the sum of the segments."""
    start, stop = segments(activity)
    return float(np.sum(stop - start))


def epochs(activity: xr.Dataset) -> dict[str, tuple[float, float]]:
    """Label -> (start, stop) [s]. An activity without epochs has one, "whole"."""
    if "epoch_start" not in activity:
        start, stop = segments(activity)
        return {"whole": (float(start[0]), float(stop[-1]))}
    return {
        str(label): (float(a), float(b))
        for label, a, b in zip(
            array(activity, "epoch"), array(activity, "epoch_start"), array(activity, "epoch_stop"), strict=True
        )
    }


def epoch(activity: xr.Dataset, label: str) -> tuple[float, float]:
    """One epoch. Raises NotApplicable, naming it, if the activity does not have it."""
    found = epochs(activity)
    if label not in found:
        raise NotApplicable(f"no such epoch: {label}")
    return found[label]


def overlap(start: Floats, stop: Floats, other_start: Floats, other_stop: Floats) -> tuple[Floats, Floats]:
    """The intersection of two sorted lists of disjoint intervals."""
    first = np.searchsorted(other_stop, start, side="right")
    last = np.searchsorted(other_start, stop, side="left")
    n = np.maximum(last - first, 0)
    mine = np.repeat(np.arange(start.size), n)
    other = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n) + first[mine]
    return np.maximum(start[mine], other_start[other]), np.minimum(stop[mine], other_stop[other])


def unit_of_spike(activity: xr.Dataset) -> NDArray[np.intp]:
    """The index of the unit of each entry of spike_time."""
    need_spikes(activity)
    return np.repeat(np.arange(activity.sizes["unit"]), array(activity, "spike_count"))


def piece_of(times: Floats, start: Floats, stop: Floats, closed: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The interval that each time lies in, of sorted disjoint ones; -1 for none. `closed`: its end belongs to it."""
    if start.size == 0:
        return np.full(times.size, -1)
    where = np.searchsorted(start, times, side="right") - 1
    safe = np.maximum(where, 0)
    is_in = (where >= 0) & ((times < stop[safe]) | (closed[safe] & (times == stop[safe])))
    return np.where(is_in, where, -1)


def is_end(activity: xr.Dataset, times: Floats) -> NDArray[np.bool_]:
    """Whether a segment ends at each time and none begins there: a spike at that very time belongs to what was before."""
    start, stop = segments(activity)
    return np.isin(times, stop) & ~np.isin(times, start)


def counts(activity: xr.Dataset, labels: Sequence[str]) -> tuple[NDArray[np.int64], Floats]:
    """Spikes of each unit in each epoch (unit, epoch), and the time for which the unit was observed in it [s].

    Raises NotApplicable if there is no such epoch, or nothing was observed in it.
    """
    seg_start, seg_stop = segments(activity)
    spans = np.array([epoch(activity, label) for label in labels])
    cuts = np.concatenate([[-np.inf], np.unique(spans), [np.inf]])
    start, stop = overlap(seg_start, seg_stop, cuts[:-1], cuts[1:])  # pieces that lie inside or outside of each epoch
    member = (start[:, None] >= spans[:, 0]) & (stop[:, None] <= spans[:, 1])
    for label, mine in zip(labels, member.T, strict=True):
        if not mine.any():
            raise NotApplicable(f"nothing was observed in epoch {label}")
    if "observed" in activity:
        count, isolated = piece_counts(activity, start, stop)
        spikes = (count * isolated) @ member.astype(np.int64)
    else:
        # No spike lies between pieces: neighbours in the same epochs count as one. A half has hundreds, and few epochs.
        first = np.flatnonzero(np.append(True, np.any(member[1:] != member[:-1], axis=1)))
        count, _ = piece_counts(activity, start[first], stop[np.append(first[1:], start.size) - 1])
        isolated = np.ones((activity.sizes["unit"], start.size))
        spikes = count @ member[first].astype(np.int64)
    return spikes, (isolated * (stop - start)) @ member.astype(float)


def piece_counts(activity: xr.Dataset, start: Floats, stop: Floats, slack: float = 0.0) -> tuple[NDArray[np.int64], Any]:
    """Spikes of each unit in each piece (unit, piece), and whether it was isolated then; pieces lie inside segments.

    slack: [s], by how much earlier an edge is taken that is not a segment's. Of a long activity one unit is read at a time.
    """
    need_spikes(activity)
    begin, end = piece_edges(activity, start, stop, slack)
    count = np.zeros((activity.sizes["unit"], start.size), np.int64)
    for u, times in enumerate(each_train(activity)):
        count[u] = times.searchsorted(end) - times.searchsorted(begin)
    isolated = np.ones(count.shape, np.int64)
    if "observed" in activity:
        isolated = array(activity, "observed")[:, np.searchsorted(segments(activity)[0], start, side="right") - 1]
    return count, isolated


def piece_edges(activity: xr.Dataset, start: Floats, stop: Floats, slack: float) -> tuple[Floats, Floats]:
    """Pieces that lie inside segments, so that a spike belongs to [begin, end); `slack` as of `piece_counts`."""
    seg_start, _ = segments(activity)
    begin = np.where(np.isin(start, seg_start), start, start - slack)
    end = np.where(np.isin(stop, seg_start), stop, stop - slack)
    return begin, np.where(is_end(activity, stop), np.nextafter(stop, np.inf), end)  # the end of a segment belongs to it


def isolated(activity: xr.Dataset) -> Floats:
    """(unit, segment): 1 where the unit was isolated, 0 where it could not have been seen."""
    if "observed" in activity:
        return np.asarray(array(activity, "observed"), float)
    return np.ones((activity.sizes["unit"], activity.sizes["segment"]))


def segment_counts(activity: xr.Dataset) -> NDArray[np.int64]:
    """(unit, segment): spikes. Raises NotApplicable without spikes."""
    return piece_counts(activity, *segments(activity))[0]


def seen(activity: xr.Dataset) -> xr.Dataset:
    """The activity without spikes of units in segments in which they were not isolated. Raises NotApplicable without spikes."""
    need_spikes(activity)
    if "observed" not in activity or bool(activity.observed.all()):
        return activity
    if long_trains.is_long(activity):
        return take_pieces(activity, *segments(activity), _ranges(activity, *segments(activity), isolated(activity)))
    unit = unit_of_spike(activity)
    segment = np.searchsorted(array(activity, "segment_start"), array(activity, "spike_time"), side="right") - 1
    kept = array(activity, "observed")[unit, segment] > 0
    return take_pieces(activity, *segments(activity), kept)


def _ranges(activity: xr.Dataset, start: Floats, stop: Floats, wanted: Floats) -> long_trains.Ranges:
    """The spikes of each unit in the pieces that are `wanted` (unit, piece) of it; one unit is read at a time."""
    end = np.where(is_end(activity, stop), np.nextafter(stop, np.inf), stop)
    first, last = np.zeros((2, *wanted.shape), np.int64)
    before = np.cumsum(array(activity, "spike_count")) - array(activity, "spike_count")
    for u, (b, times) in enumerate(zip(before, each_train(activity), strict=True)):
        first[u] = b + times.searchsorted(start)
        last[u] = b + times.searchsorted(end)
    return long_trains.Ranges(first, np.where(wanted > 0, last, first))


def restrict(activity: xr.Dataset, start: Floats, stop: Floats) -> xr.Dataset:
    """The activity as if only the sorted disjoint intervals [start, stop) had been observed.

    Segments become their intersection with the intervals; spikes outside are left out; a signal keeps its
    samples, and its `_first_sample` and `_sample_count` point at those that lie inside. Where nothing lies outside it is the
    activity itself.
    """
    new_start, new_stop = overlap(*segments(activity), np.asarray(start, float), np.asarray(stop, float))
    if new_start.size == 0:
        raise NotApplicable("nothing was observed in the asked time")
    if _is_all(activity, new_start, new_stop):  # of halves an epoch is often all; they are drawn by the hundred
        return activity
    kept: long_trains.Ranges | NDArray[np.bool_] | None = None
    if "spike_time" in activity and long_trains.is_long(activity):
        kept = _ranges(activity, new_start, new_stop, np.ones((activity.sizes["unit"], new_start.size)))
    elif "spike_time" in activity:
        kept = piece_of(array(activity, "spike_time"), new_start, new_stop, is_end(activity, new_stop)) >= 0
    return take_pieces(activity, new_start, new_stop, kept)


def _is_all(activity: xr.Dataset, start: Floats, stop: Floats) -> bool:
    """Whether these pieces are the segments, and no signal has a sample outside."""
    if not all(map(np.array_equal, segments(activity), (start, stop))):
        return False
    cut = [_restricted_signal(activity, name, np.arange(start.size), start, stop) for name in SIGNALS if name in activity]
    return all(np.array_equal(array(activity, name), v.values) for one in cut for name, v in one.items())


def take_pieces(
    activity: xr.Dataset, start: Floats, stop: Floats, kept: long_trains.Ranges | NDArray[np.bool_] | None
) -> xr.Dataset:
    """`restrict` to pieces that are known to lie inside segments; `kept`: which spikes lie inside them, None without spikes."""
    old_start, _ = segments(activity)
    of = np.searchsorted(old_start, start, side="right") - 1  # the old segment of each piece
    new = {
        "segment_start": xr.Variable("segment", start, activity.variables["segment_start"].attrs),
        "segment_stop": xr.Variable("segment", stop, activity.variables["segment_stop"].attrs),
    }
    if kept is not None:
        if isinstance(kept, long_trains.Ranges):
            times, count = long_trains.taken(activity.variables["spike_time"], kept)
        else:
            count = np.bincount(unit_of_spike(activity)[kept], minlength=activity.sizes["unit"])
            times = xr.Variable("spike", array(activity, "spike_time")[kept], activity.variables["spike_time"].attrs)
        new["spike_time"] = times
        new["spike_count"] = xr.Variable("unit", count, activity.variables["spike_count"].attrs)
    if "observed" in activity:
        new["observed"] = xr.Variable(
            ("unit", "segment"), array(activity, "observed")[:, of], activity.variables["observed"].attrs
        )
    for name in SIGNALS:
        if name in activity:
            new |= _restricted_signal(activity, name, of, start, stop)
    return replaced(activity, new, without=("segment", "spike"))


def _restricted_signal(
    activity: xr.Dataset, name: str, of: NDArray[np.intp], start: Floats, stop: Floats
) -> dict[str, xr.Variable]:
    rate = activity.variables[name].attrs["sampling_rate"]
    first, count, t_start = (array(activity, f"{name}_{k}")[of] for k in ("first_sample", "sample_count", "t_start"))
    skipped = np.clip(np.ceil((start - t_start) * rate - EDGE), 0, count)
    end = np.clip(np.ceil((stop - t_start) * rate - EDGE), 0, count)
    pieces = {
        "first_sample": first + skipped.astype(np.int64),
        "sample_count": (end - skipped).astype(np.int64),
        "t_start": np.where(count == 0, start, t_start + skipped / rate),
    }
    return {f"{name}_{k}": xr.Variable("segment", v, activity.variables[f"{name}_{k}"].attrs) for k, v in pieces.items()}


def binned_counts(times: Floats, start: float, n_bins: int, bin_size: float) -> NDArray[np.int64]:
    """Spikes in each of `n_bins` bins from `start` on; a spike on an edge belongs to the later bin."""
    index = np.floor((times - start) / bin_size + EDGE).astype(np.int64)
    return np.bincount(index[(index >= 0) & (index < n_bins)], minlength=n_bins)


def n_whole(duration: float, piece: float) -> int:
    """How many whole pieces fit into a duration."""
    return int(np.floor(duration / piece + EDGE))

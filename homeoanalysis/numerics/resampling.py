"""Halves of a recording, and surrogates: what the best and the worst model could reach."""

from collections.abc import Callable

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.errors import NotApplicable
from homeoanalysis.numerics import observed, presented
from homeoanalysis.numerics.merged import Clock

Floats = NDArray[np.float64]


def blocks(activity: xr.Dataset, length: float) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Pieces of `length` [s] of observed time, cut afresh where an epoch begins or ends, and (block, epoch) which lies in which.

    Epochs may overlap: a block lies in all or in none of the time of each.
    """
    spans = np.array(list(observed.epochs(activity).values()))
    cuts = np.unique(spans)
    start, stop = observed.overlap(*observed.segments(activity), cuts[:-1], cuts[1:])
    member = (start[:, None] >= spans[:, 0]) & (stop[:, None] <= spans[:, 1])
    n = np.array([observed.n_whole(d, length) for d in stop - start], np.intp) * member.any(axis=1)
    nth = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n)
    begin, end = np.repeat(start, n) + length * np.stack([nth, nth + 1])
    # The same sum where one block ends as where the next begins, and the end of a piece where it is all blocks: an end that a
    # rounding moves lies behind the next begin, or before a spike at the end of a segment, which belongs to it.
    last = np.repeat(stop, n)
    return begin, np.where(np.abs(end - last) <= 2 * observed.EDGE * length, last, end), np.repeat(member, n, axis=0)


class Halves:
    """Deals an activity at random to two halves of equal observed time, in blocks of `length` [s], within each epoch.

    Where epochs overlap, also within their intersections, so that each epoch has the same time in both halves.
    Raises NotApplicable if an epoch has fewer than two blocks.
    """

    def __init__(self, activity: xr.Dataset, length: float) -> None:
        self.activity = activity
        self.start, self.stop, member = blocks(activity, length)
        _, self.kind = np.unique(~member, axis=0, return_inverse=True)  # blocks of one kind lie in the same epochs
        dealt = np.bincount(self.kind) // 2
        for index, label in enumerate(observed.epochs(activity)):
            if not dealt[self.kind[member[:, index]]].any():
                raise NotApplicable(f"epoch {label} is shorter than two blocks of {length:g} s")
        self.block: NDArray[np.intp] | None = None  # of each spike; found once, used by every draw
        if "spike_time" in activity:
            found = observed.piece_of(
                observed.array(activity, "spike_time"), self.start, self.stop, observed.is_end(activity, self.stop)
            )
            self.block = np.where(found >= 0, found, self.start.size)

    def deal(self, rng: np.random.Generator) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which blocks fall to the first and to the second half; the last entry stands for spikes outside all blocks."""
        masks = np.zeros((2, self.start.size + 1), bool)
        for kind in np.unique(self.kind):
            mine = rng.permutation(np.flatnonzero(self.kind == kind))
            half = mine.size // 2
            masks[0, mine[:half]] = True
            masks[1, mine[half : 2 * half]] = True
        return masks[0], masks[1]

    def take(self, mask: NDArray[np.bool_]) -> xr.Dataset:
        """The activity in the blocks of one half."""
        kept = None if self.block is None else mask[self.block]
        return observed.take_pieces(self.activity, self.start[mask[:-1]], self.stop[mask[:-1]], kept)


def shifted_stimulus(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """The stimulus of each segment turned round by a random part (10-90 %) of its length: same stimulus, no relation.

    What is shown again in later trials is the same as before there: only what is new is turned, and repeated as it was.
    """
    if "covariate" not in activity:
        return activity
    values, origin = observed.array(activity, "covariate").copy(), presented.origins(activity)
    is_new = origin == np.arange(origin.size)
    for first, count in zip(
        observed.array(activity, "covariate_first_sample"), observed.array(activity, "covariate_sample_count"), strict=True
    ):
        if count:
            mine, new = values[:, first : first + count], is_new[first : first + count]
            where = slice(None) if new.all() else new  # a mask copies, which takes longer than to roll
            mine[:, where] = np.roll(mine[:, where], int(new.sum() * rng.uniform(0.1, 0.9)), axis=1)
    values = values if is_new.all() else values[:, origin]
    return observed.replaced(activity, {"covariate": activity.variables["covariate"].copy(data=values)})


def permuted_labels(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """The stimuli of the trials in another order: same responses, no relation to the stimulus."""
    if "stimulus" not in activity:
        return activity
    stimulus = activity.variables["stimulus"]
    return observed.replaced(activity, {"stimulus": stimulus.copy(data=rng.permutation(stimulus.values))})


def shuffled_trials(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """Each unit has the trials of a stimulus in an order of its own: same responses, but units no longer vary together."""
    if "stimulus" not in activity:
        return activity
    _, stimulus = np.unique(observed.array(activity, "stimulus").astype(str), return_inverse=True)
    if "binned_count" in activity:
        counts = activity.binned_count
        values = counts.values.copy()
        for u in range(values.shape[1]):
            values[:, u] = values[_permuted_within(stimulus, np.ones(stimulus.size, bool), rng), u]
        return activity.assign(binned_count=(counts.dims, values, counts.attrs))
    start, stop = observed.array(activity, "trial_start"), observed.array(activity, "trial_stop")
    first, last = observed.segments(activity)
    segment = np.maximum(np.searchsorted(first, start, side="right") - 1, 0)
    is_whole = (start >= first[segment]) & (stop <= last[segment])
    order = np.argsort(start, kind="stable")
    nth = np.argsort(order)
    trains = []
    for train in observed.spike_trains(activity):
        to = _permuted_within(stimulus, is_whole, rng)
        source = nth[np.argsort(to)[order]]  # whose spikes each trial gets, both by their order in time
        edge = np.append(train.searchsorted(start[order]), train.size)
        end = np.minimum(train.searchsorted(stop[order]), edge[1:])
        # What is before all trials; then of each trial what it gets, and what is behind it. So times are nearly in order.
        first = np.concatenate([[0], np.stack([edge[:-1][source], end], axis=1).ravel()])
        n = np.concatenate([[edge[0]], np.stack([(end - edge[:-1])[source], edge[1:] - end], axis=1).ravel()])
        begin = np.zeros((2, n.size))
        begin[:, 1::2] = start[order][source], start[order]
        time = train[np.arange(train.size) + np.repeat(first - np.cumsum(n) + n, n)]
        trains.append(np.sort(time - np.repeat(begin[0], n) + np.repeat(begin[1], n), kind="stable"))
    return with_spikes(activity, np.concatenate(trains), observed.array(activity, "spike_count"))


def _permuted_within(stimulus: NDArray[np.intp], movable: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.intp]:
    """The number of another trial of the same stimulus for each trial that can be moved, its own for the others."""
    to = np.arange(stimulus.size)
    for k in np.unique(stimulus):
        mine = np.flatnonzero((stimulus == k) & movable)
        to[mine] = rng.permutation(mine)
    return to


def turned_trains(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """The spikes of each unit turned round by a random part of observed time: same counts and patterns, no relation of units."""
    clock = Clock(activity, 0.0)
    total = clock.end[-1]
    unit = observed.unit_of_spike(activity)
    by = rng.uniform(0, total, activity.sizes["unit"])
    turned = np.mod(clock(observed.array(activity, "spike_time")) + by[unit], total)
    turned = turned[np.lexsort((turned, unit))]
    return with_spikes(activity, clock.back(turned), observed.array(activity, "spike_count"))


def scattered_trains(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """Every spike at a random place of observed time: same counts, no pattern and no course in time.

    Of published counts in bins of trials, in a random bin of any trial.
    """
    if "binned_count" in activity:
        counts = activity.binned_count.transpose("unit", "trial", "bin")
        even = np.full(counts[0].size, 1 / counts[0].size)
        placed = rng.multinomial(counts.sum(("trial", "bin")).values, even).reshape(counts.shape).astype(counts.dtype)
        back = counts.copy(data=placed).transpose(*activity.binned_count.dims)
        return activity.assign(binned_count=back.variable)
    if "spike_count" not in activity:
        return activity
    count = observed.array(activity, "spike_count")
    return with_spikes(activity, sorted_uniform(count, *observed.segments(activity), rng), count)


def clockwork(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """The same number of spikes in each segment at equal distances: no irregularity is left."""
    start, stop = observed.segments(activity)
    trains = []
    for train in observed.spike_trains(activity):
        n = np.diff(np.searchsorted(train, np.append(start, np.inf)))
        trains += [a + (b - a) * (np.arange(k) + rng.uniform()) / max(k, 1) for a, b, k in zip(start, stop, n, strict=True)]
    return with_spikes(activity, np.concatenate(trains), observed.array(activity, "spike_count"))


def at_rate_of(source: str, target: str) -> Callable[[xr.Dataset, np.random.Generator], xr.Dataset]:
    """A surrogate in which each unit fires in the epoch `target` at its rate of the epoch `source`, as a Poisson train."""

    def surrogate(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
        spans = observed.epochs(activity)
        missing = [name for name in (source, target) if name not in spans]
        if missing:
            raise NotApplicable(f"no surrogates without an epoch that is named {' and one named '.join(missing)}")
        count, time = (x[:, 0] for x in observed.counts(activity, [source]))
        with np.errstate(invalid="ignore", divide="ignore"):
            return fired_at(activity, target, np.where(time > 0, count / time, 0.0), rng)

    return surrogate


def fired_at(activity: xr.Dataset, label: str, rate: Floats, rng: np.random.Generator) -> xr.Dataset:
    """In one epoch each unit fires at a rate (unit) [Hz], as a Poisson train."""
    span = observed.epoch(activity, label)
    inside = observed.overlap(*observed.segments(activity), *np.array([span]).T)
    count = rng.poisson(rate * float((inside[1] - inside[0]).sum()))
    return with_epoch(activity, span, count, sorted_uniform(count, *inside, rng))


def swapped_units(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """In the last epoch each unit fires as another one did: nothing is left of who was who."""
    start, stop = observed.epochs(activity)[max(observed.epochs(activity), key=lambda e: observed.epochs(activity)[e][1])]
    trains = [t[(t >= start) & (t <= stop)] for t in observed.spike_trains(activity)]
    order = rng.permutation(len(trains))
    count = np.array([trains[k].size for k in order], np.int64)
    return with_epoch(activity, (start, stop), count, np.concatenate([trains[k] for k in order]))


def equal_units(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """Every spike given to a random unit: all have one rate."""
    unit = rng.integers(0, activity.sizes["unit"], activity.sizes["spike"])
    times = observed.array(activity, "spike_time")
    order = np.lexsort((times, unit))
    return with_spikes(activity, times[order], np.bincount(unit, minlength=activity.sizes["unit"]))


def with_epoch(activity: xr.Dataset, span: tuple[float, float], count: NDArray[np.int64], new: Floats) -> xr.Dataset:
    """The activity with other spikes in one epoch: `count[u]` of each unit, one unit after the other."""
    times, unit = observed.array(activity, "spike_time"), observed.unit_of_spike(activity)
    kept = (times < span[0]) | (times > span[1])
    total = np.bincount(unit[kept], minlength=count.size)
    before = np.bincount(unit[times < span[0]], minlength=count.size)
    place = np.cumsum(total) - total + before  # where, among the kept spikes, the unit's new ones belong
    return with_spikes(activity, np.insert(times[kept], np.repeat(place, count), new), total + count)


def sorted_uniform(count: NDArray[np.int64], start: Floats, stop: Floats, rng: np.random.Generator) -> Floats:
    """`count[u]` sorted uniform times of each unit u in the union of the intervals, one unit after the other.

    Partial sums of exponential gaps over their sum (one gap more than times) are sorted uniforms without sorting.
    """
    ends = np.cumsum(stop - start)
    gap = rng.standard_exponential(int((count + 1).sum()))
    total = np.cumsum(gap)
    last = np.cumsum(count + 1) - 1
    before = total[last - count] - gap[last - count]
    at = (total - np.repeat(before, count + 1)) * np.repeat(ends[-1] / (total[last] - before), count + 1)
    at = np.delete(at, last)
    if start.size == 1:
        return start[0] + at
    piece = np.minimum(np.searchsorted(ends, at, side="right"), ends.size - 1)
    return start[piece] + at - (ends - (stop - start))[piece]


def with_spikes(activity: xr.Dataset, times: Floats, count: NDArray[np.int64]) -> xr.Dataset:
    """The activity with other spikes: `count[u]` sorted times of each unit u, one unit after the other."""
    attributes = {k: v for k, v in activity.variables["spike_time"].attrs.items() if k != "tick"}
    return observed.with_spikes(activity, xr.Variable("spike", times, attributes), count)

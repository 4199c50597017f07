"""Halves of a recording, and surrogates: what the best and the worst model could reach."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.errors import NotApplicable
from homeoanalysis.numerics import observed

Floats = NDArray[np.float64]


def blocks(activity: xr.Dataset, length: float) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Pieces of `length` [s] of observed time, cut afresh in each epoch, and which epoch each lies in."""
    start, stop = observed.segments(activity)
    pieces = []
    for index, (epoch_start, epoch_stop) in enumerate(observed.epochs(activity).values()):
        for a, b in zip(*observed.overlap(start, stop, np.array([epoch_start]), np.array([epoch_stop])), strict=True):
            n = observed.n_whole(b - a, length)
            edges = a + length * np.arange(n)
            pieces.append(np.column_stack([edges, edges + length, np.full(n, index)]))
    table = np.concatenate(pieces) if pieces else np.zeros((0, 3))
    return table[:, 0], table[:, 1], table[:, 2].astype(np.intp)


class Halves:
    """Deals an activity at random to two halves of equal observed time, in blocks of `length` [s], within each epoch.

    Raises NotApplicable if an epoch has fewer than two blocks.
    """

    def __init__(self, activity: xr.Dataset, length: float) -> None:
        self.activity = activity
        self.start, self.stop, self.epoch = blocks(activity, length)
        for index, label in enumerate(observed.epochs(activity)):
            if np.sum(self.epoch == index) < 2:
                raise NotApplicable(f"epoch {label} is shorter than two blocks of {length:g} s")
        self.order = np.argsort(self.start, kind="stable")
        self.block: NDArray[np.intp] | None = None  # of each spike; found once, used by every draw
        if "spike_time" in activity:
            closed = np.isin(self.stop, activity.segment_stop.values)
            times = activity.spike_time.values
            found = observed.piece_of(times, self.start[self.order], self.stop[self.order], closed[self.order])
            self.block = np.where(found >= 0, self.order[found], self.start.size)

    def deal(self, rng: np.random.Generator) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which blocks fall to the first and to the second half; the last entry stands for spikes outside all blocks."""
        masks = np.zeros((2, self.start.size + 1), bool)
        for index in np.unique(self.epoch):
            mine = rng.permutation(np.flatnonzero(self.epoch == index))
            half = mine.size // 2
            masks[0, mine[:half]] = True
            masks[1, mine[half : 2 * half]] = True
        return masks[0], masks[1]

    def take(self, mask: NDArray[np.bool_]) -> xr.Dataset:
        """The activity in the blocks of one half."""
        mine = self.order[mask[self.order]]
        kept = None if self.block is None else mask[self.block]
        return observed.take_pieces(self.activity, self.start[mine], self.stop[mine], kept)


def shifted_stimulus(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """The stimulus of each segment turned round by a random part (10-90 %) of its length: same stimulus, no relation."""
    if "covariate" not in activity:
        return activity
    values = activity.covariate.values.copy()
    for first, count in zip(activity.covariate_first_sample.values, activity.covariate_sample_count.values, strict=True):
        if count:
            piece = values[:, first : first + count]
            values[:, first : first + count] = np.roll(piece, int(count * rng.uniform(0.1, 0.9)), axis=1)
    return activity.assign(covariate=(activity.covariate.dims, values, activity.covariate.attrs))


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
    attributes = {k: v for k, v in activity.spike_time.attrs.items() if k != "tick"}
    return activity.drop_vars("spike_time").assign(
        spike_time=("spike", times, attributes), spike_count=("unit", count, activity.spike_count.attrs)
    )

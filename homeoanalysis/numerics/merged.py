"""The spikes of all units in one order of time, on a clock that runs only while something is observed.

On that clock each segment begins a fixed gap after the one before, whatever lies between them: a loop with windows
shorter than the gap never looks from one segment into another, and no number depends on when the recording was made.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.numerics import observed

Floats = NDArray[np.float64]
SIZE = 4_000_000  # spikes of a piece: some 100 MB


class Piece(NamedTuple):
    """A piece of the merged spikes. Those from `first` to `last` are its own; the others are only their neighbours."""

    time: Floats  # on the clock [s], sorted
    unit: NDArray[np.int32]
    first: int
    last: int


class Clock:
    """Time as it is observed: segment k begins `gap` [s] after segment k - 1 has ended."""

    def __init__(self, activity: xr.Dataset, gap: float) -> None:
        self.start, stop = observed.segments(activity)
        length = stop - self.start
        self.begin = np.cumsum(length + gap) - length - gap  # of each segment, on the clock
        self.end = self.begin + length

    def __call__(self, times: Floats) -> Floats:
        """Times of spikes, all of them observed, on the clock."""
        segment = np.searchsorted(self.start, times, side="right") - 1
        return np.asarray(times - self.start[segment] + self.begin[segment])

    def back(self, times: Floats) -> Floats:
        """From the clock (with no gap) to the time of the recording."""
        segment = np.minimum(np.searchsorted(self.end, times, side="right"), self.end.size - 1)
        return np.asarray(times - self.begin[segment] + self.start[segment])


def slack(activity: xr.Dataset, window: float) -> float:
    """What a window [s] is widened by, so that spikes of a sampling clock that lie just a window apart count as within it.

    A millionth of the window; two units in the last place of the times where these are coarser.
    """
    start, stop = observed.segments(activity)
    return max(observed.EDGE * window, 2 * float(np.spacing(max(abs(start[0]), abs(stop[-1])))))


def pieces(activity: xr.Dataset, reach: float, size: int = SIZE) -> Iterator[Piece]:
    """All spikes in order of time, some `size` at once, each piece with its neighbours within `reach` [s] on both sides.

    Segments are two reaches apart. Raises NotApplicable without spikes.
    """
    observed.need_spikes(activity)
    clock = Clock(activity, 2 * reach)
    count = activity.spike_count.values
    ends = np.cumsum(count)
    spikes = activity.spike_time.variable
    n = max(1, -(-int(count.sum()) // size))
    if n == 1:
        time, unit = clock(spikes.values), np.repeat(np.arange(count.size, dtype=np.int32), count)
        order = np.argsort(time, kind="stable")  # trains are sorted runs, which a stable sort merges
        yield Piece(time[order], unit[order], 0, time.size)
        return
    edges = np.linspace(0, clock.end[-1], n + 1)
    edges[[0, -1]] = -np.inf, np.inf
    wanted = np.concatenate([edges[:-1] - reach, edges[1:] + reach])
    place = np.array([b - c + np.searchsorted(clock(spikes[b - c : b].values), wanted) for b, c in zip(ends, count, strict=True)])
    for k in range(n):
        low, high = place[:, k], place[:, n + k]
        time = np.concatenate([clock(spikes[a:b].values) for a, b in zip(low, high, strict=True)])
        unit = np.repeat(np.arange(count.size, dtype=np.int32), high - low)
        order = np.argsort(time, kind="stable")
        time = time[order]
        first, last = np.searchsorted(time, edges[k : k + 2])
        yield Piece(time, unit[order], int(first), int(last))

"""Who is refractory: one byte for each neuron where all share one period, else the step of its last spike.

The loop over neurons is bound by what it reads, so that a byte in place of four counts.
"""

from typing import Any, NamedTuple

import numpy as np

from homeoanalysis.numerics.composition import each, inlined, summed
from homeoanalysis.numerics.traces import zeros

LONG_AGO, FOR_EVER = -(10**9), np.iinfo(np.int32).max  # steps


@summed
def is_refractory(rest, i, t):  # type: ignore[no-untyped-def]
    """Whether neuron i is held at its reset in step t."""
    return False


@each
def enter(rest, i, t):  # type: ignore[no-untyped-def]
    """Neuron i fires at the end of step t."""


@summed
def leave(rest, t):  # type: ignore[no-untyped-def]
    """Before step t: let those go whose period is over."""
    return 0


class Own(NamedTuple):
    """Each neuron has a period of its own."""

    last: np.ndarray  # (n, padded) step of the last spike; the padding is refractory for ever
    refractory: np.ndarray  # steps

    @staticmethod
    def is_refractory(rest, i, t):  # type: ignore[no-untyped-def]
        return rest.last[i] > t - rest.refractory[i]

    @staticmethod
    def enter(rest, i, t):  # type: ignore[no-untyped-def]
        rest.last[i] = t


class Common(NamedTuple):
    """All share one period, so that they leave it in the order of their spikes."""

    last: np.ndarray  # (n, padded) step of the last spike
    refractory: Any  # steps
    resting: np.ndarray  # (n, padded) bytes; the padding rests for ever
    queue: np.ndarray  # (2, n) a ring of who rests, and since when; first those that leave first
    ends: np.ndarray  # [how many have ever left, how many have ever entered]

    @staticmethod
    def is_refractory(rest, i, t):  # type: ignore[no-untyped-def]
        return rest.resting[i] != 0

    @staticmethod
    def enter(rest, i, t):  # type: ignore[no-untyped-def]
        rest.last[i] = t
        if rest.resting[i] == 0:
            rest.resting[i] = 1
            _queue(rest, i)

    @staticmethod
    def leave(rest, t):  # type: ignore[no-untyped-def]
        while rest.ends[0] < rest.ends[1]:
            slot = rest.ends[0] % rest.queue.shape[1]
            if rest.queue[1, slot] > t - rest.refractory:
                break
            i = rest.queue[0, slot]
            rest.ends[0] += 1
            # One whose threshold is below its reset fires while it rests.
            if rest.last[i] > t - rest.refractory:
                _queue(rest, i)
            else:
                rest.resting[i] = 0
        return 0


@inlined
def _queue(rest, i):  # type: ignore[no-untyped-def]
    slot = rest.ends[1] % rest.queue.shape[1]
    rest.queue[0, slot] = i
    rest.queue[1, slot] = rest.last[i]
    rest.ends[1] += 1


def rest(last: np.ndarray, n: int, refractory: Any) -> Own | Common:
    """Of n neurons that fired last at `last` (padded) and have this period [steps], common or of each."""
    if np.ndim(refractory):
        return Own(last, refractory)
    resting = zeros(last.size, np.uint8)
    resting[:] = 1  # `leave` lets those go that are free
    order = np.argsort(last[:n], kind="stable").astype(np.int32)
    queue, ends = zeros((2, n), np.int32), zeros(2, np.int64)
    queue[:], ends[1] = np.stack([order, last[order]]), n
    return Common(last, refractory, resting, queue, ends)


def never_fired(n: int, size: int) -> np.ndarray:
    """`last` of n neurons, padded to `size`."""
    last = zeros(size, np.int32)
    last[:n], last[n:] = LONG_AGO, FOR_EVER
    return last

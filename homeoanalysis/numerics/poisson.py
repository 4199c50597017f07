"""Poisson events from outside the network, for protocols.

Few events: the events of a block of 64 neurons in a step are Poisson(64 rate dt), and each picks its neuron uniformly.
Many events: each neuron draws its number from a 32-bit table of the distribution. Both are right where a neuron gets
several events in a step; the first is exact, the second to 2^-32 in each probability.
Source: superposition and splitting of Poisson processes, Kingman 1993, Poisson Processes, sections 2.2 and 5.1.
"""

from typing import Any, NamedTuple

import numpy as np

from homeoanalysis.numerics.channels import accept, receive
from homeoanalysis.numerics.composition import kernel, summed
from homeoanalysis.numerics.counter import below, halves, subkey, uniform
from homeoanalysis.numerics.mechanism import Target
from homeoanalysis.numerics.traces import zeros

_GUIDE = 256
_BLOCK = 64  # neurons whose events are drawn together
_CHUNK = 256  # neurons that draw at once; the parts of a population are multiples of it
_DENSE = 0.25  # events of a neuron in a step above which each neuron draws its own number


@summed
def chance(course, t):  # type: ignore[no-untyped-def]
    """The share of the events that happens at step t, where the rate follows a course."""
    return 1


def events(target: Target, key: np.uint64, channel: str, mean: float, weight: Any) -> Any:
    """Independent events for each neuron, `mean` in each step."""
    held = target.channels[channel]
    if mean > _DENSE:
        scratch = zeros(_CHUNK, np.uint32), zeros(_CHUNK, target.grid.dtype)
        return _Numbers(key, _thresholds(mean), held, weight, target.n, target.offset, mean, *scratch)
    return _Events(key, *table(_BLOCK * mean), held, weight, target.n, target.offset, mean)


def thinned_events(target: Target, key: np.uint64, channel: str, mean: float, weight: Any, course: Any) -> Any:
    """The same with `chance(course, t)` of the mean in step t."""
    held = target.channels[channel]
    return _Thinned(key, *table(_BLOCK * mean), held, weight, target.n, target.offset, mean, course)


def scaled(made: Any, scale: float) -> Any:
    """The same events at `scale` times their mean, with the same random numbers."""
    if isinstance(made, _Numbers):
        return made._replace(threshold=_thresholds(made.mean * scale))
    cumulative, guide = table(_BLOCK * made.mean * scale)
    return made._replace(cumulative=cumulative, guide=guide)


def table(mean: float) -> tuple[np.ndarray, np.ndarray]:
    """Cumulative distribution of Poisson(mean), and for each 256th of [0, 1) where the search in it starts."""
    cumulative = _cumulative(mean)
    cumulative[-1] = 1.0
    return cumulative, np.searchsorted(cumulative, np.arange(_GUIDE) / _GUIDE, side="right")


@kernel
def number_of(u, cumulative, guide):  # type: ignore[no-untyped-def]
    """The Poisson number that the uniform number u stands for."""
    number = guide[int(u * guide.size)]
    while u >= cumulative[number]:
        number += 1
    return number


def _cumulative(mean: float) -> np.ndarray:
    from scipy.special import pdtr

    return np.asarray(pdtr(np.arange(np.ceil(mean + 12 * np.sqrt(mean) + 40)), mean))


def _thresholds(mean: float) -> np.ndarray:
    """A word of 32 bits at or above k of these stands for k events; a multiple of four."""
    words = np.round(_cumulative(mean) * 2.0**32)
    words = words[words < 2.0**32]
    return np.append(words, np.full(-words.size % 4, 2.0**32 - 1)).astype(np.uint32)


class _Events(NamedTuple):
    """Few events."""

    key: np.uint64
    cumulative: np.ndarray
    guide: np.ndarray
    channel: tuple
    weight: Any
    n: int
    offset: int
    mean: float  # events of a neuron in a step, before any scaling

    @staticmethod
    def arrive(item, t):  # type: ignore[no-untyped-def]
        arrivals = accept(item.channel, t)
        key = subkey(item.key, t)
        for start in range(0, item.n, _BLOCK):
            block = subkey(key, (item.offset + start) // _BLOCK)
            for k in range(number_of(uniform(block, 0), item.cumulative, item.guide)):
                i = start + below(block, k + 1, _BLOCK)
                if i < item.n:
                    receive(arrivals, i, item.weight)


class _Thinned(NamedTuple):
    """Events whose mean follows a course."""

    key: np.uint64
    cumulative: np.ndarray
    guide: np.ndarray
    channel: tuple
    weight: Any
    n: int
    offset: int
    mean: float  # at chance 1, before any scaling
    course: Any

    @staticmethod
    def arrive(item, t):  # type: ignore[no-untyped-def]
        p = chance(item.course, t)
        if p > 0:
            arrivals = accept(item.channel, t)
            key = subkey(item.key, t)
            for start in range(0, item.n, _BLOCK):
                block = subkey(key, (item.offset + start) // _BLOCK)
                for k in range(number_of(uniform(block, 0), item.cumulative, item.guide)):
                    i = start + below(block, 2 * k + 1, _BLOCK)
                    if i < item.n and uniform(block, 2 * k + 2) < p:
                        receive(arrivals, i, item.weight)


class _Numbers(NamedTuple):
    """Many events."""

    key: np.uint64
    threshold: np.ndarray
    channel: tuple
    weight: Any
    n: int
    offset: int  # a multiple of _BLOCK
    mean: float
    word: np.ndarray  # (_CHUNK,) random numbers at hand
    number: np.ndarray  # (_CHUNK,) events of these neurons

    @staticmethod
    def arrive(item, t):  # type: ignore[no-untyped-def]
        arrivals = accept(item.channel, t)
        key = subkey(item.key, t)
        for start in range(0, item.n, _CHUNK):
            size = min(_CHUNK, item.n - start)
            largest = halves(key, item.offset + start, item.word)
            item.number[:] = 0
            for k in range(0, item.threshold.size, 4):
                if item.threshold[k] > largest:
                    break
                _count_four(item.word, item.threshold[k : k + 4], item.number, item.number.dtype.type(1))
            _send(arrivals, start, size, item.number, item.weight)


@kernel
def _count_four(word, threshold, number, one):  # type: ignore[no-untyped-def]
    """Four thresholds at once: the loop is bound by memory."""
    a, b, c, d = threshold[0], threshold[1], threshold[2], threshold[3]
    zero = one - one
    for i in range(word.size):
        low = (one if word[i] >= a else zero) + (one if word[i] >= b else zero)
        number[i] += low + ((one if word[i] >= c else zero) + (one if word[i] >= d else zero))


@kernel
def _send(arrivals, start, size, number, weight):  # type: ignore[no-untyped-def]
    for i in range(np.uint64(size)):
        receive(arrivals, np.uint64(start) + i, weight * number[i])

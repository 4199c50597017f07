"""Distances between two samples of numbers, whose values may weigh differently."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Sample(NamedTuple):
    """Numbers, and how much each of them weighs; the weights add up to 1."""

    values: Floats
    weight: Floats


def sample(members: list[Floats]) -> Sample:
    """The values of all members, each member (its array of values) weighing alike."""
    weight = np.concatenate([np.full(m.size, 1 / m.size / len(members)) for m in members])
    return Sample(np.concatenate(members), weight)


def wasserstein(one: Sample, other: Sample) -> float:
    """1-Wasserstein distance: the area between the two distribution functions, in the unit of the values.

    Of two distributions that differ by a shift it is the shift.
    Source: Vallender 1974, Theory Probab Appl 18:784-786, doi:10.1137/1118101.
    """
    gap, difference = _between(one, other)
    return float(np.abs(difference) @ gap)


def energy_distance(one: Sample, other: Sample) -> float:
    """2 E|X - Y| - E|X - X'| - E|Y - Y'| = 2 times the integral of the squared difference of the distribution functions.

    In the unit of the values; 0 only between equal distributions.
    Source: Szekely & Rizzo 2013, J Stat Plan Inference 143:1249-1272, doi:10.1016/j.jspi.2013.03.018.
    """
    gap, difference = _between(one, other)
    return float(2 * difference**2 @ gap)


def _between(one: Sample, other: Sample) -> tuple[Floats, Floats]:
    """The gaps between successive values of both, and how far the distribution functions differ in each."""
    values = np.concatenate([one.values, other.values])
    order = np.argsort(values, kind="stable")
    step = np.concatenate([one.weight, -other.weight])[order]
    return np.diff(values[order]), np.cumsum(step)[:-1]

"""Fits of a course in time by relaxations: exponential with a delay, over-damped, under-damped; and by a straight line.

A course is linear in its levels once its times (tau, delay, period) are given. So each family is a grid of times, solved for
its levels by one batch of QR decompositions; the sum of squares on the grid is the profile of the likelihood, and the same
decompositions fit every bootstrap sample. There are no starting values that could matter.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Family(NamedTuple):
    """A grid of times, and the shapes of the course that go with each point of it."""

    tau: Floats  # (point) [s], the slowest
    other: Floats  # (point) [s]: delay, second time constant, or period
    basis: Floats  # (point, bin, level): level 0 is the constant that the course goes to
    n_parameters: int


class Fit(NamedTuple):
    """The best point of a family: times [s], levels in the unit of the course, and the weighted sum of squares."""

    tau: float
    other: float
    levels: Floats
    squares: float
    curve: Floats


def exponential(time: Floats, tau: Floats, delay: Floats, width: float = 0.0) -> Family:
    """r_end + a exp(-(t - delay) / tau), constant before the delay; the mean over bins of `width` [s] around the times.

    Of the other families the mean over a bin is a multiple of the value in its middle; here it is not where the course bends,
    and between the middles of two bins the delay could not be told from the level.
    """
    t, d = (x.ravel() for x in np.meshgrid(tau, delay, indexing="ij"))
    tau_of, since = t[:, None], time - d[:, None]
    if width:
        start, stop = since - width / 2, since + width / 2
        falls = np.exp(-np.maximum(start, 0) / tau_of) - np.exp(-np.maximum(stop, 0) / tau_of)
        shape = (np.clip(-start, 0, width) + tau_of * falls) / width
    else:
        shape = np.exp(-np.maximum(since, 0) / tau_of)
    return Family(t, d, np.stack([np.ones_like(shape), shape], axis=-1), 4)


def decay(time: Floats, tau: Floats) -> Family:
    """a exp(-t / tau)."""
    return Family(tau, np.full(tau.shape, np.nan), np.exp(-time / tau[:, None])[..., None], 2)


def over_damped(time: Floats, tau: Floats, other: Floats) -> Family:
    """r_end + a exp(-t / tau) + b exp(-t / other), other at most half of tau."""
    t, d = (x.ravel() for x in np.meshgrid(tau, other, indexing="ij"))
    t, d = t[d <= t / 2], d[d <= t / 2]
    shapes = [np.exp(-time / x[:, None]) for x in (t, d)]
    return Family(t, d, np.stack([np.ones_like(shapes[0]), *shapes], axis=-1), 5)


def under_damped(time: Floats, tau: Floats, period: Floats) -> Family:
    """r_end + exp(-t / tau) (a cos(2 pi t / period) + b sin(2 pi t / period)); it swings at least once in 4 tau."""
    t, d = (x.ravel() for x in np.meshgrid(tau, period, indexing="ij"))
    t, d = t[d <= 4 * t], d[d <= 4 * t]
    decay, phase = np.exp(-time / t[:, None]), 2 * np.pi * time / d[:, None]
    return Family(t, d, np.stack([np.ones_like(decay), decay * np.cos(phase), decay * np.sin(phase)], axis=-1), 5)


def line(time: Floats) -> Family:
    """A straight line: what a relaxation far slower than the observation cannot be told from."""
    basis = np.stack([np.ones_like(time), time], axis=-1)[None]
    return Family(np.array([np.inf]), np.array([np.nan]), basis, 2)


class Solver:
    """A family at given weights (bin): the decompositions that fit any number of courses."""

    def __init__(self, family: Family, weight: Floats) -> None:
        self.family, self.root = family, np.sqrt(weight)
        self.q, self.r = np.linalg.qr(family.basis * self.root[:, None])
        self.columns = self.q.transpose(1, 2, 0).reshape(self.root.size, -1)  # (bin, level x point)

    def squares(self, course: Floats) -> Floats:
        """(..., point): weighted sum of squared residuals of courses (..., bin)."""
        y = course * self.root
        projected = (y @ self.columns).reshape(*y.shape[:-1], self.r.shape[-1], -1)  # (..., level, point)
        return np.asarray(np.maximum((y**2).sum(axis=-1)[..., None] - (projected**2).sum(axis=-2), 0))

    def fit(self, course: Floats) -> Fit:
        """The best point for one course (bin)."""
        squares = self.squares(course)
        at = int(np.argmin(squares))
        levels = np.linalg.solve(self.r[at] + 1e-12 * np.eye(self.r.shape[-1]), self.q[at].T @ (course * self.root))
        f = self.family
        return Fit(float(f.tau[at]), float(f.other[at]), levels, float(squares[at]), f.basis[at] @ levels)


def profile(tau: Floats, squares: Floats) -> tuple[Floats, Floats]:
    """Each time constant of the grid, and the least sum of squares that goes with it."""
    values, at = np.unique(tau, return_inverse=True)
    least = np.full(values.size, np.inf)
    np.minimum.at(least, at, squares)
    return values, least


def profile_interval(tau: Floats, squares: Floats, df: int, level: float) -> tuple[float, float]:
    """Where the profile stays below (1 + level / df) of its minimum, interpolated in ln tau; 0 or inf if it never leaves."""
    values, least = profile(tau, squares)
    excess = least / least.min() - 1 - level / df
    inside = np.flatnonzero(excess <= 0)
    first, last = inside[0], inside[-1]

    def crossing(a: int, b: int) -> float:
        share = excess[a] / (excess[a] - excess[b])
        return float(np.exp(np.log(values[a]) + share * (np.log(values[b]) - np.log(values[a]))))

    low = 0.0 if first == 0 else crossing(first - 1, first)
    high = np.inf if last == values.size - 1 else crossing(last, last + 1)
    return low, high


def akaike(squares: float, n: int, n_parameters: int) -> float:
    """Of normal residuals of unknown variance."""
    return float(n * np.log(max(squares, 1e-300) / n) + 2 * (n_parameters + 1))

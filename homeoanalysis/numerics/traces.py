"""Exponential traces and conductances that cost nothing between spikes.

A trace holds scaled values: the trace of element i at step t is `value[i] * down[t mod period]`. A spike adds
`up[t mod period]`; nothing is touched in between, and once a period of about `PERIODS` time constants all values
are renormalised. A period is a power of two of steps, between 5.6 and 11.4 time constants, or 2^LONGEST steps.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from homeoanalysis.numerics.composition import inlined, kernel

PERIODS = 8  # exp(8) = 3e3: costs some digits of the range of a float, none of its precision
LONGEST = 16  # tables stay in the cache for slow traces too
LINE = 64  # bytes of a cache line


class Trace(NamedTuple):
    """Exponentially decaying values of many elements."""

    value: np.ndarray  # scaled by `up` of the step
    up: np.ndarray  # exp(+t/tau), one entry for each step of a period
    down: np.ndarray  # exp(-t/tau)
    keep: Any  # decay over a whole period
    clock: np.ndarray  # [last settled period]
    shift: int  # a period is 2^shift steps


def zeros(shape: int | tuple[int, ...], dtype: Any = float) -> np.ndarray:
    """Zeros that start on a cache line, and share their last one with no other array.

    Whatever is written in the loop over time, however small: what one thread writes then costs no other a miss of the cache.
    """
    used = math.prod(np.atleast_1d(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(used + 2 * LINE, np.uint8)
    return raw[-raw.ctypes.data % LINE :][:used].view(dtype).reshape(shape)


def filled(shape: int | tuple[int, ...], value: float, dtype: Any = float) -> np.ndarray:
    """The same with another value."""
    made = zeros(shape, dtype)
    made[:] = value
    return made


def trace(n: int, tau: float, dt: float, dtype: np.dtype) -> Trace:
    """n traces at zero, of time constant `tau` [s], for steps of `dt` [s]."""
    shift = min(max(1, round(math.log2(PERIODS * tau / dt))), LONGEST)
    z = np.arange(1 << shift) * dt / tau
    keep = dtype.type(np.exp(-z.size * dt / tau))
    return Trace(zeros(n, dtype), np.exp(z).astype(dtype), np.exp(-z).astype(dtype), keep, zeros(1, np.int64), shift)


@kernel
def _renormalise(value, keep, clock, period):  # type: ignore[no-untyped-def]
    while clock[0] < period:
        clock[0] += 1
        for i in range(value.size):
            value[i] *= keep


@inlined
def settle(trace, t):  # type: ignore[no-untyped-def]
    """Renormalise if a period has passed since; return the step inside the period."""
    period = t >> trace.shift
    if trace.clock[0] < period:
        _renormalise(trace.value, trace.keep, trace.clock, period)
    return t - (period << trace.shift)


@inlined
def bump(trace, i, t):  # type: ignore[no-untyped-def]
    """A spike of element i at step t."""
    # Written in two lines: `trace.value[i] += trace.up[settle(trace, t)]` reads value[i] before it settles.
    z = settle(trace, t)
    trace.value[i] += trace.up[z]


@inlined
def saturate(trace, i, t):  # type: ignore[no-untyped-def]
    """A spike of element i at step t, of which only the latest counts: the trace becomes 1."""
    z = settle(trace, t)
    trace.value[i] = trace.up[z]


@inlined
def mark(trace, i, t, is_nearest):  # type: ignore[no-untyped-def]
    """A spike of element i at step t, which pairs with the nearest spikes only, or with all."""
    if is_nearest:
        saturate(trace, i, t)
    else:
        bump(trace, i, t)


@inlined
def factor(trace, t):  # type: ignore[no-untyped-def]
    """What `value[i]` must be multiplied by to be the trace at step t."""
    return trace.down[settle(trace, t)]


def levels(trace: Trace, t: int) -> np.ndarray:
    """The traces at step t; nothing is changed."""
    period = t // trace.down.size
    return trace.value * (trace.keep ** (period - trace.clock[0]) * trace.down[t - period * trace.down.size])

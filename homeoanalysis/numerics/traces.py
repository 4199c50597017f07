"""Exponential traces and conductances that cost nothing between spikes.

A trace holds scaled values: the trace of element i at step t is `value[i] * down[t mod period]`. A spike adds
`up[t mod period]`; nothing is touched in between, and once a period of `PERIODS` time constants all values
are renormalised.
"""

from typing import Any, NamedTuple

import numpy as np

from homeoanalysis.numerics.composition import kernel

PERIODS = 8  # exp(8) = 3e3: costs three digits of the range of a float, none of its precision
LINE = 64  # bytes of a cache line


class Trace(NamedTuple):
    """Exponentially decaying values of many elements."""

    value: np.ndarray  # scaled by `up` of the step
    up: np.ndarray  # exp(+t/tau), one entry for each step of a period
    down: np.ndarray  # exp(-t/tau)
    keep: Any  # decay over a whole period
    clock: np.ndarray  # [last settled period]


def zeros(n: int, dtype: np.dtype) -> np.ndarray:
    """Zeros that start on a cache line."""
    raw = np.zeros(n * dtype.itemsize + LINE, np.uint8)
    return raw[-raw.ctypes.data % LINE :][: n * dtype.itemsize].view(dtype)


def trace(n: int, tau: float, dt: float, dtype: np.dtype) -> Trace:
    """n traces at zero, of time constant `tau` [s], for steps of `dt` [s]."""
    z = np.arange(max(2, round(PERIODS * tau / dt))) * dt / tau
    keep = dtype.type(np.exp(-z.size * dt / tau))
    return Trace(zeros(n, dtype), np.exp(z).astype(dtype), np.exp(-z).astype(dtype), keep, np.zeros(1, np.int64))


@kernel
def settle(trace, t):  # type: ignore[no-untyped-def]
    """Renormalise if a period has passed since; return the step inside the period."""
    period = t // trace.down.size
    while trace.clock[0] < period:
        trace.clock[0] += 1
        for i in range(trace.value.size):
            trace.value[i] *= trace.keep
    return t - period * trace.down.size


@kernel
def bump(trace, i, t):  # type: ignore[no-untyped-def]
    """A spike of element i at step t."""
    # Written in two lines: `trace.value[i] += trace.up[settle(trace, t)]` reads value[i] before it settles.
    z = settle(trace, t)
    trace.value[i] += trace.up[z]


@kernel
def factor(trace, t):  # type: ignore[no-untyped-def]
    """What `value[i]` must be multiplied by to be the trace at step t."""
    return trace.down[settle(trace, t)]


def levels(trace: Trace, t: int) -> np.ndarray:
    """The traces at step t; nothing is changed."""
    period = t // trace.down.size
    return trace.value * (trace.keep ** (period - trace.clock[0]) * trace.down[t - period * trace.down.size])

"""Surrogates of sampled signals: each channel keeps what it is, and loses its relation to the others."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.contracts import SIGNALS
from homeoanalysis.numerics import observed

Floats = NDArray[np.float64]


def shifted_channels(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """Each channel of each signal turned round within each segment, apart from all others and from what is not turned.

    Of n channels one is turned by (k + u) / (n + 1) of the segment, each k of 1 to n once, u between -1/4 and 1/4: two that
    were turned by the same part would keep their relation.
    """
    kinds = [k for k in SIGNALS if k in activity]
    offset = np.cumsum([0, *(activity.sizes[f"{kind}_channel"] for kind in kinds)])
    parts = activity.sizes["segment"], offset[-1]
    place = rng.permuted(np.broadcast_to(np.arange(1, offset[-1] + 1), parts), axis=1)
    turn = (place + rng.uniform(-0.25, 0.25, parts)) / (offset[-1] + 1)
    changed = {}
    for kind, before in zip(kinds, offset, strict=False):
        signal = activity.variables[kind]
        values = signal.values.copy()
        first, count = (observed.array(activity, f"{kind}_{v}") for v in ("first_sample", "sample_count"))
        for segment, (a, n) in enumerate(zip(first, count, strict=True)):
            for channel, part in zip(values, turn[segment, before:], strict=False):
                channel[a : a + n] = np.roll(channel[a : a + n], round(n * part))
        changed[kind] = signal.copy(data=values)
    return observed.replaced(activity, changed)


def shuffled_samples(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """The samples of each channel of each signal in a random order within each segment: the same values, a white spectrum."""
    changed = {}
    for kind in (k for k in SIGNALS if k in activity):
        signal = activity.variables[kind]
        values = signal.values.copy()
        first, count = (observed.array(activity, f"{kind}_{v}") for v in ("first_sample", "sample_count"))
        for a, n in zip(first, count, strict=True):
            for channel in values:
                rng.shuffle(channel[a : a + n])
        changed[kind] = signal.copy(data=values)
    return observed.replaced(activity, changed)

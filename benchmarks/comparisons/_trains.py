"""Spikes of days: Poisson trains that are made where they are read, as from a file."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from homeoanalysis.numerics import synthetic

TICK = 1 / 30_000  # s


class _Trains(BackendArray):
    """Each train is a stretched part of one long train, on whole ticks."""

    def __init__(self, rates: np.ndarray, duration: float, rng: np.random.Generator) -> None:
        self.base = np.cumsum(rng.standard_exponential(int(2.2 * duration * rates.max())))
        self.offset = rng.integers(0, int(duration * rates.max()), rates.size)
        self.rates = rates
        self.count = np.array(
            [np.searchsorted(self.base, self.base[o] + duration * r) - o for o, r in zip(self.offset, rates, strict=True)]
        )
        self.first = np.concatenate([[0], np.cumsum(self.count)])
        self.shape, self.dtype = (int(self.first[-1]),), np.dtype(float)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> np.ndarray:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._read)

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        start, stop, _ = key[0].indices(self.shape[0])
        found = [np.empty(0)]
        for u in range(int(np.searchsorted(self.first, start, side="right")) - 1, self.rates.size):
            a, b = max(start, self.first[u]), min(stop, self.first[u + 1])
            if a >= b:
                break
            at = self.offset[u] + np.array([a, b]) - self.first[u]
            times = (self.base[slice(*at)] - self.base[self.offset[u]]) / self.rates[u]
            found.append(np.floor(times / TICK) * TICK)
        return np.concatenate(found)


def unread(
    rates: np.ndarray, duration: float, rng: np.random.Generator, epochs: Mapping[str, tuple[float, float]] | None = None
) -> xr.Dataset:
    """An activity of units with these rates [Hz] over [0, duration], whose spikes are nowhere yet."""
    trains = _Trains(rates, duration, rng)
    one = synthetic.activity([np.zeros(0)] * rates.size, duration, epochs=epochs).drop_vars(["spike_time", "spike_count"])
    times = xr.Variable("spike", indexing.LazilyIndexedArray(trains), {"units": "s", "tick": TICK})
    return one.assign(spike_time=times, spike_count=("unit", trains.count, {"units": "1"}))

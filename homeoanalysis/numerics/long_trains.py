"""Spike trains of days that do not fit into memory: parts of them that are read where they are used."""

from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from homeoanalysis.contracts import storage

Counts = NDArray[np.int64]


class Ranges(NamedTuple):
    """Which entries of spike_time are kept: those from `first` up to `last`, (unit, piece) each, in order."""

    first: Counts
    last: Counts


def is_long(activity: xr.Dataset) -> bool:
    """Whether the spikes of the activity are never all in memory."""
    return bool(activity.sizes["spike"] > storage.SPIKES_IN_MEMORY)


def taken(times: xr.Variable, kept: Ranges) -> tuple[xr.Variable, Counts]:
    """The kept spikes, still unread, and how many each unit has."""
    lazy = indexing.LazilyIndexedArray(_Joined(times, kept.first.ravel(), kept.last.ravel()))
    return xr.Variable("spike", lazy, times.attrs), np.asarray((kept.last - kept.first).sum(axis=1))


class _Joined(BackendArray):
    """Ranges of a variable, one after the other."""

    def __init__(self, variable: xr.Variable, first: Counts, last: Counts) -> None:
        some = last > first
        self.variable, self.first, self.n = variable, first[some], (last - first)[some]
        self.end = np.cumsum(self.n)
        self.shape, self.dtype = (int(self.n.sum()),), variable.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._read)

    def _read(self, key: tuple[Any, ...]) -> Any:
        if not isinstance(key[0], slice):
            k = int(np.searchsorted(self.end, key[0], side="right"))
            return self.variable[int(self.first[k] + key[0] - self.end[k] + self.n[k])].values
        start, stop, step = key[0].indices(self.shape[0])
        parts = [np.empty(0, self.dtype)]
        for k in range(int(np.searchsorted(self.end, start, side="right")), self.n.size):
            begin = self.end[k] - self.n[k]  # where the range begins among all
            if begin >= stop:
                break
            a, b = max(start - begin, 0), min(stop - begin, self.n[k])
            parts.append(self.variable[int(self.first[k] + a) : int(self.first[k] + b)].values)
        return np.concatenate(parts)[::step]

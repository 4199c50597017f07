"""Signals that are read from their files where they are looked at -> the variables of activity/1."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from homeoanalysis.contracts.blocks import is_large
from homeoanalysis.ingest.pieces import Floats, Piece
from homeoanalysis.numerics.findings import Survey
from homeoanalysis.numerics.lfp import Resampler, resample
from homeoanalysis.numerics.raw import Raw

_INT16 = 32767


def variables(
    name: str,
    raws: Sequence[Raw | None],
    pieces: Sequence[Piece],
    how: Resampler,
    surveys: Sequence[Survey | None],
    *,
    units: str,
    long_name: str,
    still: Callable[[], None],
) -> dict[str, Any]:
    """A signal of all segments, and where each of them begins in it. What is large stays on disk till it is written.

    raws: one for each piece, None where it was not recorded. surveys: of those whose files hold whole numbers; by them the step
    is chosen. still: raises DataError if the files have changed; asked whenever they are read.
    """
    there = [raw for raw in raws if raw]
    gains = {raw.gain for raw in there}
    largest = max((float(np.max(np.abs([s.lowest, s.highest]))) for s in surveys if s), default=0.0)
    step = _step(gains.pop() if len(gains) == 1 else None, largest, how)
    counts = np.array([how.n_out(raw.n_samples) if raw else 0 for raw in raws], np.int64)
    variable = xr.Variable((f"{name}_channel", f"{name}_sample"), indexing.LazilyIndexedArray(_Lazy(there, how, step, still)))
    rate = there[0].sampling_rate * how.up / how.down
    variable.attrs = {"units": units, "sampling_rate": rate, "long_name": long_name}
    if step is not None:
        variable.attrs["step"] = step
    if not is_large(variable):
        variable = variable.copy(data=variable.values)
    start = [raw.t_start + p.offset if raw else p.start for raw, p in zip(raws, pieces, strict=True)]
    return {
        name: variable,
        f"{name}_first_sample": ("segment", np.cumsum(counts) - counts, {"units": "1"}),
        f"{name}_sample_count": ("segment", counts, {"units": "1"}),
        f"{name}_t_start": ("segment", start, {"units": "s"}),
    }


def _step(gain: float | None, largest: float, how: Resampler) -> float | None:
    """The step in which 16 bits hold whatever comes out: that of the file, or a multiple where the filter may overshoot.

    None where the file has no step, or more bits.
    """
    if gain is None:
        return None
    bound = largest * how.overshoot
    if not how.taps.size and largest <= _INT16 + 1:  # the file's own numbers
        return gain
    multiple = max(1, int(np.ceil(bound / _INT16)))
    return gain * multiple if multiple <= 2 * how.overshoot else None


class _Lazy(BackendArray):
    """The signal of all segments, computed where it is looked at; the same bits in whatever pieces that is."""

    def __init__(self, raws: Sequence[Raw], how: Resampler, step: float | None, still: Callable[[], None]) -> None:
        self._raws, self._how, self._step, self._still = raws, how, step, still
        self._stops = np.cumsum([how.n_out(raw.n_samples) for raw in raws])
        self.shape = len(raws[0].names), int(self._stops[-1])
        self.dtype = np.dtype(float)

    def __getitem__(self, key: Any) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._read)

    def _read(self, key: tuple[Any, ...]) -> Any:
        rows, columns = (slice(k, k + 1) if isinstance(k, int | np.integer) else k for k in key)
        a, b, stride = columns.indices(self.shape[1])
        if stride < 0:  # as slices of python: the same samples, from the other end
            a, b = (a + stride * ((a - b - 1) // -stride), a + 1) if a > b else (0, 0)
        values = self._samples(a, max(a, b), list(range(self.shape[0]))[rows])[:, :: abs(stride)]
        values = values[:, ::-1] if stride < 0 else values
        return values[tuple(0 if isinstance(k, int | np.integer) else slice(None) for k in key)]

    def _samples(self, start: int, stop: int, channels: list[int]) -> Floats:
        found = np.empty((len(channels), stop - start))
        for raw, end, begin in zip(self._raws, self._stops, np.concatenate([[0], self._stops[:-1]]), strict=True):
            a, b = max(start, int(begin)), min(stop, int(end))
            if a < b and channels:
                self._still()
                part = resample(raw, self._how, a - int(begin), b - int(begin), channels)
                if self._step is not None and raw.gain is not None:
                    part = np.rint(part / round(self._step / raw.gain)) * self._step + 0.0  # no -0.0, which disk has not
                elif raw.gain is not None:
                    part = part * raw.gain
                found[:, a - start : b - start] = part
        return found

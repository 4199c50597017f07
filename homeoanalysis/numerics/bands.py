"""Named bands of frequencies, and what independent channels look like in them."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.errors import DataError

Floats = NDArray[np.float64]
Spans = Mapping[str, tuple[float, float]]


def members(frequency: Floats, bands: Spans, exclude: Sequence[tuple[float, float]] = ()) -> tuple[NDArray[np.bool_], str]:
    """(band, frequency): which frequencies lie in each band and in no excluded span; and which bands are empty, and why.

    A band that reaches beyond the highest frequency holds none: a part of it is not the band.
    Raises DataError for a band whose ends are not in order.
    """
    found = np.zeros((len(bands), frequency.size), bool)
    told = []
    step = frequency[1] - frequency[0] if frequency.size > 1 else 0.0
    for k, (name, (low, high)) in enumerate(bands.items()):
        if not 0 <= low < high:
            raise DataError(f"band {name} is [{low:g} Hz, {high:g} Hz]; write the lower end first, from 0 Hz on")
        if high > frequency[-1] + step:
            told.append(f"{name} reaches beyond the highest frequency, {frequency[-1]:.4g} Hz")
            continue
        found[k] = (frequency >= low * (1 - 1e-9)) & (frequency <= high * (1 + 1e-9))
        for a, b in exclude:
            found[k] &= (frequency < a) | (frequency > b)
        if not found[k].any():
            told.append(f"{name} holds none of the frequencies, which begin at {frequency[0]:.4g} Hz, {step:.3g} Hz apart")
    return found, "; ".join(told)


def averaged(values: Floats, inside: NDArray[np.bool_]) -> Floats:
    """The mean over each band along the second to last axis: (..., frequency, thing) -> (..., band, thing)."""
    empty = np.full((*values.shape[:-2], values.shape[-1]), np.nan)
    return np.stack([values[..., row, :].mean(axis=-2) if row.any() else empty for row in inside], axis=-2)


def noted(reasons: NDArray[np.object_], text: str) -> NDArray[np.object_]:
    """Reasons with a further one for all."""
    return np.array(["; ".join(filter(None, (why, text))) for why in reasons], dtype=object)

"""Many tests at once."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def holm(p: Floats) -> Floats:
    """Adjusted p-values: with probability 0.95 none of those at or below 0.05 is false, however they depend. NaN stays.

    Source: Holm 1979, Scand. J. Statist. 6:65.
    """
    adjusted = np.full(p.shape, np.nan)
    index = np.flatnonzero(np.isfinite(p))
    order = index[np.argsort(p[index])]
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * (order.size - np.arange(order.size))), 1)
    return adjusted


def discoveries(p: Floats) -> Floats:
    """q values: the false discovery rate at which each p value of a family is found. NaN is in no family, and stays.

    Source: Benjamini & Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x; it also holds for the positively dependent
    values of neighbouring frequencies (Benjamini & Yekutieli 2001, doi:10.1214/aos/1013699998).
    """
    adjusted = np.full(p.shape, np.nan)
    tested = np.isfinite(p)
    values = p[tested]
    order = np.argsort(values)[::-1]
    found = np.empty(values.size)
    scaled = values[order] * values.size / np.arange(values.size, 0, -1)
    found[order] = np.minimum(np.minimum.accumulate(scaled), 1)
    adjusted[tested] = found
    return adjusted

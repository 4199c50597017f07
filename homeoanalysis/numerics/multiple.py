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


def benjamini_hochberg(p: Floats) -> Floats:
    """Adjusted p-values: of those at or below 0.05 one in twenty is false on average, if tests are independent. NaN stays.

    Source: Benjamini & Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x.
    """
    adjusted = np.full(p.shape, np.nan)
    index = np.flatnonzero(np.isfinite(p))
    order = index[np.argsort(p[index])[::-1]]
    scaled = p[order] * order.size / np.arange(order.size, 0, -1)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled), 1)
    return adjusted

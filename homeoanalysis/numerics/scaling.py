"""Whether one sample of synaptic strengths is another one multiplied by a factor.

The cells are the sample: strengths of one cell are not independent of each other, so that the bootstrap resamples cells.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_FACTORS = np.geomspace(0.2, 5.0, 323)  # 1 % apart
_QUANTILES = np.linspace(0.02, 0.98, 49)


class Scaling(NamedTuple):
    """A factor, how well the scaled sample fits, and what the factor leaves over."""

    factor: float  # that makes the treated sample most like the control
    p: float  # of Kolmogorov and Smirnov at that factor: the greatest of all, so that it errs towards "multiplied"
    slope: float  # of ln(treated / factor / control) on ln(control) over quantiles; 0 where all are multiplied alike
    low: float  # 95 % interval over cells
    high: float


def multiplied(
    control: Sequence[Floats], treated: Sequence[Floats], threshold: float, rng: np.random.Generator, draws: int = 1000
) -> Scaling:
    """Compare the strengths of control and treated cells, one array for each cell.

    threshold: below it nothing is detected. A treated strength that the factor brings below it is left out, as the control
    has none either. The slope is taken between the quantiles 0.02 and 0.98. The interval is the percentile bootstrap over
    cells of both groups, at the factor of the whole sample.
    Source: iterative test Kim, Tsien & Alger 2012, doi:10.1371/journal.pone.0037364; ratios Hanes et al. 2020,
    doi:10.1523/JNEUROSCI.1508-19.2020.
    """
    before, after = np.sort(np.concatenate(control)), np.sort(np.concatenate(treated))
    ps = [_p(before, after / f, threshold) for f in _FACTORS]
    best = int(np.argmax(ps))
    factor = float(_FACTORS[best])
    times = [np.empty((draws, len(cells))) for cells in (control, treated)]  # that each cell stands in each draw
    for k in range(draws):
        for one in times:
            one[k] = np.bincount(rng.integers(0, one.shape[1], one.shape[1]), minlength=one.shape[1])
    scaled = [cell[cell / factor >= threshold] / factor for cell in treated]
    slopes = _slope(_quantiles(control, times[0]), _quantiles(scaled, times[1]))
    low, high = np.nanquantile(slopes, [0.025, 0.975])
    whole = _slope(*(_quantiles(cells, np.ones((1, len(cells)))) for cells in (control, scaled)))
    return Scaling(factor, ps[best], float(whole[0]), float(low), float(high))


def _p(control: Floats, scaled: Floats, threshold: float) -> float:
    """Kolmogorov and Smirnov's probability of two sorted samples, asymptotic."""
    from scipy import special

    scaled = scaled[np.searchsorted(scaled, threshold) :]
    if scaled.size < 2:
        return 0.0
    every = np.concatenate([control, scaled])
    distance = np.abs(
        np.searchsorted(control, every, side="right") / control.size - np.searchsorted(scaled, every, side="right") / scaled.size
    ).max()
    n = control.size * scaled.size / (control.size + scaled.size)
    return float(special.kolmogorov(np.sqrt(n) * distance))


def _slope(control: Floats, scaled: Floats) -> Floats:
    """(draw): of the quantiles (draw, quantile)."""
    x = np.log(control)
    y = np.log(scaled) - x
    centred = x - x.mean(axis=1, keepdims=True)
    return np.asarray((centred * y).sum(axis=1) / (centred**2).sum(axis=1))


def _quantiles(cells: Sequence[Floats], times: Floats) -> Floats:
    """(draw, quantile) of the values of all cells, each as often as `times` (draw, cell) says; NaN of fewer than two values.

    The values are sorted once for all draws: what stands where in a draw is told by how many stand before it.
    """
    value = np.concatenate(cells)
    order = np.argsort(value, kind="stable")
    cell = np.repeat(np.arange(len(cells)), [one.size for one in cells])[order]
    value = value[order]
    found = np.full((len(times), _QUANTILES.size), np.nan)
    for one, each in zip(found, times, strict=True):
        last = np.cumsum(each[cell])
        if value.size and last[-1] > 1:
            at = _QUANTILES * (last[-1] - 1)
            below = np.floor(at)
            low, high = value[last.searchsorted([below, below + 1], side="right")]
            one[:] = low + (at - below) * (high - low)
    return found

"""Whether one sample of synaptic strengths is another one multiplied by a factor.

The cells are the sample: strengths of one cell are not independent of each other, so that the bootstrap resamples cells.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.numerics.compiled import compiled

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
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
    ps = _likeness(np.sort(np.concatenate(control)), np.sort(np.concatenate(treated)), threshold)
    best = int(np.argmax(ps))
    factor = float(_FACTORS[best])
    times = _times((len(control), len(treated)), draws, rng)
    scaled = [cell[cell / factor >= threshold] / factor for cell in treated]
    slopes = _slope(_quantiles(control, times[0]), _quantiles(scaled, times[1]))
    low, high = np.nanquantile(slopes, [0.025, 0.975])
    whole = _slope(*(_quantiles(cells, np.ones((1, len(cells)), np.int64)) for cells in (control, scaled)))
    return Scaling(factor, float(ps[best]), float(whole[0]), float(low), float(high))


def _likeness(control: Floats, treated: Floats, threshold: float) -> Floats:
    """(factor): Kolmogorov and Smirnov's probability of two sorted samples, asymptotic; 0 where fewer than two are detected."""
    from scipy import special

    distance, size = _distances(control, treated, _FACTORS, threshold)
    n = control.size * size / (control.size + size)
    return np.asarray(np.where(size > 1, special.kolmogorov(np.sqrt(n) * distance), 0.0))


@compiled
def _distances(control, treated, factors, threshold):  # type: ignore[no-untyped-def]
    """(factor): the greatest distance of the two distributions, and how many treated values the factor leaves."""
    distance, size = np.zeros(factors.size), np.zeros(factors.size, np.int64)
    for f in range(factors.size):
        first = 0
        while first < treated.size and treated[first] / factors[f] < threshold:
            first += 1
        size[f] = treated.size - first
        below, above = 0, first
        while below < control.size and above < treated.size:
            here = min(control[below], treated[above] / factors[f])
            while below < control.size and control[below] <= here:
                below += 1
            while above < treated.size and treated[above] / factors[f] <= here:
                above += 1
            distance[f] = max(distance[f], abs(below / control.size - (above - first) / size[f]))
    return distance, size


def _times(cells: tuple[int, int], draws: int, rng: np.random.Generator) -> list[Counts]:
    """(draw, cell) of both groups: how often each cell stands in each draw."""
    chosen = rng.integers(0, np.tile(np.repeat(cells, cells), (draws, 1)))
    parts = np.split(chosen, [cells[0]], axis=1)
    return [
        np.bincount((one + n * np.arange(draws)[:, None]).ravel(), minlength=draws * n).reshape(draws, n)
        for one, n in zip(parts, cells, strict=True)
    ]


def _slope(control: Floats, scaled: Floats) -> Floats:
    """(draw): of the quantiles (draw, quantile)."""
    x = np.log(control)
    y = np.log(scaled) - x
    centred = x - x.mean(axis=1, keepdims=True)
    return np.asarray((centred * y).sum(axis=1) / (centred**2).sum(axis=1))


def _quantiles(cells: Sequence[Floats], times: Counts) -> Floats:
    """(draw, quantile) of the values of all cells, each as often as `times` (draw, cell) says; NaN of fewer than two values.

    The values are sorted once for all draws: what stands where in a draw is told by how many stand before it.
    """
    value = np.concatenate(cells)
    order = np.argsort(value, kind="stable")
    size = np.array([one.size for one in cells])
    found = np.full((len(times), _QUANTILES.size), np.nan)
    _fill_quantiles(value[order], np.repeat(np.arange(size.size), size)[order], times, times @ size, _QUANTILES, found)
    return found


@compiled
def _fill_quantiles(value, cell, times, total, quantiles, found):  # type: ignore[no-untyped-def]
    """total: (draw), values of each draw."""
    high = np.empty(quantiles.size)
    for draw in range(times.shape[0]):
        if total[draw] < 2:
            continue
        before, a, b = 0, 0, 0
        for k in range(value.size):
            before += times[draw, cell[k]]
            while a < quantiles.size and np.floor(quantiles[a] * (total[draw] - 1)) < before:
                found[draw, a] = value[k]
                a += 1
            while b < quantiles.size and np.floor(quantiles[b] * (total[draw] - 1)) + 1 < before:
                high[b] = value[k]
                b += 1
        for q in range(quantiles.size):
            at = quantiles[q] * (total[draw] - 1)
            found[draw, q] += (at - np.floor(at)) * (high[q] - found[draw, q])

"""How far the rates of units move apart over two equal gaps, beyond counting noise."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.numerics.rates import Rates

Floats = NDArray[np.float64]
N_COLUMNS = 6  # of `tabulate_changes`
_CHANCE = 1e-3  # that counting noise or fast fluctuations pass for drift


def tabulate_changes(control: Rates, baseline: Rates, recovery: Rates) -> Floats:
    """(unit, 6): log ratio, its square and its counting noise, to the baseline and from it.

    Rates are of whole epochs, (unit,).
    """
    noise = [1 / (epoch.spikes + 0.5) for epoch in (control, baseline, recovery)]
    before, after = baseline.log - control.log, recovery.log - baseline.log
    columns = [before, before**2, noise[0] + noise[1], after, after**2, noise[1] + noise[2]]
    return np.stack(columns, axis=1)


def measure_variances(means: Floats) -> tuple[Floats, Floats]:
    """Variances of the log ratios over units, less counting noise, of the two gaps.

    means: (..., 6), of the columns of `tabulate_changes`; variances: (...).
    """
    first, second = means[..., :3], means[..., 3:]
    before = first[..., 1] - first[..., 0] ** 2 - first[..., 2]
    after = second[..., 1] - second[..., 0] ** 2 - second[..., 2]
    return np.asarray(before), np.asarray(after)


def is_drift_told(control: Rates, baseline: Rates) -> bool:
    """Whether units drift apart more than Poisson spikes do, with p < 0.001.

    A ratio to a drift that is hardly told from 0 has no interval: those that chance lets through
    have too large a drift. The test is that all units share one ratio of rates (chi-square).
    Rates are of whole epochs, (unit,). False below two units.
    """
    from scipy import special

    if control.spikes.size < 2:
        return False
    return bool(special.chdtrc(control.spikes.size - 1, _sum_squares(control, baseline)) < _CHANCE)


def are_rates_slow(epochs: Sequence[Rates]) -> bool:
    """Whether units move apart more from half to half of an epoch than from bin to bin, p < 0.001.

    Spikes that come in bursts scatter the rates of both; slow fluctuations those of halves alone.
    The ratio of the sums of squares is held against F.
    epochs: (unit, bin), with spikes of each unit in each epoch.
    """
    from scipy import special

    halves = bins = 0.0
    for epoch in epochs:
        middle = epoch.spikes.shape[1] // 2
        halves += _sum_squares(*(_join(epoch, k) for k in (slice(middle), slice(middle, None))))
        bins += _sum_squares(*(_join(epoch, slice(k, None, 2)) for k in (0, 1)))
    n = len(epochs) * (len(epochs[0].spikes) - 1)
    return bins > 0 and bool(special.fdtrc(n, n, halves / bins) < _CHANCE)


def _join(epoch: Rates, bins: slice) -> Rates:
    return Rates(epoch.spikes[:, bins].sum(axis=1), epoch.time[:, bins].sum(axis=1))


def _sum_squares(first: Rates, second: Rates) -> float:
    """Chi-square of units, (unit,), against rates that all change by one ratio."""
    spikes = np.stack([first.spikes, second.spikes], axis=1)
    time = np.stack([first.time, second.time], axis=1)
    # Shares of a unit's spikes that fall into the two epochs, if all rates change alike.
    weight = time * (spikes.sum(axis=0) / time.sum(axis=0))
    expected = spikes.sum(axis=1, keepdims=True) * weight / weight.sum(axis=1, keepdims=True)
    square = (spikes - expected) ** 2
    return float(np.divide(square, expected, out=np.zeros(spikes.shape), where=expected > 0).sum())

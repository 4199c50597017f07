"""How far the rates of units move apart over two equal gaps, beyond counting noise."""

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.numerics.rates import Rates

Floats = NDArray[np.float64]
N_COLUMNS = 6  # of `tabulate_changes`
_CHANCE = 1e-3  # that independent Poisson spikes pass for drift


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
    spikes = np.stack([control.spikes, baseline.spikes], axis=1)
    time = np.stack([control.time, baseline.time], axis=1)
    # Shares of a unit's spikes that fall into the two epochs, if all rates change alike.
    weight = time * (spikes.sum(axis=0) / time.sum(axis=0))
    expected = spikes.sum(axis=1, keepdims=True) * weight / weight.sum(axis=1, keepdims=True)
    square = np.divide(
        (spikes - expected) ** 2, expected, out=np.zeros(spikes.shape), where=expected > 0
    )
    return bool(special.chdtrc(len(spikes) - 1, square.sum()) < _CHANCE)

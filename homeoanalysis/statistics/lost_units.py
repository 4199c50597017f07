"""Units that the recording has lost, which look silent.

The electrode loses units, and finds others. Nothing in the spikes tells a lost unit from one that
has fallen silent for good. Neither has a rate to come back to, so that both are left out.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.numerics.rates import Rates

_RARE = 1e-3  # probability of so long a silence at either end
_LONGER = 2.0  # than any other silence of the unit


def find_lost_units(epochs: Sequence[Rates]) -> NDArray[np.bool_]:
    """Which units are silent in an epoch, at the start of the first, or to the end of the last.

    epochs: in the order of time, from `rates.bin_epochs`. A silence at either end counts if it is
    twice as long as any other of the unit, and if Poisson spikes at the rate that the unit has
    otherwise would leave it with a probability below 0.1 %. Units that are slow, or that are silent
    now and then, are kept. Epochs may be read backwards: a found unit is a lost one then.
    Returns (unit,).
    """
    is_silent = np.any([epoch.spikes.sum(axis=1) == 0 for epoch in epochs], axis=0)
    spikes = np.concatenate([epoch.spikes for epoch in epochs], axis=1)
    time = np.concatenate([epoch.time for epoch in epochs], axis=1)
    ends = [
        not silent and _ends_in_silence(*unit)
        for silent, *unit in zip(is_silent, spikes, time, strict=True)
    ]
    return np.asarray(is_silent | np.array(ends, bool))


def _ends_in_silence(spikes: NDArray[np.int64], time: NDArray[np.float64]) -> bool:
    """The same of one unit that fires, from its spikes and observed time [s] in all bins."""
    clock = np.concatenate([[0.0], np.cumsum(time)])
    firing = np.flatnonzero(spikes)
    between = (clock[firing[1:]] - clock[firing[:-1] + 1]).max(initial=0.0)
    silence = max(clock[firing[0]], clock[-1] - clock[firing[-1] + 1])
    rate = spikes.sum() / (clock[-1] - silence)
    return bool(silence > _LONGER * between and np.exp(-rate * silence) < _RARE)

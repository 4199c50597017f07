"""Power spectral densities from the sums of a cross-spectrum, with their jackknife."""

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.numerics import cross_spectra as cs
from homeoanalysis.numerics.pieces import Kind, Pieces

Floats = NDArray[np.float64]
NO_PAIRS: NDArray[np.intp] = np.zeros((0, 2), np.intp)


def unit_of(units: str, kind: Kind) -> str:
    """Of the density of a signal in `units`; that of spikes is in Hz."""
    if kind == "spikes":
        return "Hz"
    return "1/Hz" if units == "1" else f"{units}^2/Hz"


def densities(pieces: Pieces, spectra: cs.Spectra, kind: Kind) -> tuple[Floats, Floats]:
    """(frequency, channel) of all estimates, and (group, frequency, channel) without each group.

    Of a signal one-sided: its integral over frequency is the variance. Of spikes two-sided, so that a Poisson train has its
    rate at all frequencies.
    """
    step = pieces.grid.bin_size
    factor = 1 / step if kind == "spikes" else 2 * step
    total, n = spectra.power.sum(axis=0), spectra.weight.sum()
    rest = (n - spectra.weight)[:, None, None]
    return factor * total / n, factor * (total - spectra.power) / rest

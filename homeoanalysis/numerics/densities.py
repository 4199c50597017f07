"""Power spectral densities from the sums of a cross-spectrum, with their jackknife."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.numerics import cross_spectra as cs
from homeoanalysis.numerics.pieces import Kind, Pieces

Floats = NDArray[np.float64]
NO_PAIRS: NDArray[np.intp] = np.zeros((0, 2), np.intp)


def unit_of(activity: xr.Dataset, kind: Kind) -> str:
    """Of the density of a signal; that of spikes is in Hz."""
    if kind == "spikes":
        return "Hz"
    units = activity[kind].attrs["units"]
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


def log_error(value: Floats, deleted: Floats, weight: Floats) -> Floats:
    """Standard error of the natural logarithm: (channel, thing) of a density, and (group, thing, channel) without each group."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return cs.standard_error(np.log(value).T, np.log(deleted), weight).T
